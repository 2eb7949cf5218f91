/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow_parts.h - what a follow is made of: the names it knows, a list that is being read, and the
 * jobs that decode. Internal to controller/kube.
 */
#ifndef CONTROLLER_KUBE_FOLLOW_PARTS_H
#define CONTROLLER_KUBE_FOLLOW_PARTS_H

#include "controller/kube/follow.h"
#include "controller/object/page.h"

/* Names, each once; of a list that has a sibling with what stands there. */
struct known_keys {
    struct map map; /* "ns/name" -> itself */
};
void known_keys_init(struct known_keys *keys);
void known_keys_fini(struct known_keys *keys);
/* Add or remove a name; returns whether it was there. `object` is ref()ed, and may be NULL. */
bool known_keys_put(struct known_keys *keys, struct bytes ns, struct bytes name,
                    struct object *object);
bool known_keys_remove(struct known_keys *keys, struct bytes ns, struct bytes name);
bool known_keys_has(const struct known_keys *keys, struct bytes ns, struct bytes name);
/* *object: borrowed, or NULL; left alone where the name is not there. */
bool known_keys_get(const struct known_keys *keys, struct bytes ns, struct bytes name,
                    struct object **object);
bool known_keys_next(const struct known_keys *keys, size_t *at, struct bytes *ns,
                     struct bytes *name);

struct decode_job;
typedef void decode_job_done_fn(struct decode_job *job); /* on the loop; takes the job over */
struct decode_job {
    uv_work_t work;
    void *owner; /* the follow */
    const struct followed *what;
    decode_job_done_fn *on_done;
    struct decode_job *next; /* of those that a listing keeps */
    bool is_list;            /* a line is an item of a page, else an event */
    bool is_seed;            /* of a snapshot: events that were no answer of the server */
    struct text bytes;       /* whole lines */
    struct bytes list; /* for a snapshot: borrowed from the follow; empty: nothing is recorded */
    struct arena arena;
    /* results: */
    struct text record;          /* lines of record.h */
    bool records_end;            /* with them the list is whole */
    bool is_invalid;             /* what follows the events cannot be read */
    struct served_event *events; /* mem_resize()d; objects are refs */
    size_t events_count;
};
/* Takes the first `len` bytes out of `bytes`. */
struct decode_job *decode_job_create(struct follow *follow, struct text *bytes, size_t len);
/* With no bytes, and nothing to start: what a snapshot has, added line by line on any thread. */
struct decode_job *decode_job_create_seed(const struct followed *what);
/* False: it is no event. */
bool decode_job_add_line(struct decode_job *job, struct bytes line);
void decode_job_start(struct decode_job *job, uv_loop_t *loop, decode_job_done_fn *on_done);
void decode_job_destroy(struct decode_job *job);

/* What a list has brought so far, in order. It keeps the jobs that decoded it. */
struct listing {
    const struct served_event **events; /* mem_resize()d; into the jobs */
    size_t count;
    size_t capacity;
    struct decode_job *jobs; /* owned, by `next` */
    uint64_t bytes;          /* as they came */
};
void listing_add(struct listing *listing, const struct served_event *event);
void listing_keep(struct listing *listing, struct decode_job *job);

/* What is not needed any more. Freeing takes its time, so the thread pool does it. */
struct leavings {
    struct decode_job *jobs; /* owned, by `next` */
    const struct served_event **events;
    struct known_keys keys;
};
void leavings_drop(const struct leavings *leavings, uv_loop_t *loop);

/* Frees the memory after overwriting it: it may hold keys. */
void text_wipe(struct text *text);

/* A list that has come takes the place of what was known, step by step. */
struct applying {
    bool is_on;
    size_t at; /* of the listing */
    struct known_keys before;
    size_t before_at;
};

struct follow {
    struct follow_config config; /* its ns is owned */
    struct reflector reflector;
    struct api_call *call;   /* NULL: none under way */
    uv_timer_t timer;        /* the next call */
    uv_timer_t turn;         /* goes on with taking */
    struct text bytes;       /* came, not decoded */
    struct page page;        /* that is being read, of a list */
    struct text list;        /* its path, as a snapshot names it */
    size_t list_number;      /* there */
    struct decode_job *seed; /* owned; waits for its turn; NULL: none */
    bool awaits_seed;        /* it will come, or it will be said that there is none */
    bool is_seeded;          /* has been told in place of a list */
    bool is_decoding;
    struct decode_job *taking; /* owned; decoded, and being told */
    size_t taking_at;
    bool has_ended;    /* the call; `end` says how */
    bool is_read;      /* the page that the call brought has been told */
    bool wants_relist; /* the call was ended for that */
    struct reflector_end end;
    struct text message; /* of the last failure */
    struct known_keys known;
    struct listing listing;
    struct applying applying;
    bool is_synced; /* a list has been told to its end, or there is none */
    struct follow_stats stats;
    enum reflector_trouble told; /* in the log */
    uint64_t contact_at_ms;
    uint64_t random;
    bool is_closing;
    unsigned parts_open; /* the timers, the job */
    follow_closed_fn *on_closed;
    void *closed_context;
};

/* ---- follow_take.c ---- */

/* Tell what was decoded, a part of it in each turn of the loop; follow_taken() when all of it is
 * told. */
void follow_take(struct follow *follow, struct decode_job *job);
/* The items of a page are told, and its head is whole: what it says goes on. */
void follow_take_page(struct follow *follow);
/* All that is known goes, as by an empty list. */
void follow_forget_all(struct follow *follow);
bool follow_is_taking(const struct follow *follow);
void follow_init_taking(struct follow *follow);

/* ---- follow_trouble.c ---- */

/* Where it has changed since it was logged. */
void follow_log_trouble(struct follow *follow);

/* ---- follow_seed.c ---- */

/* A list is asked for; a job has been decoded; the list has nothing, and is none that was read. */
void follow_record_listing(struct follow *follow);
void follow_record_job(struct follow *follow, struct decode_job *job);
void follow_record_end(struct follow *follow);
void follow_record_absent(struct follow *follow);
/* It is its turn. */
void follow_take_seed(struct follow *follow);
void follow_drop_seed(struct follow *follow);

/* ---- follow_absent.c ---- */

/* The call ended in TROUBLE_ABSENT; or a seed that was awaited is not to come. */
void follow_weigh_absence(struct follow *follow);

/* ---- follow_call.c ---- */

/* Ask what the reflector wants to know next. */
void follow_start(struct follow *follow);
void follow_drop_call(struct follow *follow);
/* We end the call: what it says is a failure. NULL: it makes no sense. */
void follow_fail_call(struct follow *follow, const struct served_failure *failure);
/* The same, since this is more than is taken. */
void follow_too_long(struct follow *follow, const char *what);
/* Only jitter, no secret. */
uint64_t follow_random(struct follow *follow);

/* ---- follow.c ---- */

uint64_t follow_now_ms(const struct follow *follow);
/* Something is being decoded or told. */
bool follow_is_busy(const struct follow *follow);
void follow_go_on(struct follow *follow);
void follow_taken(struct follow *follow);
/* What a list has brought that will not come to its end. */
void follow_drop_listing(struct follow *follow);

#endif
