/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_text.h - a Kubernetes Event in JSON, and its name. Pure.
 *
 * Source: Kubernetes API, events.k8s.io/v1.
 */
#ifndef CONTROLLER_EVENT_TEXT_H
#define CONTROLLER_EVENT_TEXT_H

#include "controller/title.h"
#include "core/text.h"

#define EVENT_NOTE_MAX 1024 /* bytes, of the API; what is longer is cut */

/* What is said of an object; all borrowed. */
struct event_said {
    struct title object;
    struct bytes uid;
    bool is_wrong;         /* a Warning; else that it is so no more */
    uint64_t complaint;    /* a hash of what is wrong */
    struct bytes note;     /* what is wrong */
    struct bytes instance; /* who says it */
    int64_t wall_us;       /* Unix time */
};

/* "NAME.0123456789abcdef": the same for the same thing said, whoever says it. */
void event_text_add_name(const struct event_said *said, struct text *out);
/* The whole Event, for a POST. */
void event_text_add_event(const struct event_said *said, struct bytes event_name, struct text *out);
/* That it was said once more, for a PATCH. count: how often, this time included. */
void event_text_add_series(uint32_t count, int64_t wall_us, struct text *out);

#endif
