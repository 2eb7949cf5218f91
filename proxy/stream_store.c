/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_store.c - streams come from a store and go back to it, arena and all, so that a request
 * allocates nothing.
 */
#include "proxy/stream.h"
#include "proxy/worker.h"

static struct stream *stream_take(struct worker *worker)
{
    struct list *first = list_first(&worker->free_streams);
    struct arena arena;
    struct text replay;
    struct stream *stream;

    if (first == NULL) {
        stream = mem_new(struct stream);
        arena_init(&stream->arena, STREAM_ARENA_BYTES);
        text_init(&stream->replay);
    } else {
        stream = LIST_ENTRY(first, struct stream, link);
        list_remove(first);
        worker->free_streams_count--;
        arena = stream->arena;
        replay = stream->replay;
        mem_clear(stream, sizeof(*stream));
        stream->arena = arena;
        stream->replay = replay;
    }
    stream->magic = STREAM_MAGIC;
    stream->worker = worker;
    list_init(&stream->link);
    list_init(&stream->upstream_link);
    deadline_init(&stream->deadline, stream_on_deadline);
    bufq_init(&stream->waiting, &worker->net.chunks, BODY_WAITING_BYTES);
    worker->stats.streams_now++;
    return stream;
}

static void stream_free(struct stream *stream)
{
    arena_fini(&stream->arena);
    text_fini(&stream->replay);
    mem_free(stream);
}

void stream_keep(struct stream *stream)
{
    struct worker *worker = stream->worker;

    stream->magic = 0;
    arena_reset(&stream->arena);
    text_clear(&stream->replay);
    if (stream->replay.capacity > STREAM_ARENA_BYTES) /* one large body: not kept either */
        text_fini(&stream->replay);
    if (worker->free_streams_count >= STREAMS_KEPT_MAX) {
        stream_free(stream);
        return;
    }
    list_push_front(&worker->free_streams, &stream->link);
    worker->free_streams_count++;
}

void stream_discard(struct stream *stream)
{
    stream->worker->stats.streams_now--;
    stream_keep(stream);
}

void streams_free_all(struct worker *worker)
{
    struct list *first;

    while ((first = list_first(&worker->free_streams)) != NULL) {
        list_remove(first);
        stream_free(LIST_ENTRY(first, struct stream, link));
    }
    worker->free_streams_count = 0;
}

struct stream *stream_open(struct conn *conn, uint64_t started_us)
{
    struct stream *stream = stream_take(conn->worker);

    stream->conn = conn;
    stream->started_us = started_us;
    stream->is_admin = conn_is_admin(conn);
    return stream;
}
