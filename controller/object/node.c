/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c - fields with their paths.
 */
#include "controller/object/node.h"

#include "core/mem.h"

#include <stdio.h>

#define NUMBER_REMEDY   "write a number in its place"
#define SHOWN_BYTES_MAX 64 /* of a name or a value in a note; both may be anything */

struct decode_note *decoded_add_note(struct decoded *decoded, bool is_error, uint32_t line,
                                     struct bytes object, struct bytes text)
{
    struct decode_note *note;

    if (decoded->notes_count > MANIFEST_NOTES_MAX) { /* the last one stands for all the rest */
        decoded->notes[MANIFEST_NOTES_MAX].is_error |= is_error;
        return NULL;
    }
    if (decoded->notes_count == MANIFEST_NOTES_MAX) {
        text = BYTES("there is more to tell about this file than is told");
        object = BYTES_NONE;
    }
    if ((decoded->notes_count & (decoded->notes_count - 1)) == 0)
        decoded->notes =
            mem_resize(decoded->notes, (decoded->notes_count * 2 + 1) * sizeof(struct decode_note));
    note = &decoded->notes[decoded->notes_count++];
    *note = (struct decode_note){.is_error = is_error, .line = line};
    note->object = arena_copy(&decoded->arena, object);
    note->text = arena_copy(&decoded->arena, text);
    return note;
}

void node_add_path(const struct node *node, struct text *out)
{
    if (node->up == NULL)
        return;
    node_add_path(node->up, out);
    if (node->key == NULL) {
        text_printf(out, "[%zu]", node->index);
        return;
    }
    if (node->up->up != NULL)
        text_add_byte(out, '.');
    text_add_escaped(out, bytes_slice(bytes_of(node->key), 0, SHOWN_BYTES_MAX));
}

/* The line of the node, or of the nearest one above it that is known. */
static uint32_t line_of(const struct node *node)
{
    for (; node != NULL && node->up != NULL; node = node->up) {
        uint32_t line = node->json == NULL ? 0 : lines_find(node->decoding->lines, node->json);

        if (line != 0)
            return line;
    }
    return 0;
}

__attribute__((format(printf, 3, 0))) static void node_tell(const struct node *node, bool is_error,
                                                            const char *format, va_list arguments)
{
    struct decoding *decoding = node->decoding;
    uint32_t line = line_of(node);
    char sentence[400];
    struct text text;

    text_init(&text);
    node_add_path(node, &text);
    if (text.len > 0)
        text_add_str(&text, ": ");
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    text_add_str(&text, sentence);
    decoded_add_note(decoding->decoded, is_error, line != 0 ? line : decoding->line,
                     decoding->object, text_bytes(&text));
    if (is_error)
        decoding->fault = arena_copy(decoding->arena, text_bytes(&text));
    text_fini(&text);
}

static struct node child_of(const struct node *up, const char *key)
{
    struct node child = {.up = up, .key = key, .decoding = up->decoding};

    if (up->json != NULL && !up->decoding->has_failed)
        child.json = json_object_get(up->json, key);
    if (json_is_null(child.json))
        child.json = NULL;
    return child;
}

static struct node item_of(const struct node *array, size_t index)
{
    struct node item = {.up = array, .index = index, .decoding = array->decoding};

    if (array->json != NULL && !array->decoding->has_failed)
        item.json = json_array_get(array->json, index);
    if (json_is_null(item.json))
        item.json = NULL;
    return item;
}

void node_fail(const struct node *node, const char *key, const char *format, ...)
{
    struct node child = key == NULL ? *node : child_of(node, key);
    va_list arguments;

    if (node->decoding->has_failed)
        return;
    va_start(arguments, format);
    node_tell(&child, true, format, arguments);
    va_end(arguments);
    node->decoding->has_failed = true;
}

void node_warn(const struct node *node, const char *key, const char *format, ...)
{
    struct node child = key == NULL ? *node : child_of(node, key);
    va_list arguments;

    if (node->decoding->has_failed)
        return;
    va_start(arguments, format);
    node_tell(&child, false, format, arguments);
    va_end(arguments);
}

struct node node_root(struct decoding *decoding, const json_t *json)
{
    return (struct node){.json = json, .decoding = decoding};
}

/* The value for a note: short, escaped, and never one of a Secret. */
static void add_shown(const struct node *node, struct text *out)
{
    char *json;

    if (node->decoding->hides_values || json_is_object(node->json) || json_is_array(node->json))
        return;
    json = json_dumps(node->json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (json == NULL)
        return;
    text_add_byte(out, ' ');
    text_add(out, bytes_slice(bytes_of(json), 0, SHOWN_BYTES_MAX));
    if (strlen(json) > SHOWN_BYTES_MAX)
        text_add_str(out, "...");
    mem_free(json);
}

static const char *type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "a mapping";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "the text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "the number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "the boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static void fail_type(const struct node *node, const char *wanted, const char *remedy)
{
    struct text shown;

    if (node->decoding->has_failed)
        return;
    text_init(&shown);
    add_shown(node, &shown);
    node_fail(node, NULL, "%s%.*s is not %s: %s", type_name(node->json),
              BYTES_ARG(text_bytes(&shown)), wanted, remedy);
    text_fini(&shown);
}

/* True when the node may be read as text. */
static bool require_text(const struct node *node)
{
    if (json_is_string(node->json))
        return true;
    if (json_is_object(node->json) || json_is_array(node->json))
        fail_type(node, "a text", "write a single value");
    else
        fail_type(node, "a text", "put it in quotes");
    return false;
}

static void require_object(struct node *node)
{
    if (node->json == NULL || json_is_object(node->json))
        return;
    fail_type(node, "a mapping", "write fields with their names below it");
    node->json = NULL;
}

struct node node_object(const struct node *up, const char *key)
{
    struct node node = child_of(up, key);

    require_object(&node);
    return node;
}

struct node node_array(const struct node *up, const char *key)
{
    struct node node = child_of(up, key);

    if (node.json != NULL && !json_is_array(node.json)) {
        fail_type(&node, "a list", "write each item on a line that begins with a dash");
        node.json = NULL;
    }
    return node;
}

uint32_t node_count(const struct node *array)
{
    return (uint32_t)json_array_size(array->json);
}

struct node node_item(const struct node *array, size_t index)
{
    struct node node = item_of(array, index);

    require_object(&node);
    return node;
}

static struct bytes text_of(const json_t *json)
{
    return bytes_from(json_string_value(json), json_string_length(json));
}

static struct bytes read_text(const struct node *node)
{
    if (node->json == NULL || !require_text(node))
        return BYTES_NONE;
    return text_of(node->json);
}

struct bytes node_item_text(const struct node *array, size_t index)
{
    struct node node = item_of(array, index);

    return read_text(&node);
}

struct bytes node_text(const struct node *up, const char *key)
{
    struct node node = child_of(up, key);

    return read_text(&node);
}

/* jansson's iterators want a tree that may be changed; ours is only read. */
static json_t *unlocked(const json_t *json)
{
    return (json_t *)(uintptr_t)json;
}

bool node_next(const struct node *object, void **at, struct node *member)
{
    json_t *json = unlocked(object->json);

    if (json == NULL || object->decoding->has_failed)
        return false;
    do {
        *at = *at == NULL ? json_object_iter(json) : json_object_iter_next(json, *at);
        if (*at == NULL)
            return false;
    } while (json_is_null(json_object_iter_value(*at)));
    *member = (struct node){.up = object,
                            .key = json_object_iter_key(*at),
                            .json = json_object_iter_value(*at),
                            .decoding = object->decoding};
    return true;
}

bool node_next_text(const struct node *object, void **at, struct bytes *name, struct bytes *value)
{
    struct node member;

    if (!node_next(object, at, &member))
        return false;
    *name = bytes_from(member.key, json_object_iter_key_len(*at));
    *value = read_text(&member);
    return !object->decoding->has_failed;
}

bool node_bool(const struct node *up, const char *key, bool otherwise)
{
    struct node node = child_of(up, key);

    if (node.json == NULL)
        return otherwise;
    if (json_is_boolean(node.json))
        return json_is_true(node.json);
    fail_type(&node, "a boolean", "write true or false, without quotes");
    return otherwise;
}

static bool is_number(struct bytes text)
{
    uint64_t value;

    if (bytes_starts_with(text, BYTES("-")))
        text = bytes_skip(text, 1);
    return bytes_to_uint(text, UINT64_MAX, &value);
}

/* Whoever wrote a text did not mean a number out of range. */
static void fail_number(const struct node *node, int32_t min, int32_t max, const char *remedy)
{
    char wanted[60] = "a number";

    if (!json_is_string(node->json) || min != INT32_MIN || max != INT32_MAX)
        snprintf(wanted, sizeof(wanted), "a number from %d to %d", min, max);
    if (!json_is_string(node->json))
        remedy = "write such a number";
    else if (is_number(text_of(node->json)))
        remedy = "write it as a number, without quotes";
    fail_type(node, wanted, remedy);
}

static int32_t read_number(const struct node *node, int32_t min, int32_t max, const char *remedy)
{
    json_int_t value = json_integer_value(node->json);

    if (json_is_integer(node->json) && value >= min && value <= max)
        return (int32_t)value;
    fail_number(node, min, max, remedy);
    return 0;
}

int32_t node_number_or_say(const struct node *up, const char *key, int32_t min, int32_t max,
                           const char *remedy)
{
    struct node node = child_of(up, key);

    return node.json == NULL ? 0 : read_number(&node, min, max, remedy);
}

int32_t node_number(const struct node *up, const char *key, int32_t min, int32_t max)
{
    return node_number_or_say(up, key, min, max, NUMBER_REMEDY);
}

struct port_ref node_port_ref(const struct node *up, const char *key)
{
    struct node node = child_of(up, key);

    if (node.json == NULL)
        return (struct port_ref){BYTES_NONE, 0};
    if (json_is_string(node.json))
        return (struct port_ref){text_of(node.json), 0};
    return (struct port_ref){BYTES_NONE, read_number(&node, 1, 65535, NUMBER_REMEDY)};
}

void *node_room(const struct node *node, size_t count, size_t size)
{
    return count == 0 ? NULL : arena_zeroed(node->decoding->arena, count * size);
}
