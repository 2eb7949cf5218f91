/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_call.h - the inside of an api, for its files alone.
 *
 *     api.c        what calls share: identity, address, session, the timer, the end
 *     api_call.c   one call: begun, answered, begun again, ended
 *     api_easy.c   what libcurl is told of a call, and its callbacks
 *     api_probe.c  a connection on which nothing comes is asked whether it is alive
 *
 * A call waits until there is an identity and an address, runs on a line, and ends; or waits for
 * the identity to be read again, and begins once more.
 */
#ifndef CONTROLLER_KUBE_API_CALL_H
#define CONTROLLER_KUBE_API_CALL_H

#include "controller/kube/addresses.h"
#include "controller/kube/api.h"
#include "controller/kube/auth.h"
#include "controller/kube/session.h"
#include "core/list.h"

#define API_CONNECT_TIMEOUT_MS 10000 /* TLS included */
/* A peer that is gone without a word is found after 25 s, idle or not. */
#define API_KEEP_ALIVE_IDLE_S     10
#define API_KEEP_ALIVE_INTERVAL_S 5
#define API_KEEP_ALIVE_COUNT      3
#define API_USER_TIMEOUT_MS       25000
/* One that acknowledges and says nothing is found after these two together; where it cannot be
 * asked, a call that may not be silent ends after the third. */
#define API_PROBE_AFTER_MS      12000
#define API_PROBE_TIMEOUT_MS    12000
#define API_UNPROBED_SILENCE_MS 25000
/* Of the body of a 401, kept for the case that it stays one. */
#define API_HELD_BYTES_MAX     65536
#define API_RETRY_AFTER_MS_MAX 3600000u
/* Of all bodies, unpacked, in one turn of the loop: the rest waits for the next, as traffic does.
 */
#define API_TURN_BYTES_MAX 262144
#define API_READ_BYTES     2048 /* what libcurl unpacks at a time, at most a thousandfold */
#define API_PAUSE_MS       1

enum call_state {
    CALL_WAITING,   /* for an identity, an address, or that libcurl is left */
    CALL_RUNNING,   /* on a line */
    CALL_RENEWING,  /* for a reading of the identity; line is NULL */
    CALL_CANCELLED, /* goes when nobody up the stack stands on it */
    CALL_ENDED,     /* on_end is being called */
};

/* A session and how many calls are on it. */
struct api_line {
    struct api *api;         /* borrowed */
    struct session *session; /* owned */
    struct address address;  /* of all its connections */
    size_t calls_count;
    uint64_t tls_number;    /* of the identity its connections are made with */
    uint64_t heard_ms;      /* when the last byte of any call came */
    struct api_call *probe; /* borrowed; NULL: none is under way */
    uint64_t probe_started_ms;
    bool is_retired; /* closes with its last call */
};

struct api_stats {
    uint64_t answers[6]; /* by the first digit of the status */
    uint64_t failed;
    uint64_t silent;
    uint64_t late;
    uint64_t cancelled;
    uint64_t again; /* begun once more, unseen */
    uint64_t bytes;
    uint64_t connections;
    uint64_t held_too_large;
    uint64_t pauses; /* a turn had taken its share */
    uint64_t dead_connections;
};

struct api_probing {
    uint32_t after_ms;
    uint32_t timeout_ms;
};

struct api {
    uv_loop_t *loop; /* borrowed */
    struct log *log; /* borrowed */
    struct access access;
    struct auth *auth; /* owned; NULL once closed */
    struct addresses addresses;
    struct api_line *line; /* for calls that begin; NULL: the next one opens it */
    size_t lines_open;
    struct list calls; /* all of them */
    uint64_t calls_count;
    uint64_t last_serial;
    uv_timer_t timer; /* the next call that is late or silent */
    uv_timer_t pause; /* calls that wait for the next turn */
    uint64_t turn_ms; /* the turn that turn_bytes is of */
    size_t turn_bytes;
    struct api_stats stats;
    struct api_probing probing;
    bool is_closing;
    int timers_open;
    api_closed_fn *on_closed;
    void *closed_context;
};

struct api_call {
    struct list link; /* in api->calls */
    struct api *api;  /* borrowed */
    enum call_state state;
    uint64_t serial;
    struct api_request request; /* its path and body are these: */
    struct text path;
    struct text body;
    struct api_line *line;      /* borrowed, while running */
    CURL *easy;                 /* owned, while running */
    struct curl_slist *headers; /* owned, likewise */
    struct curl_slist *connect_to;
    uint64_t started_ms;
    uint64_t heard_ms;        /* when the last byte came */
    uint64_t identity_number; /* it was sent with */
    size_t addresses_tried;
    bool has_renewed; /* once is enough */
    bool is_head_told;
    bool is_h2;   /* known once a head came */
    bool is_held; /* by the caller; it is paused with the next bytes */
    bool is_paused;
    bool is_telling; /* on_bytes is being called from outside of libcurl */
    bool is_held_too_large;
    /* of the last attempt */
    CURLcode result;
    int status;
    uint32_t retry_after_ms;
    struct text held; /* the body of a 401 that may yet be none */
    char error[CURL_ERROR_SIZE];
};

/* For tests: connect to these, whatever the name of the server says. */
void api_fix_addresses(struct api *api, const struct address *list, size_t count);
/* For tests: probe sooner. */
void api_fix_probing(struct api *api, struct api_probing probing);

/* api.c, for the others */
/* False when this turn has had its share: the call is to be paused, and goes on by itself. */
bool api_may_read(struct api_call *call, size_t bytes);
void api_pump(struct api *api);
/* In the list of calls, and waiting; nothing is done with it yet. */
struct api_call *api_new_call(struct api *api, const struct api_request *request);
/* What is due first has changed. */
void api_set_timer(struct api *api);
/* What begins from now on gets connections of its own. */
void api_retire_line(struct api *api);
/* One call less is on it. */
void api_line_leave(struct api_line *line);

/* api_call.c, for api.c */
void call_begin(struct api_call *call, struct api_line *line);
void call_on_done(struct api_call *call, CURLcode result);
/* The reading it waited for has ended. */
void call_on_identity_read(struct api_call *call);
void call_fail(struct api_call *call, struct bytes why);
void call_time_out(struct api_call *call, enum api_end end);
void call_drop(struct api_call *call);
/* UINT64_MAX: never. *end says what it is then. */
uint64_t call_due_ms(const struct api_call *call, enum api_end *end);

/* api_probe.c, for the others */
/* How long this call may be silent, on the line where it is; 0: for ever. */
uint32_t call_silence_ms(const struct api_call *call);
/* When its line is to be probed; UINT64_MAX: not for its sake. */
uint64_t call_probe_due_ms(const struct api_call *call);
/* Not from inside libcurl. */
void call_probe_line(struct api_call *call);

/* api_easy.c, for api_call.c */
void call_make_easy(struct api_call *call, const struct address *address,
                    const struct identity *identity);
void call_free_easy(struct api_call *call);
/* Status, Retry-After. */
void call_read_easy(struct api_call *call);

#endif
