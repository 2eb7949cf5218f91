/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - turns: what the sockets tell, then what is due, then libuv's loop.
 */
#include "core/net.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/tcp.h"

#include <unistd.h>

#include <sys/epoll.h>

#define CHUNKS_KEPT_BYTES_MAX ((size_t)64 * CHUNK_BYTES)
#define EDGES_PER_TURN_MAX    256 /* more wait for the next turn */

/* libuv's loop is a member of our epoll, as uv_backend_fd() is made for: told by `data.ptr` NULL,
 * and level-triggered, since libuv decides how much it takes. */
void net_init(struct net *net, uv_loop_t *loop)
{
    struct epoll_event backend = {.events = EPOLLIN, .data.ptr = NULL};

    *net = (struct net){
        .loop = loop,
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
        .read_buffer = mem_resize(NULL, READ_BUFFER_BYTES),
        .write_buffer = mem_resize(NULL, GATHER_BYTES_MAX),
        .woke_us = uv_hrtime() / 1000,
    };
    CHECK(net->epoll_fd >= 0);
    list_init(&net->due);
    chunk_pool_init(&net->chunks, CHUNKS_KEPT_BYTES_MAX);
    CHECK(epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, uv_backend_fd(loop), &backend) == 0);
}

void net_fini(struct net *net)
{
    CHECK(net->open_count == 0);
    (void)close(net->epoll_fd);
    chunk_pool_fini(&net->chunks);
    mem_free(net->read_buffer);
    mem_free(net->write_buffer);
}

/* What becomes due meanwhile waits for the turn after this one. */
static void run_due(struct net *net)
{
    struct list now;
    struct list *first;

    list_init(&now);
    while ((first = list_first(&net->due)) != NULL) {
        list_remove(first);
        list_push_back(&now, first);
    }
    while ((first = list_first(&now)) != NULL) {
        list_remove(first);
        tcp_on_due(LIST_ENTRY(first, struct tcp, due));
    }
}

/* Edges of sockets; true when libuv's loop has something too. */
static bool run_edges(const struct epoll_event *events, int count)
{
    bool is_backend_ready = false;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            is_backend_ready = true;
        else
            tcp_on_edges(events[i].data.ptr, events[i].events);
    }
    return is_backend_ready;
}

bool net_turn(struct net *net, bool may_wait)
{
    struct epoll_event events[EDGES_PER_TURN_MAX] MEM_UNCLEARED;
    bool is_loop_alive = uv_loop_alive(net->loop) != 0;
    int wait_ms = is_loop_alive ? uv_backend_timeout(net->loop) : -1;
    bool runs_loop;
    int count;

    if (!is_loop_alive && net->open_count == 0)
        return false;
    if (!may_wait || net->has_more || !list_is_empty(&net->due))
        wait_ms = 0;
    count = epoll_wait(net->epoll_fd, events, EDGES_PER_TURN_MAX, wait_ms);
    net->woke_us = uv_hrtime() / 1000;
    uv_update_time(net->loop);
    runs_loop = run_edges(events, count);
    run_due(net);
    /* A timeout of 0: a timer is due, or something was started or closed. */
    if (runs_loop || uv_backend_timeout(net->loop) == 0)
        (void)uv_run(net->loop, UV_RUN_NOWAIT);
    return net->open_count > 0 || uv_loop_alive(net->loop) != 0;
}

void net_run(struct net *net, net_turn_fn *before_wait, void *context)
{
    do {
        before_wait(context);
    } while (net_turn(net, true));
}
