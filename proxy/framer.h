/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer.h - makes a batch the parts of one HTTP/1 write, framed for the side written to.
 */
#ifndef PROXY_FRAMER_H
#define PROXY_FRAMER_H

#include "core/transport.h"
#include "proxy/batch.h"

struct framer {
    size_t count;
    struct bytes parts[BATCH_RUNS_MAX * 3 + 2];
    char sizes[BATCH_RUNS_MAX][20]; /* chunk-size lines */
};

_Static_assert(BATCH_RUNS_MAX * 3 + 2 <= TRANSPORT_PARTS_MAX, "a batch fits one write");

static inline void framer_init(struct framer *framer)
{
    framer->count = 0;
}

static inline void framer_add_head(struct framer *framer, struct bytes head)
{
    framer->parts[framer->count++] = head;
}

/* The runs and the end of a batch; its head was added before. Borrowed until the write. */
void framer_add_batch(struct framer *framer, enum body_framing framing, const struct batch *batch);

#endif
