/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo.h - the sample backend of demo, e2e tests and bench, in six files.
 *
 *     echo.c (sockets, timers) -> echo_request.c (bytes to requests) -> echo_paths.c (what to
 *     answer) -> echo_answer.c (bodies) or echo_websocket.c; echo_buffer.c is under all of them.
 *
 * It stands apart from the proxy's own code on purpose: a fault there must not be mirrored here.
 */
#ifndef TESTS_BENCH_ECHO_H
#define TESTS_BENCH_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_BYTES_MAX  (256u * 1024)
#define IN_BYTES_MAX    (HEAD_BYTES_MAX + 64u * 1024)
#define CHUNK_BYTES_MAX (64u * 1024)  /* of one chunk, or one piece of pattern */
#define OUT_BYTES_MARK  (256u * 1024) /* nothing more is produced or read above it */

/* A growing queue of bytes: [start, end) of `bytes` is in use. */
struct buffer {
    char *bytes; /* owned */
    size_t start;
    size_t end;
    size_t size;
};

size_t buffer_length(const struct buffer *buffer);
/* Room for `count` more bytes at the end; returns where they go. */
char *buffer_reserve(struct buffer *buffer, size_t count);
void buffer_append(struct buffer *buffer, const void *bytes, size_t count);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *buffer, size_t count);
void buffer_fini(struct buffer *buffer);

enum conn_state {
    CONN_HEAD,      /* waiting for a request head */
    CONN_BODY,      /* taking in a request body, to be echoed, counted or thrown away */
    CONN_ANSWER,    /* producing an answer, or sleeping before the next piece of it */
    CONN_WEBSOCKET, /* frames both ways */
    CONN_FLUSH,     /* the last bytes go out, then the connection ends */
};

enum produce {
    PRODUCE_NOTHING,
    PRODUCE_TEXT,   /* the default text, after a delay */
    PRODUCE_BYTES,  /* left bytes of the pattern */
    PRODUCE_CHUNKS, /* left chunks of chunk_size bytes */
    PRODUCE_DRIP,   /* left bytes, one every pause_ms */
    PRODUCE_ECHO,   /* the request body, as it comes */
};

enum ending { END_KEEP, END_CLOSE, END_RESET };

struct request {
    char method[32];
    char *target; /* borrowed from `head` */
    char *fields; /* borrowed from `head`: the field lines as received, with their line ends */
    size_t fields_length;
    struct buffer head; /* copy of the head, with a NUL behind the target */
    bool is_head;       /* method HEAD */
    bool is_1_0;
    bool keep_alive;
    bool chunked;
    bool has_length;
    bool expects_continue;
    bool websocket;
    char websocket_key[64];
    uint64_t length_left; /* of a body with a length */
    uint64_t body_bytes;  /* taken in so far */
};

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILERS };

struct conn {
    int fd;
    uint64_t number;   /* of this connection, from 1 */
    uint64_t requests; /* so far on this connection */
    enum conn_state state;
    enum produce produce;
    enum ending ending;
    bool can_read; /* edge-triggered: until a call says EAGAIN or comes back short */
    bool can_write;
    bool hung_up; /* epoll told that the peer has sent its last byte */
    bool at_eof;  /* ... and all of them were read */
    enum chunk_state chunk_state;
    uint64_t chunk_left;
    uint64_t left; /* what PRODUCE_* still has to make */
    uint64_t made; /* bytes of pattern made so far */
    uint32_t chunk_size;
    uint32_t pause_ms;
    int status;
    bool trailers;       /* of a chunked answer */
    uint64_t wake_at_ms; /* 0 = not sleeping */
    struct conn *next_sleeper;
    struct request request;
    struct buffer in;
    struct buffer out;
};

extern const char *echo_name;        /* --name */
extern const char *echo_health_file; /* --health; NULL: always well */

_Noreturn void die(const char *what); /* prints errno too */
uint64_t now_ms(void);
/* Call conn_run() again after so many milliseconds. */
void conn_sleep(struct conn *conn, uint32_t ms);

/* echo_request.c: each returns what it did with the bytes waiting in conn->in. */
enum took { TOOK_NOTHING, TOOK_SOME, TOOK_ALL, TOOK_BAD };
enum took request_take_head(struct conn *conn);
bool request_has_body(const struct request *request);
/* TOOK_ALL at the end of the body. Echoed into conn->out when produce is PRODUCE_ECHO. */
enum took request_take_body(struct conn *conn);

/* echo_paths.c */
/* Begin the answer to the request that was just read; sets state, produce and ending. */
void answer_begin(struct conn *conn);
/* The request body is complete. */
void answer_body_ended(struct conn *conn);

/* echo_answer.c */
/* The status line and the fields every answer has; what ends the head is the caller's. */
void answer_head(struct conn *conn, int status);
/* The last fields of an answer with a length, and the empty line. */
void answer_head_end(struct conn *conn, uint64_t length);
/* The whole default answer. */
void answer_text(struct conn *conn);
/* /bytes/1024 at once, if that was asked for and nothing else matters. */
bool answer_fast(struct conn *conn);
/* Make more of the answer; false when nothing can be done now. */
bool answer_produce(struct conn *conn);
/* A piece of the request body, for PRODUCE_ECHO. */
void answer_echo(struct conn *conn, const char *bytes, size_t count);

/* echo_websocket.c */
void websocket_begin(struct conn *conn);
/* Answer the frames waiting in conn->in; false when there is no whole one. */
bool websocket_run(struct conn *conn);

#endif
