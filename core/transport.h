/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - a stream of bytes in both directions, whatever carries it: TCP, or TLS on top of
 * another transport.
 *
 *     owner --transport_write()--> transport --> peer
 *     owner <---- events --------- transport <-- peer
 *
 * A transport lives inside its owner. Its memory must stay until on_closed, which comes exactly
 * once after transport_close(), never from inside that call.
 */
#ifndef CORE_TRANSPORT_H
#define CORE_TRANSPORT_H

#include "core/bytes.h"
#include "core/status.h"

#define TRANSPORT_PARTS_MAX 64 /* of one write */

struct transport;

struct transport_events {
    /* Bytes came, borrowed for the call. The owner may write, pause or close from inside. */
    void (*on_bytes)(struct transport *transport, struct bytes data);
    /* The peer sends no more; it may still read. */
    void (*on_end)(struct transport *transport);
    /* All that had been queued by transport_write() has gone out. */
    void (*on_drained)(struct transport *transport);
    /* Reading or a queued write failed; the owner has to close. */
    void (*on_broken)(struct transport *transport, enum status why);
    void (*on_closed)(struct transport *transport);
};

struct transport_ops {
    void (*resume)(struct transport *transport);
    void (*pause)(struct transport *transport);
    enum status (*write)(struct transport *transport, const struct bytes *parts, size_t count);
    void (*finish)(struct transport *transport);
    void (*close)(struct transport *transport, bool reset);
    size_t (*queued_bytes)(const struct transport *transport);
    size_t (*unread_bytes)(const struct transport *transport);
    bool (*is_stale)(struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;       /* borrowed, constant */
    const struct transport_events *events; /* borrowed, constant */
    void *owner;                           /* borrowed; whom the events are for */
};

/* Start or go on reading; a transport begins paused. */
static inline void transport_resume(struct transport *transport)
{
    transport->ops->resume(transport);
}

/* No on_bytes and no on_end until resumed. */
static inline void transport_pause(struct transport *transport)
{
    transport->ops->pause(transport);
}

/*
 * Write all parts, at most TRANSPORT_PARTS_MAX, in one system call if the peer takes them.
 *
 * STATUS_OK: all is with the system. STATUS_AGAIN: the rest was copied and queued; stop the source
 * until on_drained. STATUS_CLOSED: the connection is dead; close it, on_broken will not come.
 */
static inline enum status transport_write(struct transport *transport, const struct bytes *parts,
                                          size_t count)
{
    return transport->ops->write(transport, parts, count);
}

/* No more will be written: tell the peer once all that is queued has gone out. */
static inline void transport_finish(struct transport *transport)
{
    transport->ops->finish(transport);
}

/* Close; what is still queued is lost. May be called twice. */
static inline void transport_close(struct transport *transport)
{
    transport->ops->close(transport, false);
}

/* Close so that the peer cannot take what it got for complete (RST on TCP). */
static inline void transport_abort(struct transport *transport)
{
    transport->ops->close(transport, true);
}

static inline size_t transport_queued_bytes(const struct transport *transport)
{
    return transport->ops->queued_bytes(transport);
}

/* What is queued and what the system holds of what was sent: less than before means that the peer
 * reads, be it so slowly that nothing of the queue has moved. One system call. */
static inline size_t transport_unread_bytes(const struct transport *transport)
{
    return transport->ops->unread_bytes(transport);
}

/* True when the peer has closed or sent something although nothing is expected: one system call,
 * used before an idle connection carries a request that must not be sent twice. */
static inline bool transport_is_stale(struct transport *transport)
{
    return transport->ops->is_stale(transport);
}

#endif
