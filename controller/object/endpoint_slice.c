/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_slice.c - EndpointSlice: one group; an endpoint takes requests while its condition
 * `ready` is true or absent.
 */
#include "controller/object/endpoint_group.h"
#include "controller/object/kind.h"

/* An endpoint may list several addresses of the same pod. All are taken: they are fungible, and
 * leaving some out would surprise whoever wrote them by hand. */
static uint32_t count_addresses(const struct node *endpoints)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < node_count(endpoints); i++) {
        struct node endpoint = node_item(endpoints, i);
        struct node addresses = node_array(&endpoint, "addresses");

        count += node_count(&addresses);
    }
    return count;
}

static void decode_addresses(const struct node *endpoints, struct endpoint_group *group)
{
    uint32_t room = count_addresses(endpoints);
    struct endpoint_address *array = NODE_ARRAY(endpoints, room, struct endpoint_address);
    uint32_t count = 0;

    for (uint32_t i = 0; i < node_count(endpoints); i++) {
        struct node endpoint = node_item(endpoints, i);
        struct node addresses = node_array(&endpoint, "addresses");
        struct node conditions = node_object(&endpoint, "conditions");
        bool is_ready = node_bool(&conditions, "ready", true);

        for (uint32_t j = 0; j < node_count(&addresses) && count < room; j++)
            endpoint_address_decode(&addresses, NULL, node_item_text(&addresses, j), is_ready,
                                    &array[count++]);
    }
    group->addresses = array;
    group->addresses_count = count;
}

/* v1beta1 called the service of a slice the same; the type FQDN never got an implementation. */
static void decode_endpoint_slice(const struct node *root, struct bytes api_version,
                                  struct object *loose)
{
    struct endpoints *slice = (struct endpoints *)loose;
    struct node metadata = node_object(root, "metadata");
    struct node labels = node_object(&metadata, "labels");
    struct node endpoints = node_array(root, "endpoints");
    struct endpoint_group *group = NODE_ARRAY(root, 1, struct endpoint_group);

    (void)api_version;
    slice->service = node_text(&labels, "kubernetes.io/service-name");
    if (slice->service.len == 0)
        node_warn(&metadata, "labels",
                  "has no kubernetes.io/service-name, so no Service uses "
                  "these endpoints: add the label");
    if (bytes_equal(node_text(root, "addressType"), BYTES("FQDN"))) {
        node_warn(root, "addressType",
                  "FQDN is not served: write addresses, or use a Service of "
                  "type ExternalName");
        return;
    }
    endpoint_group_decode_ports(root, group);
    decode_addresses(&endpoints, group);
    slice->groups = group;
    slice->groups_count = 1;
}

const struct kind kind_endpoint_slice = {
    .name = "EndpointSlice",
    .version = "discovery.k8s.io/v1",
    .size = sizeof(struct endpoints),
    .layout = endpoints_layout,
    .decode = decode_endpoint_slice,
};
