/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector.h - what to ask an API server next to keep one list of objects true. Pure: no calls, no
 * loop; time and random numbers are arguments.
 *
 *     STREAM (list and watch in one) ---> WATCH ---> WATCH ...
 *        | refused                         | version too old
 *        v                                 v
 *     LIST, page by page ---------------> WATCH
 *
 * A list counts only when it has been read to its end: a failed one is never an empty one. Nor is
 * one that is answered 404, unless WITNESS, another list of that server, is answered right after it
 * as lists should be: a balancer in front may say 404 to everything.
 * Source: spec/watch.md 1-16, 22, 23.
 */
#ifndef CONTROLLER_KUBE_REFLECTOR_H
#define CONTROLLER_KUBE_REFLECTOR_H

#include "controller/object/served.h"
#include "core/text.h"

#define LIST_PAGE_ITEMS     500 /* a page that was too large is asked for with a quarter of it */
#define WATCH_SECONDS_MIN   300 /* timeoutSeconds is random between the two */
#define WATCH_SECONDS_MAX   600
#define RETRY_FIRST_MS      800 /* doubled at each fault in a row, with jitter */
#define RETRY_MAX_MS        30000
#define RETRY_QUIET_MS      120000 /* without a fault: the next one is the first again */
#define RETRY_SLOW_MS       10000  /* where it is not permitted, or not installed */
#define SHORT_WATCH_MS      1000   /* one that ends sooner, without an event, is a fault */
#define INTERNAL_ERRORS_MAX 3      /* in a row before the list is read anew */
#define STREAM_FAULTS_MAX   2      /* in a row before a list is asked for instead */
#define ABSENT_TIMES_MIN    3      /* absent so often in a row, and what was known is gone */

enum reflector_ask { ASK_STREAM, ASK_LIST, ASK_WATCH, ASK_WITNESS };

/* Why it does not follow the server at the moment. */
enum reflector_trouble {
    TROUBLE_NONE,
    TROUBLE_AWAY,      /* no connection, or it breaks */
    TROUBLE_FORBIDDEN, /* 401, 403 */
    TROUBLE_ABSENT,    /* 404: such objects are not installed */
    TROUBLE_SERVER,    /* any other answer that is no success */
};

struct reflector {
    enum reflector_ask ask; /* next, or now */
    enum reflector_ask
        asked;            /* by the call under way; a stream that has told all goes on as a watch */
    struct text version;  /* resourceVersion last seen; empty: none, or none that counts */
    struct text next;     /* the list's continue token; empty: its first page */
    bool is_listing;      /* of STREAM and LIST: what was there at the beginning is still coming */
    bool is_synced;       /* has been read to its end once, or is known not to be installed */
    bool may_be_absent;   /* without such objects being installed there are just none */
    bool is_absent;       /* as is the case: nobody has to bear it out again */
    bool may_be_cached;   /* the first list: any version will do */
    bool is_paged;        /* a whole list was too large: page by page, from the beginning */
    uint32_t page_items;  /* LIST_PAGE_ITEMS, or less */
    bool streams_refused; /* for good: the server does not know them */
    enum reflector_trouble trouble;
    uint32_t faults; /* in a row */
    uint32_t stream_faults;
    uint32_t internal_errors;
    uint32_t absent_times; /* 404 for the list in a row, each borne out by the witness */
    uint64_t fault_at_ms;  /* the last one */
    uint64_t ask_at_ms;    /* not before */
    uint64_t asked_at_ms;
    bool any_event; /* since then */
};

void reflector_init(struct reflector *reflector, bool may_be_absent);
void reflector_fini(struct reflector *reflector);

/* The query of the next call, without "?"; for watches *timeout_s is when the server will end it.
 * Where `ask` is ASK_WITNESS, it is one of another list that must be there, and whose items do not
 * matter. */
void reflector_ask(struct reflector *reflector, uint64_t now_ms, uint64_t random,
                   struct text *query, uint32_t *timeout_s);

/* The head of an answer that is a success has come. */
void reflector_began(struct reflector *reflector);

/* A page came, whole. True when it was the last: the list has been read to its end. */
bool reflector_page(struct reflector *reflector, struct bytes version, struct bytes next);

/* An event came. */
enum reflector_told {
    TOLD_NOTHING, /* a bookmark, or nothing we know */
    TOLD_CHANGE,  /* the item counts */
    TOLD_ALL,     /* the stream has sent all that was there at the beginning */
    TOLD_FAULT,   /* the call is to be ended; reflector_ended() follows with the failure */
};
enum reflector_told reflector_event(struct reflector *reflector, const struct served_event *event);

/* How a call ended. */
struct reflector_end {
    bool is_answered; /* to its end; else it broke, was silent or late */
    bool is_too_long; /* we ended it: more bytes than we take */
    bool is_silent;   /* we ended it: nothing came, not even the end that was asked for */
    int status;       /* of HTTP; 0: none came */
    uint32_t retry_after_ms;
    struct served_failure failure; /* of the body, or of an ERROR event; code 0: none */
};

/* A watch's time was over; or it fell silent, and only another one shows whether that means
 * something: bookmarks are not promised, and a dead peer may say nothing for ever. */
bool reflector_is_over(const struct reflector *reflector, const struct reflector_end *end);

/* Sets what is asked next, and from when on. */
void reflector_ended(struct reflector *reflector, const struct reflector_end *end, uint64_t now_ms,
                     uint64_t random);
/* absent_times are enough: such objects are not installed, until a list comes. */
void reflector_absent(struct reflector *reflector);
/* In place of it: we ended the call, to list anew at once. */
void reflector_relist(struct reflector *reflector, uint64_t now_ms);

#endif
