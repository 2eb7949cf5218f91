/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind.c - which kinds there are, and in which API versions.
 */
#include "controller/object/kind.h"

static const struct kind *const kinds[OBJECT_KINDS_COUNT] = {
    [OBJECT_INGRESS] = &kind_ingress,
    [OBJECT_INGRESS_CLASS] = &kind_ingress_class,
    [OBJECT_SERVICE] = &kind_service,
    [OBJECT_ENDPOINT_SLICE] = &kind_endpoint_slice,
    [OBJECT_ENDPOINTS] = &kind_endpoints,
    [OBJECT_SECRET] = &kind_secret,
    [OBJECT_CONFIG_MAP] = &kind_config_map,
    [OBJECT_INGRESS_ROUTE] = &kind_ingress_route,
    [OBJECT_TLS_DELEGATION] = &kind_tls_delegation,
    [OBJECT_PROJECTCONTOUR_TLS_DELEGATION] = &kind_projectcontour_tls_delegation,
};

static const struct {
    enum object_kind kind;
    const char *api_version;
} versions[] = {
    {OBJECT_INGRESS, "networking.k8s.io/v1"},
    {OBJECT_INGRESS, "networking.k8s.io/v1beta1"},
    {OBJECT_INGRESS, "extensions/v1beta1"},
    {OBJECT_INGRESS_CLASS, "networking.k8s.io/v1"},
    {OBJECT_INGRESS_CLASS, "networking.k8s.io/v1beta1"},
    {OBJECT_SERVICE, "v1"},
    {OBJECT_ENDPOINT_SLICE, "discovery.k8s.io/v1"},
    {OBJECT_ENDPOINT_SLICE, "discovery.k8s.io/v1beta1"},
    {OBJECT_ENDPOINTS, "v1"},
    {OBJECT_SECRET, "v1"},
    {OBJECT_CONFIG_MAP, "v1"},
    {OBJECT_INGRESS_ROUTE, "contour.heptio.com/v1beta1"},
    {OBJECT_TLS_DELEGATION, "contour.heptio.com/v1beta1"},
    {OBJECT_PROJECTCONTOUR_TLS_DELEGATION, "projectcontour.io/v1"},
};

const struct kind *kind_of(enum object_kind kind)
{
    return kinds[kind];
}

static bool is_named(enum object_kind kind, struct bytes name)
{
    return bytes_equal(name, bytes_of(kinds[kind]->name));
}

enum status kind_find(struct bytes name, struct bytes api_version, enum object_kind *kind)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (is_named(versions[i].kind, name) &&
            bytes_equal(api_version, bytes_of(versions[i].api_version))) {
            *kind = versions[i].kind;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

struct object *kind_pack(const struct kind *kind, const struct decoding *decoding,
                         struct object *loose)
{
    if (decoding->has_failed && (kind->stand_in == NULL || !decoding->knows_name))
        return NULL;
    if (decoding->has_failed) {
        if (!decoding->knows_metadata)
            loose->annotations_count = 0;
        kind->stand_in(loose, decoding->fault, decoding->knows_metadata);
    }
    return layout_pack(loose, kind->size, kind->layout);
}

const char *kind_find_version(struct bytes name)
{
    for (size_t i = 0; i < OBJECT_KINDS_COUNT; i++) {
        if (is_named((enum object_kind)i, name))
            return kinds[i]->version;
    }
    return NULL;
}

/* "networking.k8s.io" of "networking.k8s.io/v1"; empty for "v1". */
static struct bytes group_of(struct bytes api_version)
{
    size_t slash = bytes_find(api_version, '/');

    return slash == BYTES_NOT_FOUND ? BYTES_NONE : bytes_slice(api_version, 0, slash);
}

bool kind_is_of_our_group(struct bytes api_version)
{
    struct bytes group = group_of(api_version);

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (bytes_equal(group, group_of(bytes_of(versions[i].api_version))))
            return true;
    return false;
}
