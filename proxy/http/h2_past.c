/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_past.c - two short rings of numbers.
 */
#include "proxy/http/h2_past.h"

void h2_past_close(struct h2_past *past, uint32_t id)
{
    past->closed[past->closed_next] = id;
    past->closed_next = (uint8_t)((past->closed_next + 1) % H2_PAST_CLOSED_MAX);
    if (id > past->closed_max)
        past->closed_max = id;
}

static void leave_gap(struct h2_past *past, uint32_t first, uint32_t last)
{
    past->gaps[past->gaps_next].first = first;
    past->gaps[past->gaps_next].last = last;
    past->gaps_next = (uint8_t)((past->gaps_next + 1) % H2_PAST_GAPS_MAX);
}

enum h2_error h2_past_open(struct h2_past *past, uint32_t id)
{
    if (id > past->opened_max) {
        if (id - past->opened_max > 2)
            leave_gap(past, past->opened_max + 1, id - 1);
        past->opened_max = id;
        return H2_NO_ERROR;
    }
    for (size_t at = 0; at < H2_PAST_GAPS_MAX; at++) {
        if (id >= past->gaps[at].first && id <= past->gaps[at].last)
            return H2_PROTOCOL_ERROR;
    }
    return H2_NO_ERROR;
}

enum h2_error h2_past_check(const struct h2_past *past, uint32_t id)
{
    if (id > past->closed_max || id == 0)
        return H2_NO_ERROR;
    for (size_t at = 0; at < H2_PAST_CLOSED_MAX; at++) {
        if (past->closed[at] == id)
            return H2_STREAM_CLOSED;
    }
    return H2_NO_ERROR;
}
