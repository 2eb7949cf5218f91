/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - batches.
 */
#include "controller/kube/source.h"

#include "core/mem.h"

void source_batch_destroy(struct source_batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->files_count; i++)
        decoded_fini(&batch->files[i].decoded);
    mem_free(batch->files);
    arena_fini(&batch->arena);
    mem_free(batch);
}
