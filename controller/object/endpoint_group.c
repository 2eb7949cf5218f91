/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_group.c - ports and addresses of endpoints.
 */
#include "controller/object/endpoint_group.h"

static const struct layout port_layout[] = {
    TEXT_FIELD(struct endpoint_port, name),
    VALUE_FIELD(struct endpoint_port, number),
    TEXT_FIELD(struct endpoint_port, protocol),
    LAYOUT_LAST,
};

static const struct layout address_layout[] = {
    VALUE_FIELD(struct endpoint_address, is_v6),
    VALUE_FIELD(struct endpoint_address, ip),
    VALUE_FIELD(struct endpoint_address, is_ready),
    LAYOUT_LAST,
};

static const struct layout group_layout[] = {
    ARRAY_FIELD(struct endpoint_group, ports, port_layout),
    ARRAY_FIELD(struct endpoint_group, addresses, address_layout),
    LAYOUT_LAST,
};

const struct layout endpoints_layout[] = {
    TEXT_FIELD(struct endpoints, service),
    ARRAY_FIELD(struct endpoints, groups, group_layout),
    LAYOUT_LAST,
};

void endpoint_group_decode_ports(const struct node *up, struct endpoint_group *group)
{
    struct node ports = node_array(up, "ports");
    uint32_t count = node_count(&ports);
    struct endpoint_port *array = NODE_ARRAY(&ports, count, struct endpoint_port);
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct node port = node_item(&ports, i);
        int32_t number = node_number(&port, "port", 1, 65535);
        struct bytes protocol = node_text(&port, "protocol");

        if (number == 0) /* "all ports", which no Service can ask for */
            continue;
        array[used++] = (struct endpoint_port){
            .name = node_text(&port, "name"),
            .number = number,
            .protocol = protocol.len == 0 ? BYTES("TCP") : protocol,
        };
    }
    group->ports = array;
    group->ports_count = used;
}

void endpoint_address_decode(const struct node *node, const char *key, struct bytes text,
                             bool is_ready, struct endpoint_address *loose)
{
    struct address address;

    if (node->decoding->has_failed)
        return;
    if (address_parse_ip(text, 0, &address) != STATUS_OK) {
        node_fail(node, key, "is no IP address: write one such as 10.0.0.1 or fd00::1");
        return;
    }
    loose->is_v6 = address.is_v6;
    memcpy(loose->ip, address.ip, sizeof(loose->ip));
    loose->is_ready = is_ready;
}
