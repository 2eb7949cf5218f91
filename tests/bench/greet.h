/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greet.h - the parts of the TLS client: its load and one of its connections.
 */
#ifndef GREET_H
#define GREET_H

#include <openssl/ssl.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELD_MAX           4096
#define SETTINGS_ACK       "\0\0\0\4\1\0\0\0\0"
#define SETTINGS_ACK_BYTES 9

struct options {
    struct sockaddr_in to;
    char host[256]; /* an array, for OpenSSL's macro casts const away */
    const char *path;
    uint64_t seconds;
    uint32_t connections;
    uint32_t hold; /* 0 = the first form */
    bool resume;
    bool http2; /* else HTTP/1.1 */
};

enum step { STEP_GREET, STEP_ASK, STEP_ANSWER, STEP_DONE };

/* How far an answer is read; all zero before its first byte. */
struct answer {
    bool has_head;  /* HTTP/1.1: the head is over and `left` bytes of body are to come */
    bool is_last;   /* HTTP/2: the answer ends with this frame */
    bool is_inside; /* HTTP/2: `left` bytes of a frame are to come */
    bool owes_settings_ack;
    size_t left;
    size_t held_length; /* of a head, or of a frame's head, that is not whole yet */
    char *held;         /* owned, HELD_MAX */
};

struct conn {
    int fd;
    enum step step;
    SSL *ssl;             /* owned */
    SSL_SESSION *session; /* owned; the newest ticket this slot was given, or NULL */
    struct answer answer;
};

struct load {
    struct options options;
    struct conn *conns; /* owned */
    uint32_t opened;    /* slots of `conns` that were used, when they are held */
    SSL_CTX *tls;       /* owned */
    char request[1024];
    size_t request_length;
    int epoll_fd;
    uint32_t open_count;
    uint64_t end_ms; /* nothing is begun after it; what was is finished, and counts */
    uint64_t done;
    uint64_t failed;
    uint64_t resumed;
    uint64_t tickets;
    const char *cipher; /* of the newest connection */
};

_Noreturn void die(const char *what);
void *allocate(size_t count, size_t size);

/* greet_conn.c. What a step says: more than 0 it moved, 0 it waits for the socket, less it failed.
 */
void make_tls(struct load *load);
void conn_open(struct load *load, struct conn *conn);
void conn_close(struct load *load, struct conn *conn);
void conn_release_buffers(struct conn *conn);
int conn_step(struct load *load, struct conn *conn);

/* greet_answer.c. The request's bytes, all that is sent on a connection; and what they bring. */
enum took { TOOK_SOME, TOOK_ALL, TOOK_BAD };

void make_request(struct load *load);
enum took answer_take(struct answer *answer, bool http2, const char *bytes, size_t count);

#endif
