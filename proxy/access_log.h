/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_log.h - one line a request or relayed connection, gathered per worker and written in large
 * pieces on the thread pool, so that a slow disk never holds a loop.
 *
 * Lines that come while two pieces are already waiting are dropped and counted, never waited for.
 */
#ifndef PROXY_ACCESS_LOG_H
#define PROXY_ACCESS_LOG_H

#include "proxy/stream.h"
#include "proxy/tcp_relay.h"

#define ACCESS_LOG_PIECE_BYTES 65536
/* Waiting to be written; lines beyond it are dropped. */
#define ACCESS_LOG_WAITING_MAX (4u * 1024 * 1024)

struct access_log;

/* False with one line in the log when the path cannot be written to. */
bool access_log_may_open(const char *path, struct log *log);
/* NULL with one line in the log when the path cannot be opened. "-" is stdout. */
struct access_log *access_log_open(struct worker *worker, const char *path, bool is_json);
void access_log_write(struct access_log *access_log, const struct stream *stream);
void access_log_write_tcp(struct access_log *access_log, const struct tcp_relay *relay);
/* Once a second, and when the worker stops: write what is there. */
void access_log_flush(struct access_log *access_log);
/* After log rotation: open the path again. */
void access_log_reopen(struct access_log *access_log);
/* Writes the rest at once and frees; nothing may be under way on the pool. */
void access_log_close(struct access_log *access_log);
bool access_log_is_busy(const struct access_log *access_log);

#endif
