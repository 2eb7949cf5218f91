/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer.h - gathers a head and runs of body into the parts of one write, framed for the other
 * side.
 */
#ifndef PROXY_FRAMER_H
#define PROXY_FRAMER_H

#include "core/transport.h"
#include "proxy/http/message.h"

#define FRAMER_RUNS_MAX 20 /* of body, between two flushes */

struct framer {
    enum body_framing framing; /* of the side written to */
    uint32_t runs;
    size_t count;
    struct bytes parts[FRAMER_RUNS_MAX * 3 + 2];
    char sizes[FRAMER_RUNS_MAX][20]; /* chunk-size lines */
};

static inline void framer_init(struct framer *framer, enum body_framing framing)
{
    framer->framing = framing;
    framer->runs = 0;
    framer->count = 0;
}

static inline void framer_add_head(struct framer *framer, struct bytes head)
{
    framer->parts[framer->count++] = head;
}

static inline bool framer_is_full(const struct framer *framer)
{
    return framer->runs == FRAMER_RUNS_MAX;
}

/* A run of body, borrowed until the flush; not empty. */
void framer_add_body(struct framer *framer, struct bytes run);
/* The body is complete. */
void framer_add_end(struct framer *framer);

#endif
