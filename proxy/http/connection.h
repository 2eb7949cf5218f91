/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - what a message's Connection fields say.
 */
#ifndef PROXY_HTTP_CONNECTION_H
#define PROXY_HTTP_CONNECTION_H

#include "core/status.h"
#include "proxy/http/field.h"

/* Options in all Connection lines of a message; each is held against every field. */
#define CONNECTION_OPTIONS_MAX 64

struct connection_options {
    bool close;
    bool keep_alive;
    bool upgrade;
};

/*
 * Read all Connection fields and mark the fields they name hop_by_hop, less those that are
 * protected (hostile-input 45). STATUS_TOO_LARGE past CONNECTION_OPTIONS_MAX.
 *
 * Source: RFC 9110 section 7.6.1.
 */
enum status connection_read(struct field *fields, uint32_t count, const struct field_index *index,
                            struct connection_options *options);

#endif
