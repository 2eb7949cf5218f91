/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served.h - what an API server sends: pages of lists (cut by page.h), lines of watches, failures.
 * No I/O, no loop: safe on any thread.
 *
 * One item that cannot be read is a fault of that item and of no other. Unknown fields are ignored.
 * Source: Kubernetes API concepts; spec/watch.md 3-8, 15, 18, 27.
 */
#ifndef CONTROLLER_OBJECT_SERVED_H
#define CONTROLLER_OBJECT_SERVED_H

#include "controller/object/object.h"
#include "core/mem.h"
#include "core/status.h"
#include "core/text.h"

/* One object. Texts are in the arena that the decoder was given. */
struct served_item {
    struct object *object; /* one reference; it may stand for one with a fault (kind.h); NULL: it
                            * cannot be read */
    struct bytes ns;
    struct bytes name; /* may be empty where there is a fault */
    struct bytes uid;
    struct bytes resource_version;
    struct bytes fault;              /* "spec.rules: must be a list, is a text", or empty */
    struct bytes current_status;     /* of an IngressRoute: status.currentStatus, */
    struct bytes status_description; /* status.description; of an Ingress and a Service the
                                      * current_status is where it is reached: published.h; of a
                                      * Pod and a Node what whereabouts.h says, and no object */
};

struct served_page {
    struct bytes resource_version;
    struct bytes next; /* metadata.continue; empty: it was the last page */
};

/* A Status object, or whatever else a failure was told by. */
struct served_failure {
    int code;
    struct bytes reason;  /* "Expired" */
    struct bytes message; /* for people */
    bool is_too_large;    /* cause ResourceVersionTooLarge */
    bool is_going;        /* cause NamespaceTerminating: nothing is written there any more */
    uint32_t retry_after_s;
};

enum served_type {
    SERVED_CHANGED, /* ADDED, MODIFIED */
    SERVED_DELETED,
    SERVED_BOOKMARK,
    SERVED_FAILED, /* ERROR */
    SERVED_UNKNOWN /* a type of another age: ignored */
};

struct served_event {
    enum served_type type;
    struct served_item item;       /* of CHANGED and DELETED; of BOOKMARK its resource_version */
    bool ends_listing;             /* BOOKMARK: what was there at the beginning has all been sent */
    struct served_failure failure; /* of FAILED */
};

/* Where what is read is written down as well, as lines of record.h. */
struct served_record {
    struct bytes list;
    struct text *out;
};

/* The head of a page, see page.h. STATUS_INVALID when it is no list in JSON, or one without a
 * version. */
enum status served_read_page(struct bytes head, struct arena *arena, struct served_page *page);

/* One item of a page. STATUS_INVALID when it is no JSON. `record` may be NULL. */
enum status served_read_item(struct bytes line, enum object_kind kind, struct bytes api_version,
                             struct arena *arena, const struct served_record *record,
                             struct served_item *item);

/* One line of a watch. STATUS_INVALID when it is no event in JSON. `record` may be NULL. */
enum status served_read_event(struct bytes line, enum object_kind kind, struct bytes api_version,
                              struct arena *arena, const struct served_record *record,
                              struct served_event *event);

/* Whether an APIResourceList has this one, such as "ingressroutes/status". STATUS_INVALID when it
 * is none. */
enum status served_find_resource(struct bytes text, struct bytes name, bool *is_there);

/* The body of an answer that is no success; what it does not say is 0 or empty. */
void served_read_failure(struct bytes text, struct arena *arena, struct served_failure *failure);

#endif
