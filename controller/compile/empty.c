/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty.c - why a Service has no endpoints, looked for in the order in which it goes wrong:
 *
 *     no slices -> no port of that name -> no addresses -> none is ready -> none may be used
 */
#include "controller/compile/empty.h"

#include "controller/compile/emit.h"
#include "controller/compile/endpoints.h"

/* What the slices of a Service have for one of its ports. */
struct tally {
    const struct endpoints *first; /* with a port of that name; without one, the first of all */
    size_t slices_count;           /* like it */
    bool has_port;
    struct bytes other; /* the name of another port of the first, which may be empty */
    bool has_other;
    uint64_t addresses_count;
    uint64_t ready_count;
};

static void tally_group(struct tally *tally, const struct endpoint_group *group)
{
    tally->addresses_count += group->addresses_count;
    for (uint32_t i = 0; i < group->addresses_count; i++)
        tally->ready_count += group->addresses[i].is_ready;
}

static bool has_port(const struct endpoints *slice, struct bytes name)
{
    for (uint32_t i = 0; i < slice->groups_count; i++) {
        if (endpoint_group_port(&slice->groups[i], name) != NULL)
            return true;
    }
    return false;
}

static void note_other_port(struct tally *tally, const struct endpoints *slice)
{
    for (uint32_t i = 0; i < slice->groups_count && !tally->has_other; i++) {
        const struct endpoint_group *group = &slice->groups[i];

        tally->has_other = group->ports_count > 0;
        if (tally->has_other)
            tally->other = group->ports[0].name;
    }
}

/* Those without the port are counted as long as there is none with it. */
static void tally_slice(struct tally *tally, const struct endpoints *slice, struct bytes name)
{
    bool fits = has_port(slice, name);

    if (tally->has_port && !fits)
        return;
    if (tally->first == NULL || (fits && !tally->has_port)) {
        tally->first = slice;
        tally->slices_count = 0;
    }
    tally->has_port = fits;
    tally->slices_count++;
    if (!fits)
        note_other_port(tally, slice);
    for (uint32_t i = 0; fits && i < slice->groups_count; i++) {
        if (endpoint_group_port(&slice->groups[i], name) != NULL)
            tally_group(tally, &slice->groups[i]);
    }
}

static struct tally tally_all(const struct pass *pass, const struct service_node *node,
                              struct bytes name)
{
    struct tally tally = {0};
    size_t count = 0;
    const struct endpoints *const *all =
        cache_service_slices(pass->cache, node->ns, node->name, &count);
    enum object_kind kind = endpoints_kind_that_counts(all, count);

    for (size_t i = 0; i < count; i++) {
        if (all[i]->object.kind == kind)
            tally_slice(&tally, all[i], name);
    }
    return tally;
}

static struct bytes why_external(struct pass *pass, const struct service_node *node,
                                 const struct service *service)
{
    bool is_known = node->external != NULL && node->external->addresses_count > 0;

    return plain_printf(pass->scratch, "externalName \"%.*s\" resolves to no address%s",
                        BYTES_ARG(service->external_name),
                        is_known ? " that may be used, see the warnings" : "");
}

static struct bytes why_no_slices(struct pass *pass, const struct service *service)
{
    const struct object *object = &service->object;

    return plain_printf(
        pass->scratch,
        "no EndpointSlice of namespace %.*s has the label kubernetes.io/service-name: %.*s, and "
        "there is no Endpoints %.*s/%.*s: %s",
        BYTES_ARG(object->ns), BYTES_ARG(object->name), BYTES_ARG(object->ns),
        BYTES_ARG(object->name),
        object->file.len > 0 ? "write one, for of a directory no Pods are read"
                             : "give the Service a selector, or write one");
}

/* "EndpointSlice shop/web-1 and 2 more" */
static struct bytes slices_title(struct pass *pass, const struct tally *tally)
{
    struct bytes first = object_title(&tally->first->object, pass->scratch);

    if (tally->slices_count == 1)
        return first;
    return plain_printf(pass->scratch, "%.*s and %zu more", BYTES_ARG(first),
                        tally->slices_count - 1);
}

static struct bytes port_title(struct pass *pass, struct bytes name)
{
    if (name.len == 0)
        return BYTES("without a name");
    return plain_printf(pass->scratch, "named \"%.*s\"", BYTES_ARG(name));
}

static struct bytes why_port(struct pass *pass, const struct tally *tally, struct bytes name,
                             int32_t port)
{
    struct bytes slices = slices_title(pass, tally);
    struct bytes wanted = port_title(pass, name);
    struct bytes other = BYTES_NONE;

    if (tally->has_other && !bytes_equal(tally->other, name))
        other = tally->other.len == 0
                    ? BYTES(", but one without a name")
                    : plain_printf(pass->scratch, ", but \"%.*s\"", BYTES_ARG(tally->other));
    return plain_printf(
        pass->scratch,
        "%.*s has no TCP port %.*s, as port %d of the Service is%.*s: name both alike",
        BYTES_ARG(slices), BYTES_ARG(wanted), port, BYTES_ARG(other));
}

static struct bytes why_none_counts(struct pass *pass, const struct tally *tally)
{
    struct bytes slices = slices_title(pass, tally);

    if (tally->addresses_count == 0)
        return plain_printf(pass->scratch,
                            "%.*s has no endpoints: no Pod is selected, or none runs",
                            BYTES_ARG(slices));
    if (tally->ready_count == 0)
        return plain_printf(pass->scratch, "none of the %llu endpoint%s of %.*s is ready (%s)",
                            (unsigned long long)tally->addresses_count,
                            tally->addresses_count == 1 ? "" : "s", BYTES_ARG(slices),
                            tally->first->object.kind == OBJECT_ENDPOINTS
                                ? "they are notReadyAddresses"
                                : "conditions.ready");
    return plain_printf(pass->scratch, "no ready endpoint of %.*s may be used, see the warnings",
                        BYTES_ARG(slices));
}

struct bytes empty_why(struct pass *pass, const struct service_node *node,
                       const struct service *service, int32_t port)
{
    struct bytes name = BYTES_NONE;
    struct tally tally;

    if (service->is_external_name)
        return why_external(pass, node, service);
    (void)service_port_name(service, port, &name); /* else it had no cluster */
    tally = tally_all(pass, node, name);
    if (tally.first == NULL)
        return why_no_slices(pass, service);
    return tally.has_port ? why_none_counts(pass, &tally) : why_port(pass, &tally, name, port);
}
