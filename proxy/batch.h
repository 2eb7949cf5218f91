/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - what moves through a stream in one call: any of a head, runs of body, the end.
 *
 * A batch is what one read brought, and what one write is made of, whatever HTTP version either
 * side speaks (docs/decisions/0015). Bodies in it are payload, without framing.
 */
#ifndef PROXY_BATCH_H
#define PROXY_BATCH_H

#include "core/check.h"
#include "proxy/http/message.h"

#define BATCH_RUNS_MAX 20

struct batch {
    const struct response *head;  /* of the answer; NULL when it went before, and for requests */
    bool is_end;                  /* the message is complete */
    const struct field *trailers; /* with is_end; borrowed */
    uint32_t trailers_count;
    uint32_t runs_count;
    size_t bytes_count;                /* of all runs */
    struct bytes runs[BATCH_RUNS_MAX]; /* none is empty; borrowed for the call */
};

/* The runs are left as they are. */
static inline void batch_init(struct batch *batch, const struct response *head)
{
    batch->head = head;
    batch->is_end = false;
    batch->trailers = NULL;
    batch->trailers_count = 0;
    batch->runs_count = 0;
    batch->bytes_count = 0;
}

static inline bool batch_is_full(const struct batch *batch)
{
    return batch->runs_count == BATCH_RUNS_MAX;
}

static inline bool batch_is_empty(const struct batch *batch)
{
    return batch->head == NULL && batch->runs_count == 0 && !batch->is_end;
}

/* `run` is not empty, and the batch not full. */
static inline void batch_add(struct batch *batch, struct bytes run)
{
    CHECK(batch->runs_count < BATCH_RUNS_MAX && run.len > 0);
    batch->runs[batch->runs_count++] = run;
    batch->bytes_count += run.len;
}

#endif
