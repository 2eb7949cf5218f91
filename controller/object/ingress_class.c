/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingress_class.c - IngressClass, which has no namespace.
 */
#include "controller/object/kind.h"

static const struct layout ingress_class_layout[] = {
    TEXT_FIELD(struct ingress_class, controller),
    VALUE_FIELD(struct ingress_class, is_default),
    LAYOUT_LAST,
};

static void decode_ingress_class(const struct node *root, struct bytes api_version,
                                 struct object *loose)
{
    struct ingress_class *class = (struct ingress_class *)loose;
    struct node spec = node_object(root, "spec");

    (void)api_version;
    class->controller = node_text(&spec, "controller");
    class->is_default =
        bytes_equal(object_annotation(loose, BYTES("ingressclass.kubernetes.io/is-default-class")),
                    BYTES("true"));
}

const struct kind kind_ingress_class = {
    .name = "IngressClass",
    .version = "networking.k8s.io/v1",
    .is_cluster_wide = true,
    .size = sizeof(struct ingress_class),
    .layout = ingress_class_layout,
    .decode = decode_ingress_class,
};
