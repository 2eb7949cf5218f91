/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c - counting connections by address, the memory mark.
 */
#include "proxy/limits.h"

#include "core/check.h"
#include "core/env.h"
#include "core/mem.h"
#include "proxy/conn.h"

#define IDLE_CLOSED_PER_SECOND_MAX 1000

struct address_count {
    struct address address; /* port 0; the map's key */
    uint32_t count;
};

static struct bytes address_key(const struct address *address)
{
    return bytes_from((const char *)address, sizeof(*address));
}

uint32_t limits_share(uint32_t limit, uint32_t workers_count)
{
    return limit / workers_count + (limit % workers_count != 0);
}

bool limits_address_take(struct worker *worker, const struct address *peer)
{
    struct address key = *peer;
    struct address_count *count;

    if (worker->config->connections_per_address_max == 0)
        return true;
    key.port = 0;
    count = map_get(&worker->addresses, address_key(&key));
    if (count == NULL) {
        count = mem_new(struct address_count);
        count->address = key;
        (void)map_put(&worker->addresses, address_key(&count->address), count);
    }
    if (count->count >=
        limits_share(worker->config->connections_per_address_max, worker->config->workers_count))
        return false;
    count->count++;
    return true;
}

void limits_address_forget(struct worker *worker, const struct address *peer)
{
    struct address key = *peer;
    struct address_count *count;

    if (worker->config->connections_per_address_max == 0)
        return;
    key.port = 0;
    count = map_get(&worker->addresses, address_key(&key));
    CHECK(count != NULL && count->count > 0);
    if (--count->count > 0)
        return;
    (void)map_remove(&worker->addresses, address_key(&key));
    mem_free(count);
}

bool limits_has_room(const struct worker *worker)
{
    return worker->clients_count < worker->clients_max;
}

bool limits_has_room_for_handshake(const struct worker *worker)
{
    return worker->handshakes_now < worker->handshakes_max;
}

void limits_conn_closed(struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listeners_count; i++)
        if (worker->listeners[i] != NULL)
            listener_on_room(worker->listeners[i]);
}

/* In one walk: the list may be long, and those that were closed stay in it for this turn. */
static uint32_t close_idle(struct worker *worker, uint32_t max)
{
    uint32_t count = 0;

    LIST_EACH (&worker->conns, link) {
        struct conn *conn = LIST_ENTRY(link, struct conn, link);

        if (count == max)
            break;
        if (!conn_is_idle(conn) || conn_is_admin(conn))
            continue;
        conn_close(conn);
        count++;
    }
    return count;
}

bool limits_close_idle(struct worker *worker)
{
    return close_idle(worker, 1) == 1;
}

void limits_check_memory(struct worker *worker)
{
    uint64_t max = worker->config->memory_bytes_max;
    bool was_over = worker->is_over_memory;

    if (max == 0)
        return;
    worker->is_over_memory = env_resident_bytes() > max;
    if (!worker->is_over_memory)
        return;
    worker->stats.limit_memory++;
    if (!was_over)
        log_warn(worker->log, "over the memory mark: new requests get 503, idle connections close",
                 LOG_UINT("memory_bytes_max", max));
    (void)close_idle(worker, IDLE_CLOSED_PER_SECOND_MAX);
}
