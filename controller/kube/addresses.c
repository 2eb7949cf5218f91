/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.c - a short list and a place in it.
 */
#include "controller/kube/addresses.h"

#include "core/check.h"

#include <netdb.h>

void addresses_fix(struct addresses *addresses, const struct address *list, size_t count)
{
    CHECK(count > 0 && count <= ADDRESSES_MAX);
    memcpy(addresses->list, list, count * sizeof(list[0]));
    addresses->count = count;
    addresses->current = 0;
    addresses->is_fixed = true;
}

void addresses_init(struct addresses *addresses, uv_loop_t *loop, struct bytes host, uint16_t port,
                    addresses_fn *on_answer, void *context)
{
    struct address literal;

    *addresses = (struct addresses){
        .loop = loop, .host = host, .port = port, .on_answer = on_answer, .context = context};
    addresses->request.data = addresses;
    if (address_parse_ip(host, port, &literal) == STATUS_OK)
        addresses_fix(addresses, &literal, 1);
}

const struct address *addresses_current(const struct addresses *addresses)
{
    return addresses->count == 0 ? NULL : &addresses->list[addresses->current];
}

void addresses_next(struct addresses *addresses)
{
    if (addresses->count == 0)
        return;
    addresses->current = (addresses->current + 1) % addresses->count;
    if (++addresses->faults < addresses->count || addresses->is_fixed)
        return;
    addresses->count = 0;
    addresses->faults = 0;
}

void addresses_keep(struct addresses *addresses)
{
    addresses->faults = 0;
}

static void take_answer(struct addresses *addresses, const struct addrinfo *answer)
{
    addresses->count = 0;
    addresses->current = 0;
    addresses->faults = 0;
    for (; answer != NULL && addresses->count < ADDRESSES_MAX; answer = answer->ai_next) {
        struct address *address = &addresses->list[addresses->count];

        if (address_from_sockaddr(answer->ai_addr, address) != STATUS_OK)
            continue;
        address->port = addresses->port;
        addresses->count++;
    }
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *answer)
{
    struct addresses *addresses = request->data;

    addresses->is_asking = false;
    addresses->error = status;
    if (status == 0)
        take_answer(addresses, answer);
    if (status == 0 && addresses->count == 0)
        addresses->error = UV_EAI_NODATA;
    uv_freeaddrinfo(answer);
    addresses->on_answer(addresses->context);
}

void addresses_ask(struct addresses *addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int error;

    if (addresses->is_asking)
        return;
    addresses->is_asking = true;
    error = uv_getaddrinfo(addresses->loop, &addresses->request, on_answer,
                           address_name_to_ask(addresses->host.at), "0", &hints);
    if (error == 0)
        return;
    /* No name can be like this one. Another that is none gives the same answer, in its time. */
    hints.ai_flags |= AI_NUMERICHOST;
    CHECK(uv_getaddrinfo(addresses->loop, &addresses->request, on_answer, "invalid", NULL,
                         &hints) == 0);
}
