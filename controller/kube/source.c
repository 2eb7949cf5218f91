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
    for (size_t i = 0; i < batch->changes_count; i++) {
        if (batch->changes[i].object != NULL)
            object_unref(batch->changes[i].object);
    }
    mem_free(batch->files);
    mem_free(batch->changes);
    arena_fini(&batch->arena);
    mem_free(batch);
}
