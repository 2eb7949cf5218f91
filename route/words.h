/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - what the values of a table are called, the same in text, JSON and explanations.
 * Internal to route/.
 */
#ifndef ROUTE_WORDS_H
#define ROUTE_WORDS_H

#include "route/table.h"

/* exact, regex, prefix, string (a string prefix): six letters at most, they stand in a column. */
const char *path_kind_word(enum path_kind kind);
const char *route_action_word(enum route_action action);
const char *cluster_protocol_word(enum cluster_protocol protocol);

#define RETRY_WORDS_COUNT 6
/* Name of the condition 1 << index. */
const char *retry_on_word(unsigned index);

const char *scheme_word(enum scheme scheme);
const char *client_auth_word(enum tls_client_auth auth); /* none, optional, required */

/* Text of objects, on one line: control bytes as \xHH, all else as it is. */
void words_add_text(struct text *out, struct bytes text);
/* "90s" or "1500ms" */
void words_add_duration(struct text *out, uint32_t ms);
/* "2031-05-01T12:00:00Z" */
void words_add_date(struct text *out, int64_t unix_s);
/* "1 endpoint", "2 endpoints" */
void words_add_count(struct text *out, uint64_t count, const char *noun);
/* "Ingress default/web spec.rules[0].http.paths[1]" */
void words_add_place(struct text *out, const struct route *route);
/* The same, and the way it came by where it was delegated. */
void words_add_origin(struct text *out, const struct route *route);
/* Blanks up to the column of the line that starts at `line`; at least one. */
void words_pad(struct text *out, size_t line, size_t column);

#endif
