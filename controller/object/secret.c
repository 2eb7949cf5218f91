/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - Secret: the values that it may be asked for, as text or as base64, and no other.
 */
#include "controller/object/base64.h"
#include "controller/object/kind.h"
#include "controller/object/metadata.h"

static const struct {
    const char *name;
    size_t bytes_max;
} keys[SECRET_KEYS_COUNT] = {
#define SECRET_KEY(name, key, bytes_max) [SECRET_##name] = {key, bytes_max},
#include "controller/object/secret_keys.def"
#undef SECRET_KEY
};

static const struct layout secret_layout[] = {
    TEXT_FIELD(struct secret, type),
#define SECRET_KEY(name, key, bytes_max) TEXT_FIELD(struct secret, values[SECRET_##name]),
#include "controller/object/secret_keys.def"
#undef SECRET_KEY
    VALUE_FIELD(struct secret, is_too_large),
    LAYOUT_LAST,
};

const char *secret_key_name(enum secret_key key)
{
    return keys[key].name;
}

size_t secret_key_bytes_max(enum secret_key key)
{
    return keys[key].bytes_max;
}

/* ---- wiping ---- */

/* Both a library's and our own memory, const by contract; the bytes must not stay behind. */
static void wipe(struct bytes value)
{
    if (value.len > 0)
        explicit_bzero((void *)(uintptr_t)value.at, value.len);
}

void secret_wipe(const struct secret *secret)
{
    for (size_t key = 0; key < SECRET_KEYS_COUNT; key++)
        wipe(secret->values[key]);
}

/* A tree that held a Secret. Names stay: they are no secrets. */
void secret_wipe_tree(const json_t *json)
{
    json_t *tree = (json_t *)(uintptr_t)json; /* jansson's iterators want one that may change */
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_string(json))
        wipe(bytes_from(json_string_value(json), json_string_length(json)));
    json_array_foreach(tree, i, value) secret_wipe_tree(value);
    json_object_foreach(tree, key, value) secret_wipe_tree(value);
}

/* ---- reading ---- */

static struct bytes decode_base64(const struct node *map, const char *name, struct bytes text)
{
    size_t room = BASE64_DECODED_MAX(text.len);
    char *value = NODE_ARRAY(map, room, char);
    size_t length;

    if (base64_decode(text, value, &length) == STATUS_OK)
        return bytes_from(value, length);
    wipe(bytes_from(value, room)); /* the part before the fault */
    node_fail(map, name, "is no base64: encode the value, or move it to the field for plain text");
    return BYTES_NONE;
}

/* The fields `data`, and `stringData`, which counts where both have the key. The value is always a
 * copy in the arena: aliases may share what is in the tree, and the copy is wiped as soon as it has
 * been packed. */
static struct bytes decode_value(const struct node *data, const struct node *texts,
                                 const char *name)
{
    struct bytes text = node_text(texts, name);

    if (text.at != NULL)
        return arena_copy(texts->decoding->arena, text);
    text = node_text(data, name);
    return text.at == NULL ? BYTES_NONE : decode_base64(data, name, text);
}

static void decode_secret(const struct node *root, struct bytes api_version, struct object *loose)
{
    struct secret *secret = (struct secret *)loose;
    struct node data = node_object(root, "data");
    struct node texts = node_object(root, "stringData");

    (void)api_version;
    metadata_drop_annotations(loose);
    secret->type = node_text(root, "type");
    if (secret->type.len == 0)
        secret->type = BYTES("Opaque");
    for (size_t key = 0; key < SECRET_KEYS_COUNT; key++) {
        struct bytes value = decode_value(&data, &texts, keys[key].name);

        secret->is_too_large[key] = value.len > keys[key].bytes_max;
        if (secret->is_too_large[key])
            wipe(value);
        else
            secret->values[key] = value;
    }
}

const struct kind kind_secret = {
    .name = "Secret",
    .version = "v1",
    .is_secret = true,
    .size = sizeof(struct secret),
    .layout = secret_layout,
    .decode = decode_secret,
};
