/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_object.c - Secret and ConfigMap: named values, one source as text and one as base64.
 */
#include "controller/object/base64.h"
#include "controller/object/kind.h"

#include <stdlib.h>

static const struct layout entry_layout[] = {
    TEXT_FIELD(struct data_entry, name),
    TEXT_FIELD(struct data_entry, value),
    LAYOUT_LAST,
};

static const struct layout data_object_layout[] = {
    TEXT_FIELD(struct data_object, type),
    ARRAY_FIELD(struct data_object, entries, entry_layout),
    LAYOUT_LAST,
};

/* Both a library's and our own memory, const by contract; the bytes must not stay behind. */
static void wipe(struct bytes value)
{
    if (value.len > 0)
        explicit_bzero((void *)(uintptr_t)value.at, value.len);
}

void data_object_wipe(const struct data_object *secret)
{
    for (uint32_t i = 0; i < secret->entries_count; i++)
        wipe(secret->entries[i].value);
}

static struct bytes decode_value(const struct node *map, const char *name, struct bytes text)
{
    char *value = NODE_ARRAY(map, BASE64_DECODED_MAX(text.len), char);
    size_t length;

    if (base64_decode(text, value, &length) == STATUS_OK)
        return bytes_from(value, length);
    node_fail(map, name, "is no base64: encode the value, or move it to the field for plain text");
    return BYTES_NONE;
}

/* The values of a Secret are always copies in the arena: aliases may share what is in the tree, and
 * the copies are wiped as soon as they have been packed. */
static uint32_t decode_map(const struct node *map, bool is_base64, struct data_entry *entries)
{
    struct bytes name, value;
    uint32_t count = 0;
    void *at = NULL;

    while (node_next_text(map, &at, &name, &value)) {
        if (is_base64)
            value = decode_value(map, name.at, value);
        else if (map->decoding->hides_values)
            value = arena_copy(map->decoding->arena, value);
        entries[count++] = (struct data_entry){name, value};
    }
    return count;
}

/* A tree that held a Secret. Names stay: they are no secrets. */
void data_object_wipe_tree(const json_t *json)
{
    json_t *tree = (json_t *)(uintptr_t)json; /* jansson's iterators want one that may change */
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_string(json))
        wipe(bytes_from(json_string_value(json), json_string_length(json)));
    json_array_foreach(tree, i, value) data_object_wipe_tree(value);
    json_object_foreach(tree, key, value) data_object_wipe_tree(value);
}

struct ranked_entry {
    struct data_entry entry;
    bool is_winner;
};

static int compare_entries(const void *a, const void *b)
{
    const struct ranked_entry *left = a;
    const struct ranked_entry *right = b;
    int order = bytes_compare(left->entry.name, right->entry.name);

    return order != 0 ? order : (int)right->is_winner - (int)left->is_winner;
}

/* Sort by name; of two with one name the winner stays. */
static uint32_t settle(struct data_entry *entries, uint32_t count, uint32_t winners_from,
                       struct ranked_entry *ranked, bool is_secret)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++)
        ranked[i] = (struct ranked_entry){entries[i], i >= winners_from};
    if (count > 1)
        qsort(ranked, count, sizeof(ranked[0]), compare_entries);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || !bytes_equal(entries[kept - 1].name, ranked[i].entry.name))
            entries[kept++] = ranked[i].entry;
        else if (is_secret)
            wipe(ranked[i].entry.value);
    }
    return kept;
}

/* The fields `weaker` and `stronger`; where both have a name, the stronger one counts. */
static void decode_data(const struct node *root, const char *weaker, bool weaker_is_base64,
                        const char *stronger, struct data_object *object)
{
    struct node first = node_object(root, weaker);
    struct node second = node_object(root, stronger);
    size_t room = json_object_size(first.json) + json_object_size(second.json);
    struct data_entry *entries = NODE_ARRAY(root, room, struct data_entry);
    struct ranked_entry *ranked = NODE_ARRAY(root, room, struct ranked_entry);
    uint32_t firsts;
    uint32_t count;

    if (entries == NULL || ranked == NULL)
        return;
    firsts = decode_map(&first, weaker_is_base64, entries);
    count = firsts + decode_map(&second, !weaker_is_base64, entries + firsts);
    object->entries = entries;
    object->entries_count = settle(entries, count, firsts, ranked, root->decoding->hides_values);
}

static void decode_secret(const struct node *root, struct bytes api_version, struct object *loose)
{
    struct data_object *secret = (struct data_object *)loose;

    (void)api_version;
    secret->type = node_text(root, "type");
    if (secret->type.len == 0)
        secret->type = BYTES("Opaque");
    decode_data(root, "data", true, "stringData", secret);
}

/* An API server refuses a name in both `data` and `binaryData`; here `binaryData` counts. */
static void decode_config_map(const struct node *root, struct bytes api_version,
                              struct object *loose)
{
    (void)api_version;
    decode_data(root, "data", false, "binaryData", (struct data_object *)loose);
}

const struct kind kind_secret = {
    .name = "Secret",
    .version = "v1",
    .is_secret = true,
    .size = sizeof(struct data_object),
    .layout = data_object_layout,
    .decode = decode_secret,
};

const struct kind kind_config_map = {
    .name = "ConfigMap",
    .version = "v1",
    .size = sizeof(struct data_object),
    .layout = data_object_layout,
    .decode = decode_config_map,
};
