/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_parts.h - what a follow is made of: the names it knows, a list that is being read, and the
 * job that decodes. Internal to controller/kube.
 */
#ifndef CONTROLLER_KUBE_FOLLOW_PARTS_H
#define CONTROLLER_KUBE_FOLLOW_PARTS_H

#include "controller/kube/follow.h"

/* Names, each once. */
struct known_keys {
    struct map map; /* "ns/name" -> itself */
};
void known_keys_init(struct known_keys *keys);
void known_keys_fini(struct known_keys *keys);
/* Add or remove a name; returns whether it was there. */
bool known_keys_set(struct known_keys *keys, struct bytes ns, struct bytes name, bool is_there);
bool known_keys_has(const struct known_keys *keys, struct bytes ns, struct bytes name);
bool known_keys_next(const struct known_keys *keys, size_t *at, struct bytes *ns,
                     struct bytes *name);

struct listed {
    struct served_item item;
    bool is_gone;
};
/* What a list has brought so far, in order. */
struct listing {
    struct listed *list; /* mem_resize()d; objects are refs */
    size_t count;
    size_t capacity;
    struct arena arena; /* the texts */
};
void listing_init(struct listing *listing);
void listing_fini(struct listing *listing);
void listing_clear(struct listing *listing);
void listing_add(struct listing *listing, struct served_item *item, bool is_gone);
/* The names that a list has. */
void known_keys_of(struct known_keys *keys, const struct listing *listing);

struct decode_job;
typedef void decode_job_done_fn(struct decode_job *job); /* on the loop; destroys it */
struct decode_job {
    uv_work_t work;
    void *owner; /* the follow */
    const struct followed *what;
    decode_job_done_fn *on_done;
    bool is_page;
    struct text bytes; /* whole lines, or a page */
    struct arena arena;
    /* results: */
    bool is_invalid; /* what follows the events cannot be read */
    struct served_page page;
    struct served_event *events; /* mem_resize()d */
    size_t events_count;
};
/* Takes the first `len` bytes out of `bytes`. */
struct decode_job *decode_job_create(struct follow *follow, bool is_page, struct text *bytes,
                                     size_t len);
void decode_job_start(struct decode_job *job, uv_loop_t *loop, decode_job_done_fn *on_done);
void decode_job_destroy(struct decode_job *job);

/* Frees the memory after overwriting it: it may hold keys. */
void text_wipe(struct text *text);

struct follow {
    struct follow_config config; /* its ns is owned */
    struct reflector reflector;
    struct api_call *call; /* NULL: none under way */
    uv_timer_t timer;      /* the next call */
    struct text bytes;     /* came, not decoded */
    bool is_decoding;
    bool has_ended; /* the call; `end` says how */
    bool is_read;   /* the page that the call brought has been decoded */
    struct reflector_end end;
    struct text message; /* of the last failure */
    struct known_keys known;
    struct listing listing;
    struct follow_stats stats;
    enum reflector_trouble told; /* in the log */
    uint64_t contact_at_ms;
    uint64_t random;
    bool is_closing;
    unsigned parts_open; /* the timer, the job */
    follow_closed_fn *on_closed;
    void *closed_context;
};

#endif
