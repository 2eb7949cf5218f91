/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framing.h - where a body ends, from the fields of its head.
 *
 * Stricter than RFC 9112 section 6.3: whatever two readers could understand differently is a fault
 * and not repaired (hostile-input R2, 1-5, 53).
 */
#ifndef PROXY_HTTP_FRAMING_H
#define PROXY_HTTP_FRAMING_H

#include "proxy/http/field.h"
#include "proxy/http/h1.h"

struct framing {
    bool is_chunked;
    bool has_length;
    uint64_t content_length; /* 0 unless has_length */
};

/* What Content-Length and Transfer-Encoding say. H1_FINE, or why they say nothing. */
enum h1_fault framing_read(const struct field_index *index, uint8_t version_minor,
                           struct framing *framing);

/* Expect: only the single value 100-continue is known (hostile-input 14). */
enum h1_fault expect_read(const struct field_index *index, bool *expects_continue);

/* RFC 9112 section 6.3: a response that has no body, whatever its head says. */
bool framing_has_no_body(uint16_t status, enum method_id request_method);
/* RFC 9110 section 8.6: others may not carry a Content-Length, so none is passed on. */
bool framing_may_have_length(uint16_t status);

#endif
