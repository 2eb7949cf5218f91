/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.c - Connection: close, keep-alive, upgrade, and names of fields to take out.
 */
#include "proxy/http/connection.h"

static void mark_named(struct field *fields, uint32_t count, struct bytes name)
{
    for (uint32_t at = 0; at < count; at++) {
        if (bytes_equal_nocase(fields[at].name, name) &&
            (field_flags(fields[at].id) & FIELD_PROTECTED) == 0)
            fields[at].hop_by_hop = true;
    }
}

static void read_option(struct field *fields, uint32_t count, struct bytes option,
                        struct connection_options *options)
{
    if (bytes_equal_nocase(option, BYTES("keep-alive")))
        options->keep_alive = true;
    else if (bytes_equal_nocase(option, BYTES("close")))
        options->close = true;
    else if (bytes_equal_nocase(option, BYTES("upgrade")))
        options->upgrade = true;
    else
        mark_named(fields, count, option);
}

enum status connection_read(struct field *fields, uint32_t count, const struct field_index *index,
                            struct connection_options *options)
{
    struct connection_options found = {false, false, false};
    uint32_t seen = 0;

    if (index->count[FIELD_CONNECTION] == 0) {
        *options = found;
        return STATUS_OK;
    }
    for (uint32_t at = 0; at < count; at++) {
        struct bytes rest = fields[at].value;
        struct bytes option;

        if (fields[at].id != FIELD_CONNECTION)
            continue;
        while (bytes_next_item(&rest, ',', &option)) {
            if (++seen > CONNECTION_OPTIONS_MAX)
                return STATUS_TOO_LARGE;
            read_option(fields, count, option, &found);
        }
    }
    *options = found;
    return STATUS_OK;
}
