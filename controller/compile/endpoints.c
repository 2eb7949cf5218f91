/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints.c - slices (or Endpoints, or a resolved name) to a sorted list of addresses; and the
 * clusters made of them.
 */
#include "controller/compile/endpoints.h"

#include "controller/compile/annotations.h"
#include "controller/compile/backends.h"
#include "route/normal.h"

#include <stdlib.h>

#define PORT_SHOWN_MAX   64 /* bytes of a port's name, which may be anything in a manifest */
#define REFUSED_TOLD_MAX 16 /* refused endpoints of one Service that are told about */

struct bytes external_name_normalise(struct bytes name, char *out)
{
    struct bytes lower;

    if (bytes_ends_with(name, BYTES(".")))
        name.len--;
    if (name.len == 0 || name.len > HOST_LENGTH_MAX)
        return BYTES_NONE;
    for (size_t i = 0; i < name.len; i++)
        out[i] = ascii_lower(name.at[i]);
    lower = bytes_from(out, name.len);
    return host_is_valid(lower, false) ? lower : BYTES_NONE;
}

/* Endpoints of one cluster while they are gathered. */
struct gather {
    struct pass *pass;
    struct findings *findings;
    const struct object *blamed;        /* who is told about a refused address */
    bool has_ready;                     /* an endpoint with the port is ready, refused or not */
    const struct endpoint_group *other; /* ready endpoints without the port, the first such group */
    const struct object *other_object;  /* and where it stands */
    struct endpoint_spec *endpoints;
    uint32_t count;
    uint32_t capacity;
};

/* Why nobody may be sent there, or NULL. */
static const char *refusal(const struct compile_options *options, const struct address *address)
{
    if (address_is_unspecified(address))
        return "an unspecified address";
    if (address_is_link_local(address))
        return "a link-local address";
    if (address_is_loopback(address) && !options->external_names_loopback)
        return "a loopback address";
    for (size_t i = 0; i < options->own_count; i++) {
        if (address_equal(address, &options->own[i]))
            return "the proxy's own admin port";
    }
    return NULL;
}

static void tell_refused(struct gather *gather, const struct address *address, const char *why)
{
    struct text shown;

    if (gather->findings->count >= REFUSED_TOLD_MAX)
        return;
    text_init(&shown);
    address_add(address, &shown);
    findings_add(gather->findings, false, gather->blamed, "endpoint %.*s is left out: %s",
                 BYTES_ARG(text_bytes(&shown)), why);
    text_fini(&shown);
}

static void gather_add(struct gather *gather, const struct address *address)
{
    const char *why = refusal(gather->pass->options, address);

    if (why != NULL) {
        tell_refused(gather, address, why);
        return;
    }
    if (gather->count == gather->capacity) {
        uint32_t wanted = gather->capacity * 2 + 16;
        struct endpoint_spec *grown =
            arena_alloc(gather->pass->scratch, wanted * sizeof(struct endpoint_spec));

        if (gather->count > 0)
            memcpy(grown, gather->endpoints, gather->count * sizeof(*grown));
        gather->endpoints = grown;
        gather->capacity = wanted;
    }
    gather->endpoints[gather->count++] = (struct endpoint_spec){*address, 1};
}

const struct endpoint_port *endpoint_group_port(const struct endpoint_group *group,
                                                struct bytes name)
{
    for (uint32_t i = 0; i < group->ports_count; i++) {
        const struct endpoint_port *port = &group->ports[i];
        bool is_tcp = port->protocol.len == 0 || bytes_equal(port->protocol, BYTES("TCP"));

        if (is_tcp && port->number > 0 && port->number <= 65535 && bytes_equal(port->name, name))
            return port;
    }
    return NULL;
}

static bool has_ready(const struct endpoint_group *group)
{
    for (uint32_t i = 0; i < group->addresses_count; i++) {
        if (group->addresses[i].is_ready)
            return true;
    }
    return false;
}

static void note_other(struct gather *gather, const struct endpoint_group *group)
{
    if (gather->other != NULL || !has_ready(group))
        return;
    gather->other = group;
    gather->other_object = gather->blamed;
}

static void gather_group(struct gather *gather, const struct endpoint_group *group,
                         struct bytes port_name)
{
    const struct endpoint_port *port = endpoint_group_port(group, port_name);

    if (port == NULL) {
        note_other(gather, group);
        return;
    }
    for (uint32_t i = 0; i < group->addresses_count; i++) {
        const struct endpoint_address *from = &group->addresses[i];
        struct address address = {.is_v6 = from->is_v6, .port = (uint16_t)port->number};

        if (!from->is_ready)
            continue;
        gather->has_ready = true;
        memcpy(address.ip, from->ip, sizeof(address.ip));
        gather_add(gather, &address);
    }
}

enum object_kind endpoints_kind_that_counts(const struct endpoints *const *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i]->object.kind == OBJECT_ENDPOINT_SLICE)
            return OBJECT_ENDPOINT_SLICE;
    }
    return OBJECT_ENDPOINTS;
}

static void gather_slices(struct gather *gather, const struct service_node *node,
                          struct bytes port_name)
{
    size_t count = 0;
    const struct endpoints *const *all =
        cache_service_slices(gather->pass->cache, node->ns, node->name, &count);
    enum object_kind kind = endpoints_kind_that_counts(all, count);

    for (size_t i = 0; i < count; i++) {
        gather->blamed = &all[i]->object;
        for (uint32_t j = 0; all[i]->object.kind == kind && j < all[i]->groups_count; j++)
            gather_group(gather, &all[i]->groups[j], port_name);
    }
}

static void gather_external(struct gather *gather, const struct external *external, int32_t port)
{
    for (size_t i = 0; i < external->addresses_count; i++) {
        struct address address = external->addresses[i];

        address.port = (uint16_t)port;
        gather_add(gather, &address);
    }
}

static int compare_endpoints(const void *a, const void *b)
{
    const struct endpoint_spec *left = a, *right = b;

    return address_compare(&left->address, &right->address);
}

static uint32_t sort_endpoints(struct endpoint_spec *endpoints, uint32_t count)
{
    uint32_t kept = 0;

    if (count > 1)
        qsort(endpoints, count, sizeof(*endpoints), compare_endpoints);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || !address_equal(&endpoints[kept - 1].address, &endpoints[i].address))
            endpoints[kept++] = endpoints[i];
    }
    return kept;
}

bool service_port_name(const struct service *service, int32_t number, struct bytes *name)
{
    for (uint32_t i = 0; i < service->ports_count; i++) {
        const struct service_port *port = &service->ports[i];

        if (port->number == number &&
            (port->protocol.len == 0 || bytes_equal(port->protocol, BYTES("TCP")))) {
            *name = port->name;
            return true;
        }
    }
    return false;
}

static const struct endpoint_port *first_port(const struct endpoint_group *group)
{
    for (uint32_t i = 0; i < group->ports_count; i++) {
        if (endpoint_group_port(group, group->ports[i].name) == &group->ports[i])
            return &group->ports[i];
    }
    return NULL;
}

static void add_port_name(struct text *out, struct bytes name)
{
    if (name.len == 0) {
        text_add_str(out, "port without a name");
        return;
    }
    text_add_str(out, "port named ");
    text_add_quoted(out, bytes_slice(name, 0, PORT_SHOWN_MAX));
}

/* Ports of Services and of endpoints meet by their names; numbers say nothing here. */
static void tell_other_names(const struct gather *gather, const struct service *service,
                             int32_t number, struct bytes name)
{
    const struct endpoint_port *other = first_port(gather->other);
    struct text wanted, found;

    text_init(&wanted);
    text_init(&found);
    add_port_name(&wanted, name);
    if (other != NULL)
        add_port_name(&found, other->name);
    else
        text_add_str(&found, "no TCP port with a number");
    findings_add(gather->findings, false, &service->object,
                 "port %d: no ready endpoint has a %.*s; %s %.*s/%.*s has %s%.*s: both must have "
                 "the same name",
                 number, BYTES_ARG(text_bytes(&wanted)),
                 object_kind_name(gather->other_object->kind), BYTES_ARG(gather->other_object->ns),
                 BYTES_ARG(gather->other_object->name), other != NULL ? "a " : "",
                 BYTES_ARG(text_bytes(&found)));
    text_fini(&found);
    text_fini(&wanted);
}

struct endpoint_spec *endpoints_gather(struct pass *pass, const struct service_node *node,
                                       const struct service *service, int32_t port,
                                       struct findings *findings, uint32_t *count)
{
    struct gather gather = {.pass = pass, .findings = findings, .blamed = &service->object};
    struct bytes name;

    if (service->is_external_name) {
        if (node->external != NULL)
            gather_external(&gather, node->external, port);
    } else if (service_port_name(service, port, &name)) {
        gather_slices(&gather, node, name);
        if (!gather.has_ready && gather.other != NULL)
            tell_other_names(&gather, service, port, name);
    }
    *count = sort_endpoints(gather.endpoints, gather.count);
    return gather.endpoints;
}
