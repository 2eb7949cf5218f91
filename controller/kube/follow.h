/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - one kind of objects, in one namespace or in all, followed on an API server.
 *
 *     reflector (what to ask) -> api call -> bytes -> [thread pool: decode, in order] -> changes
 *
 * Internal to controller/kube.
 */
#ifndef CONTROLLER_KUBE_FOLLOW_H
#define CONTROLLER_KUBE_FOLLOW_H

#include "controller/kube/api.h"
#include "controller/kube/reflector.h"
#include "controller/kube/source.h"
#include "core/list.h"
#include "core/map.h"

#define EVENT_BYTES_MAX   (4u * 1024 * 1024)  /* one line of a watch; etcd takes 1.5 MiB */
#define PENDING_BYTES_MAX (16u * 1024 * 1024) /* of a watch, not decoded yet */
#define PAUSE_BYTES       (1u * 1024 * 1024)  /* of them: no more are read while others are told */
#define PAGE_BYTES_MAX    (32u * 1024 * 1024) /* of a list; a larger one is read page by page */
#define LIST_BYTES_MAX    (1024u * 1024 * 1024) /* of all pages, or of a stream's list */
#define FAILURE_BYTES_MAX 65536                 /* of an answer that is no success */
#define MESSAGE_BYTES_MAX 200                   /* of a failure, as it is shown */
#define LIST_TIMEOUT_MS   120000                /* of one page */
#define WATCH_SLACK_MS    30000                 /* past the end that was asked for */
#define WATCH_SILENCE_MS                                                                           \
    90000 /* bookmarks come each minute; dead connections are found earlier                        \
           */

/* What shows, where a kind is not there, that lists of this server are: see reflector.h. */
#define WITNESS_PATH "/apis/networking.k8s.io/v1/ingressclasses"

/* What to follow. */
struct followed {
    enum object_kind kind;
    const char *api_version; /* "networking.k8s.io/v1" */
    const char *root;        /* "/apis/networking.k8s.io/v1" */
    const char *resource;    /* "ingresses" */
    const char *selector;    /* a further part of the query, "fieldSelector=...", or NULL */
    bool is_cluster_wide;
    bool may_be_absent; /* of a CRD, or a newer API: without it there is just nothing */
    bool outlives_api;  /* what was listed once never goes because the API does not answer */
    bool has_sibling;   /* another list may have the same name for a while */
};

struct follow_stats {
    uint64_t lists;
    uint64_t streams;
    uint64_t watches;
    uint64_t events;
    uint64_t rejected;  /* items that could not be read */
    uint64_t faults;    /* calls that ended before their time, or with no success */
    uint64_t too_large; /* one of the limits above was hit */
};

struct follow;
struct snapshot;
struct decode_job;

enum follow_event {
    FOLLOW_CAME,    /* the list did not have this name */
    FOLLOW_CHANGED, /* it had */
    FOLLOW_WENT,
};

/* `item` is borrowed. An item without an object and with a fault cannot be read. */
typedef void follow_change_fn(void *context, struct follow *follow, const struct served_item *item,
                              enum follow_event event);
/* What came together has been told; the follow may have become synced. */
typedef void follow_told_fn(void *context, struct follow *follow);

struct follow_config {
    uv_loop_t *loop;
    struct log *log;
    struct api *api;
    struct snapshot *snapshot; /* where all is written down; NULL: nowhere */
    bool awaits_seed;          /* what that had of it at the start will be told */
    const struct followed *what;
    struct bytes ns; /* empty: all; copied */
    uint64_t seed;
    follow_change_fn *on_change;
    follow_told_fn *on_told;
    void *context;
};

struct follow *follow_open(const struct follow_config *config);
typedef void follow_closed_fn(void *context);
void follow_close(struct follow *follow, follow_closed_fn *on_closed, void *context);

const struct followed *follow_what(const struct follow *follow);
bool follow_is_synced(const struct follow *follow);
/*
 * What a snapshot has, told in place of the list until that has come: then what the list lacks
 * goes. Takes the job over. Nothing happens where the list is whole.
 */
void follow_seed(struct follow *follow, struct decode_job *seed);
/* There is none. */
void follow_no_seed(struct follow *follow);
/* The list has come, or the server says that there is none: only a seed may know better. */
bool follow_is_answered(const struct follow *follow);
/* The list, or in its place the seed, has been told to its end. */
bool follow_is_known(const struct follow *follow);
/* As it is asked for: names the list among all others. Borrowed. */
struct bytes follow_list(const struct follow *follow);
/* Such objects are not installed on the server. */
bool follow_is_absent(const struct follow *follow);
/* Whether the list has it. *object: as told last, borrowed; NULL where it cannot be read. For lists
 * that have a sibling. */
bool follow_knows(const struct follow *follow, struct bytes ns, struct bytes name,
                  struct object **object);
/* List again from the start, soon. */
void follow_relist(struct follow *follow);
/* The server is not away any more: where a list waits because it was, it is asked for now. */
void follow_hurry(struct follow *follow);
const struct follow_stats *follow_stats(const struct follow *follow);
enum reflector_trouble follow_trouble(const struct follow *follow);
/* What it follows is not on the server any more, and stays. */
bool follow_is_missed(const struct follow *follow);
uint64_t
follow_contact_at_ms(const struct follow *follow); /* uv_now() of the last byte; 0: never */
/* "ingresses.networking.k8s.io: not permitted to list: ..."; nothing when all is well. */
void follow_add_detail(const struct follow *follow, struct text *out);

#endif
