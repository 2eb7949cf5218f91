/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whereabouts.c - ready or not, and at which addresses.
 */
#include "controller/object/whereabouts.h"

#include "core/address.h"
#include "core/text.h"

static struct bytes text_of(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    return bytes_from(json_string_value(value), json_string_length(value));
}

static bool is_ready(const json_t *status)
{
    const json_t *conditions = json_object_get(status, "conditions");

    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);

        if (bytes_equal(text_of(condition, "type"), BYTES("Ready")))
            return bytes_equal(text_of(condition, "status"), BYTES("True"));
    }
    return false;
}

/* A pod that is told to end stays ready for a while, and its node is no place to send new clients
 * to. */
static struct bytes node_of(const json_t *pod)
{
    const json_t *metadata = json_object_get(pod, "metadata");

    if (text_of(metadata, "deletionTimestamp").len > 0 || !is_ready(json_object_get(pod, "status")))
        return BYTES_NONE;
    return text_of(json_object_get(pod, "spec"), "nodeName");
}

static void add_addresses(struct text *out, const json_t *list, const char *type)
{
    struct address address;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct bytes text = text_of(item, "address");

        if (!bytes_equal(text_of(item, "type"), bytes_of(type)) ||
            address_parse_ip(text, 0, &address) != STATUS_OK)
            continue;
        if (out->len > 0)
            text_add_byte(out, ' ');
        text_add(out, text);
    }
}

static struct bytes addresses_of(const json_t *node, struct arena *arena)
{
    const json_t *list = json_object_get(json_object_get(node, "status"), "addresses");
    struct bytes copy;
    struct text text;

    text_init(&text);
    add_addresses(&text, list, "ExternalIP");
    if (text.len == 0)
        add_addresses(&text, list, "InternalIP");
    copy = arena_copy(arena, text_bytes(&text));
    text_fini(&text);
    return copy;
}

struct bytes whereabouts_read(enum object_kind kind, const json_t *json, struct arena *arena)
{
    return kind == OBJECT_POD ? arena_copy(arena, node_of(json)) : addresses_of(json, arena);
}
