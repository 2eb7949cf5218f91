/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_delegation.c - TLSCertificateDelegation, of either group: which namespaces may use a Secret
 * of this one.
 *
 * Source: spec/contour.md 2.8.
 */
#include "controller/object/fields.h"
#include "controller/object/kind.h"

static const struct layout text_layout[] = {
    {LAYOUT_TEXT, 0, 0, 0, NULL},
    LAYOUT_LAST,
};

static const struct layout grant_layout[] = {
    TEXT_FIELD(struct tls_grant, secret),
    ARRAY_FIELD(struct tls_grant, namespaces, text_layout),
    LAYOUT_LAST,
};

static const struct layout tls_delegation_layout[] = {
    ARRAY_FIELD(struct tls_delegation, grants, grant_layout),
    LAYOUT_LAST,
};

static const struct field grant_fields[] = {
    {.name = "secretName"}, {.name = "targetNamespaces"}, {0}};
static const struct field spec_fields[] = {{"delegations", grant_fields, true}, {0}};
static const struct field root_fields[] = {{.name = "apiVersion"}, {.name = "kind"},
                                           {.name = "metadata"},   {"spec", spec_fields, false},
                                           {.name = "status"},     {0}};
static const struct field_mistake mistakes[] = {
    {"secret", "secretName", NULL}, {"namespaces", "targetNamespaces", NULL}, {0}};

static void decode_grant(const struct node *grant, struct tls_grant *loose)
{
    struct node namespaces = node_array(grant, "targetNamespaces");
    uint32_t count = node_count(&namespaces);
    struct bytes *array = NODE_ARRAY(&namespaces, count, struct bytes);

    loose->secret = node_text(grant, "secretName");
    for (uint32_t i = 0; i < count; i++)
        array[i] = node_item_text(&namespaces, i);
    loose->namespaces = array;
    loose->namespaces_count = count;
}

static void decode_tls_delegation(const struct node *root, struct bytes api_version,
                                  struct object *object)
{
    struct tls_delegation *loose = (struct tls_delegation *)object;
    struct node spec = node_object(root, "spec");
    struct node grants = node_array(&spec, "delegations");
    uint32_t count = node_count(&grants);
    struct tls_grant *array = NODE_ARRAY(&grants, count, struct tls_grant);

    (void)api_version;
    for (uint32_t i = 0; i < count; i++) {
        struct node grant = node_item(&grants, i);

        decode_grant(&grant, &array[i]);
    }
    loose->grants = array;
    loose->grants_count = count;
    fields_check(root, root_fields, mistakes);
}

const struct kind kind_tls_delegation = {
    .name = "TLSCertificateDelegation",
    .version = "contour.heptio.com/v1beta1",
    .shares_name = true,
    .size = sizeof(struct tls_delegation),
    .layout = tls_delegation_layout,
    .decode = decode_tls_delegation,
};

const struct kind kind_projectcontour_tls_delegation = {
    .name = "TLSCertificateDelegation",
    .version = "projectcontour.io/v1",
    .shares_name = true,
    .size = sizeof(struct tls_delegation),
    .layout = tls_delegation_layout,
    .decode = decode_tls_delegation,
};
