/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.h - accepts connections of one address on one worker.
 *
 * Binding is apart from watching, so that the program binds everything before anything is served
 * and a port in use is one clear line and exit. At the limit of connections or files accepting
 * pauses and goes on when there is room: what waits in the queue is not lost.
 */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include "proxy/worker.h"

struct listener {
    struct worker *worker;                /* borrowed */
    const struct listener_config *config; /* borrowed */
    struct bytes public_port;             /* as text, for X-Forwarded-Port */
    char public_port_digits[5];
    int fd;
    bool is_paused;
    bool lacks_files;   /* why it paused: only the timer resumes it then */
    uint64_t warned_ms; /* when it last said that files are lacking */
    bool is_closing;
    uint32_t closing_rounds; /* left before the socket is closed, see listener_close() */
    uv_poll_t poll;
    uv_timer_t timer; /* resumes after a pause, or closes in the end */
    uint32_t handles_open;
};

/* Who else may have the same address. */
struct listener_binding {
    bool reuse_port;   /* others may: workers of this process, or a whole second one */
    bool is_exclusive; /* no other process may; for the first of the workers */
    bool waits;        /* no connection comes before listener_open() */
};

/* A bound, non-blocking socket, which listens unless it waits; -1 with one line in the log. For
 * port 0 *address is set to the port that the system chose. */
int listener_bind(struct listen_address *address, struct listener_binding binding, struct log *log);

struct listener *listener_open(struct worker *worker, const struct listener_config *config, int fd);
/* A client connection was closed: there may be room for another. */
void listener_on_room(struct listener *listener);
/*
 * Stop without resetting anybody: refuse new SYNs by a socket filter, so that clients try again
 * elsewhere, accept what has been or is just being established, then close.
 */
void listener_close(struct listener *listener);
bool listener_is_closed(const struct listener *listener);
void listener_destroy(struct listener *listener);

#endif
