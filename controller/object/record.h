/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - the lines of a snapshot: what an API server has sent, in the form of its watches. No
 * I/O, no loop: safe on any thread.
 *
 *     {"snapshot":"fairlead","version":1,"server":"https://10.0.0.1:6443"}     the first line
 *     {"list":"/api/v1/services","type":"LISTING"}      what follows is a list that is being read
 *     {"list":"/api/v1/services","type":"ADDED","object":{...}}
 *     {"list":"/api/v1/services","type":"LISTED"}       it is whole, and takes the old one's place
 *     {"list":"/api/v1/services","type":"ADDED","object":{...}}            changes, one by one
 *     {"list":"/api/v1/services","type":"DELETED","object":{"metadata":{"namespace":..,"name":..}}}
 *     {"list":"/apis/...","type":"ABSENT"}              LISTED: such objects are not installed
 *     {"type":"TIME","time":1767323045}                 all before it had been sent by then
 *
 * A line of an object is one for served_read_event(). Left out is what never shapes a table:
 * status, managedFields, the last applied configuration, and of Secrets annotations and all values
 * that secret_keys.def does not name.
 * docs/decisions/0031-a-snapshot-is-a-journal-of-the-watch.md
 */
#ifndef CONTROLLER_OBJECT_RECORD_H
#define CONTROLLER_OBJECT_RECORD_H

#include "core/status.h"
#include "core/text.h"

#define RECORD_VERSION    1
#define RECORD_HEADER_MAX 4096 /* bytes of the first line */
/* What each first line begins with: the file is ours, of whatever version. */
#define RECORD_OURS "{\"snapshot\":\"fairlead\","

enum record_type {
    RECORD_LISTING,
    RECORD_LISTED,
    RECORD_ABSENT,
    RECORD_CHANGED,
    RECORD_DELETED,
    RECORD_TIME,
};

/* Texts are in the arena that the reader was given. */
struct record {
    enum record_type type;
    struct bytes list; /* of all but TIME */
    struct bytes ns;   /* of CHANGED and DELETED; empty where there is none */
    struct bytes name; /* of CHANGED and DELETED; never empty */
    int64_t time_s;    /* of TIME: Unix seconds */
};

/* Append one line, with its end. */
void record_header(struct text *out, struct bytes server);
void record_mark(struct text *out, struct bytes list, enum record_type type);
void record_time(struct text *out, int64_t time_s);

/* A line without its end. STATUS_INVALID: it is none of those above. */
enum status record_read(struct bytes line, struct arena *arena, struct record *record);
/* The first line. STATUS_INVALID: it is not ours; STATUS_REFUSED: of another version. */
enum status record_read_header(struct bytes line, struct arena *arena, struct bytes *server);

#endif
