/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.h - HTTP/2 sessions that have something to send, written once at the end of a turn.
 *
 * What all streams of a session have said in one turn goes out in one write, or as many as the
 * buffer takes.
 */
#ifndef PROXY_FLUSH_H
#define PROXY_FLUSH_H

#include "core/list.h"
#include "core/transport.h"

#define FLUSH_BUFFER_BYTES 65536

struct flush;
struct h2;
struct worker;
typedef void flush_fn(struct flush *flush);

struct flush {
    struct list link; /* in worker->flushes, or alone */
    flush_fn *run;
};

static inline void flush_init(struct flush *flush, flush_fn *run)
{
    list_init(&flush->link);
    flush->run = run;
}

/* Run it before the loop sleeps. May be called again and again. */
void flush_ask(struct worker *worker, struct flush *flush);
/* Run all, and those that are asked for meanwhile. */
void flush_all(struct worker *worker);

/* Write what the session has, as long as the transport takes it. STATUS_AGAIN: the rest waits for
 * on_drained. STATUS_CLOSED: the connection is dead. */
enum status flush_session(struct worker *worker, struct h2 *session, struct transport *transport);

#endif
