/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_map.c - ConfigMap: known, and nothing of it is read, so nothing of it is kept.
 */
#include "controller/object/kind.h"
#include "controller/object/metadata.h"

static const struct layout config_map_layout[] = {
    LAYOUT_LAST,
};

static void decode_config_map(const struct node *root, struct bytes api_version,
                              struct object *loose)
{
    (void)root;
    (void)api_version;
    metadata_drop_annotations(loose);
}

const struct kind kind_config_map = {
    .name = "ConfigMap",
    .version = "v1",
    .size = sizeof(struct object),
    .layout = config_map_layout,
    .decode = decode_config_map,
};
