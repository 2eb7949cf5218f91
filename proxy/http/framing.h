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

#endif
