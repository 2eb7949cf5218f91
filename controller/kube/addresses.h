/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.h - the addresses behind the name of the API server, one of which is in use.
 *
 *     name -> [getaddrinfo on the thread pool] -> list; a fault moves on to the next
 *
 * When all of them had a fault the name is asked again: they may be others by now.
 *
 * Source: spec/watch.md 26.
 */
#ifndef CONTROLLER_KUBE_ADDRESSES_H
#define CONTROLLER_KUBE_ADDRESSES_H

#include "core/address.h"

#include <uv.h>

#define ADDRESSES_MAX 16 /* of one name; more are passed over */

typedef void addresses_fn(void *context);

struct addresses {
    uv_loop_t *loop;
    struct bytes host; /* borrowed; followed by a NUL */
    uint16_t port;
    struct address list[ADDRESSES_MAX];
    size_t count; /* 0: not known now */
    size_t current;
    size_t faults; /* since the list was made or an address answered */
    bool is_fixed; /* the host is an address, or a test gave the list */
    bool is_asking;
    int error; /* of the last question, or 0 */
    uv_getaddrinfo_t request;
    addresses_fn *on_answer;
    void *context;
};

void addresses_init(struct addresses *addresses, uv_loop_t *loop, struct bytes host, uint16_t port,
                    addresses_fn *on_answer, void *context);
/* NULL when none is known: addresses_ask(). */
const struct address *addresses_current(const struct addresses *addresses);
/* on_answer follows, never from inside. */
void addresses_ask(struct addresses *addresses);
/* The one in use could not be reached, or not as it should be. */
void addresses_next(struct addresses *addresses);
/* It answered. */
void addresses_keep(struct addresses *addresses);
/* Take these for good, whatever the name says. */
void addresses_fix(struct addresses *addresses, const struct address *list, size_t count);

#endif
