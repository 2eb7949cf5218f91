/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - Service: its ports, and the name an ExternalName stands for.
 */
#include "controller/object/kind.h"

static const struct layout port_layout[] = {
    TEXT_FIELD(struct service_port, name),        VALUE_FIELD(struct service_port, number),
    TEXT_FIELD(struct service_port, protocol),    TEXT_FIELD(struct service_port, app_protocol),
    PORT_REF_FIELDS(struct service_port, target), LAYOUT_LAST,
};

static const struct layout service_layout[] = {
    TEXT_FIELD(struct service, external_name),
    VALUE_FIELD(struct service, is_external_name),
    VALUE_FIELD(struct service, has_selector),
    ARRAY_FIELD(struct service, ports, port_layout),
    LAYOUT_LAST,
};

static void decode_port(const struct node *port, struct service_port *loose)
{
    loose->name = node_text(port, "name");
    loose->number = node_number(port, "port", 1, 65535);
    if (loose->number == 0)
        node_fail(port, "port", "is missing: write the number of the port");
    loose->protocol = node_text(port, "protocol");
    if (loose->protocol.len == 0)
        loose->protocol = BYTES("TCP");
    loose->app_protocol = node_text(port, "appProtocol");
    loose->target = node_port_ref(port, "targetPort");
}

static void decode_external_name(const struct node *spec, struct service *service)
{
    service->is_external_name = bytes_equal(node_text(spec, "type"), BYTES("ExternalName"));
    if (!service->is_external_name)
        return;
    service->external_name = node_text(spec, "externalName");
    if (service->external_name.len == 0)
        node_fail(spec, "externalName", "is missing: type ExternalName needs the name to look up");
}

static void decode_service(const struct node *root, struct bytes api_version, struct object *loose)
{
    struct service *service = (struct service *)loose;
    struct node spec = node_object(root, "spec");
    struct node ports = node_array(&spec, "ports");
    uint32_t count = node_count(&ports);
    struct service_port *array = NODE_ARRAY(&ports, count, struct service_port);

    (void)api_version;
    decode_external_name(&spec, service);
    service->has_selector = json_object_size(json_object_get(spec.json, "selector")) > 0;
    for (uint32_t i = 0; i < count; i++) {
        struct node port = node_item(&ports, i);

        decode_port(&port, &array[i]);
    }
    service->ports = array;
    service->ports_count = count;
}

const struct kind kind_service = {
    .name = "Service",
    .version = "v1",
    .size = sizeof(struct service),
    .layout = service_layout,
    .decode = decode_service,
};
