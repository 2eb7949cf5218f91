/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints.c - Endpoints: the older kind, one group for each subset; its Service has its name.
 */
#include "controller/object/endpoint_group.h"
#include "controller/object/kind.h"

static uint32_t decode_list(const struct node *addresses, bool is_ready,
                            struct endpoint_address *array)
{
    uint32_t count = node_count(addresses);

    for (uint32_t i = 0; i < count; i++) {
        struct node address = node_item(addresses, i);

        endpoint_address_decode(&address, "ip", node_text(&address, "ip"), is_ready, &array[i]);
    }
    return count;
}

static void decode_subset(const struct node *subset, struct endpoint_group *group)
{
    struct node ready = node_array(subset, "addresses");
    struct node waiting = node_array(subset, "notReadyAddresses");
    uint32_t room = node_count(&ready) + node_count(&waiting);
    struct endpoint_address *array = NODE_ARRAY(subset, room, struct endpoint_address);

    endpoint_group_decode_ports(subset, group);
    group->addresses_count = decode_list(&ready, true, array);
    if (node_count(&waiting) > 0)
        group->addresses_count += decode_list(&waiting, false, array + group->addresses_count);
    group->addresses = array;
}

static void decode_endpoints(const struct node *root, struct bytes api_version,
                             struct object *loose)
{
    struct endpoints *endpoints = (struct endpoints *)loose;
    struct node subsets = node_array(root, "subsets");
    uint32_t count = node_count(&subsets);
    struct endpoint_group *groups = NODE_ARRAY(&subsets, count, struct endpoint_group);

    (void)api_version;
    for (uint32_t i = 0; i < count; i++) {
        struct node subset = node_item(&subsets, i);

        decode_subset(&subset, &groups[i]);
    }
    endpoints->service = loose->name;
    endpoints->groups = groups;
    endpoints->groups_count = count;
}

const struct kind kind_endpoints = {
    .name = "Endpoints",
    .version = "v1",
    .size = sizeof(struct endpoints),
    .layout = endpoints_layout,
    .decode = decode_endpoints,
};
