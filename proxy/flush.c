/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.c - one write for all that a session said in a turn.
 */
#include "proxy/flush.h"

#include "proxy/http/h2.h"
#include "proxy/worker.h"

void flush_ask(struct worker *worker, struct flush *flush)
{
    if (list_is_empty(&flush->link))
        list_push_back(&worker->flushes, &flush->link);
}

void flush_all(struct worker *worker)
{
    struct list *first;

    while ((first = list_first(&worker->flushes)) != NULL) {
        struct flush *flush = LIST_ENTRY(first, struct flush, link);

        list_remove(first);
        flush->run(flush);
    }
}

enum status flush_session(struct worker *worker, struct h2 *session, struct transport *transport)
{
    enum status status = STATUS_OK;

    if (transport_queued_bytes(transport) > 0)
        return STATUS_AGAIN;
    while (status == STATUS_OK) {
        size_t count = h2_output(session, worker->flush_buffer, FLUSH_BUFFER_BYTES);
        struct bytes part = bytes_from(worker->flush_buffer, count);

        if (count == 0)
            return STATUS_OK;
        status = transport_write(transport, &part, 1);
    }
    return status == STATUS_AGAIN ? STATUS_AGAIN : STATUS_CLOSED;
}
