/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_writer.h - decides which statuses to write, and when. Pure: no calls, no loop; time is an
 * argument, in monotonic milliseconds.
 *
 *     published table, served Ingresses -> what should be \
 *                                                          compared -> send(), slowly
 *     API server, as last seen          -> what is        /
 *
 * A round looks at all objects, some in each turn of the loop, and sends what differs. Rounds are
 * made only after something changed: where nothing does, nothing is looked at and nothing sent.
 * Each write names the version of the object that was looked at, so that one which comes late, from
 * here or from a leader that was, is refused and overwrites nothing.
 *
 * A status that somebody else changes soon after each write is contested: by another controller of
 * the same class, or another Fairlead that publishes other addresses. Two that write whenever the
 * other has would keep the API server busy, so it is written ever less often.
 *
 * Source: spec/watch.md 25; spec/contour.md 2.9.
 */
#ifndef CONTROLLER_STATUS_WRITER_H
#define CONTROLLER_STATUS_WRITER_H

#include "controller/kube/kube.h"
#include "route/table.h"

#define STATUS_WRITES_PER_SECOND    50
#define STATUS_WRITES_BURST         100
#define STATUS_WRITES_AT_ONCE       8
#define STATUS_LOOKS_MAX            500   /* objects in one turn of the loop */
#define STATUS_ROUND_GAP_MS         200   /* between the beginnings of two rounds */
#define STATUS_RETRY_MS             1000  /* after a write that failed; doubled up to */
#define STATUS_RETRY_MS_MAX         60000 /* this */
#define STATUS_REFUSED_RETRY_MS     60000 /* after one that was refused; doubled up to */
#define STATUS_REFUSED_RETRY_MS_MAX 600000
#define STATUS_CONTEST_MS           120000 /* changed so soon after a write: waits as if that failed */
#define STATUS_CONTESTS_TOLD        2      /* so often in a row, and it is told */

enum status_answer {
    STATUS_WRITTEN,
    STATUS_CONFLICT,    /* 409: another version than we have seen; it will come by the watch */
    STATUS_GONE,        /* 404: the object has gone; the same */
    STATUS_NOT_ALLOWED, /* 403 */
    STATUS_MALFORMED,   /* another 4xx: it will not be taken as it is */
    STATUS_UNANSWERED,  /* 429, 5xx, or no answer */
    STATUS_ANSWERS_COUNT
};

/* A write under way. */
struct status_write {
    enum object_kind kind;
    struct bytes ns;
    struct bytes name;
    struct bytes body; /* a JSON merge patch */
};

/* True when there is such an object. */
typedef bool status_find_fn(void *context, enum object_kind kind, struct bytes ns,
                            struct bytes name, struct kube_status *status);
/* Begin to write. Never answered before it returns; the write is gone once it is. */
typedef void status_send_fn(void *context, struct status_write *write);
/* A status is contested, that of this object first; not told of others meanwhile. */
typedef void status_contested_fn(void *context, const struct status_write *write);

struct status_writer;
struct status_writer *status_writer_create(status_find_fn *find, status_send_fn *send,
                                           status_contested_fn *contested, void *context,
                                           uint64_t now_ms);
/* Drops what is under way: it must not be answered any more. */
void status_writer_destroy(struct status_writer *writer);

/* What should be. The table is borrowed until the next one is set; it has been published. */
void status_writer_set_table(struct status_writer *writer, const struct table *table);
void status_writer_set_served(struct status_writer *writer, struct bytes ns, struct bytes name,
                              bool is_served);
/* Of all served Ingresses, as published.h writes them; empty: their statuses are left alone. */
void status_writer_set_addresses(struct status_writer *writer, struct bytes addresses);
/* Something may differ from what it was: look at all of it again. */
void status_writer_look(struct status_writer *writer);

/* Send what may be sent now. Returns when to call again, UINT64_MAX when nothing is to be done. */
uint64_t status_writer_run(struct status_writer *writer, uint64_t now_ms);
/* retry_after_ms: as the server asked, holds up all writes; 0: it did not. */
void status_writer_answered(struct status_writer *writer, struct status_write *write,
                            enum status_answer answer, uint32_t retry_after_ms, uint64_t now_ms);
/* We do not lead any more: forget what is under way, which is never answered. */
void status_writer_stop(struct status_writer *writer);

/* Objects whose status differs from what it should be, as far as the last round saw. */
size_t status_writer_waiting(const struct status_writer *writer);
/* Objects whose status somebody else changes each time, as far as the last round saw. */
size_t status_writer_contested(const struct status_writer *writer);

#endif
