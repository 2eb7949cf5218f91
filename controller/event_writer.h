/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_writer.h - decides which Kubernetes Events to write, and when. Pure, as status_writer.h.
 *
 *     published table: invalid statuses, findings that are errors -> what is wrong with whom
 *     -> not told yet, or no more wrong -> send(), slowly
 *
 * A Warning says what is wrong with an object, a Normal that it is so no more. An Event's name
 * follows from the object and the text, so what was told within the hour, by whomever, is not told
 * again. A mistake that comes and goes gets one Event in EVENT_GAP_MS, and its counts go up. What
 * is deleted and made anew is another object, by its uid, and nothing was said of it yet.
 *
 * Source: Kubernetes API, events.k8s.io/v1.
 */
#ifndef CONTROLLER_EVENT_WRITER_H
#define CONTROLLER_EVENT_WRITER_H

#include "controller/status_writer.h"

#define EVENTS_PER_SECOND  2
#define EVENTS_BURST       20
#define EVENTS_AT_ONCE     2
#define EVENT_LOOKS_MAX    2000   /* statuses and findings in one turn of the loop */
#define EVENT_ROUND_GAP_MS 1000   /* between the beginnings of two rounds */
#define EVENT_GAP_MS       60000  /* between two Events about one object, */
#define EVENTS_FREE        2      /* but for the first ones: wrong, and mended */
#define EVENT_KEPT_MS      600000 /* what was wrong is remembered to be counted on */
#define EVENT_RETRY_MS     30000
#define EVENT_FORBIDDEN_MS 600000 /* nothing is sent for so long after a 403 */
#define EVENT_TOLD_MAX     10000  /* objects; what is wrong with more of them is not told */

/* A write under way. */
struct event_write {
    bool is_more;      /* of one that was written before: a PATCH of `name`; else a POST */
    struct bytes ns;   /* of the object and of the Event */
    struct bytes name; /* of the Event */
    struct bytes body;
};
typedef void event_send_fn(void *context, struct event_write *write);

struct event_writer;
/* instance: who says it; borrowed. */
struct event_writer *event_writer_create(status_find_fn *find, event_send_fn *send, void *context,
                                         struct bytes instance, uint64_t now_ms);
void event_writer_destroy(struct event_writer *writer);

/* Borrowed until the next one is set; it has been published. */
void event_writer_set_table(struct event_writer *writer, const struct table *table);
/* As those of status_writer.h; wall_us: Unix time. */
uint64_t event_writer_run(struct event_writer *writer, uint64_t now_ms, int64_t wall_us);
void event_writer_answered(struct event_writer *writer, struct event_write *write,
                           enum status_answer answer, uint32_t retry_after_ms, uint64_t now_ms);
void event_writer_stop(struct event_writer *writer);
/* Objects that were left out by EVENT_TOLD_MAX in the last round. */
size_t event_writer_left_out(const struct event_writer *writer);

#endif
