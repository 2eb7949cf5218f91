/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - what the names of fields.def mean, and how a parsed list of fields is looked into.
 */
#ifndef PROXY_HTTP_FIELD_H
#define PROXY_HTTP_FIELD_H

#include "proxy/http/message.h"

enum field_flag {
    FIELD_HOP = 1,        /* of one connection: never passed on */
    FIELD_PROTECTED = 2,  /* stays, even if Connection names it (hostile-input 45) */
    FIELD_REWRITTEN = 4,  /* written by us in a request; what came is not copied */
    FIELD_FORWARDING = 8, /* believed only from a trusted peer (hostile-input 46) */
    FIELD_BARRED = 16,    /* never passed on from a client (hostile-input 47) */
    FIELD_FAMILY = 32,    /* all names that begin so, whatever follows */
};

/* Any of enum field_flag, in one byte; 0 for FIELD_OTHER. */
uint8_t field_flags(enum field_id id);
/* The name in lower case; "" for FIELD_OTHER. */
struct bytes field_name(enum field_id id);
/* Which known name this is, in any case. `name` has no byte below 0x21; where field_is_known() is
 * false of the answer, the caller sees to it that it is a token (RFC 9110 section 5.6.2). */
enum field_id field_identify(struct bytes name);
/* Whether the id tells the whole name, which is a token then. */
bool field_is_known(enum field_id id);
/* Methods are case-sensitive (RFC 9110 section 9.1). */
enum method_id method_identify(struct bytes method);

/* Where the known names stand in a list of fields; built in one pass. */
struct field_index {
    uint16_t count[FIELD_COUNT];
    const struct field *first[FIELD_COUNT]; /* borrowed; only where count is not 0 */
};

void field_index_build(struct field_index *index, const struct field *fields, uint32_t count);

static inline const struct field *field_index_get(const struct field_index *index, enum field_id id)
{
    return index->count[id] > 0 ? index->first[id] : NULL;
}

/* True when there is exactly one such field and its value is `value`, in any case. */
bool field_index_is(const struct field_index *index, enum field_id id, struct bytes value);

#endif
