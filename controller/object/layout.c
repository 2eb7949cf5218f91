/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - one walk over a struct, done twice: to measure the block, then to fill it.
 */
#include "controller/object/layout.h"

#include "core/check.h"
#include "core/mem.h"

#define SEEN_COUNT 16 /* a power of two: texts looked back at for one that is the same */

struct seen {
    struct bytes text; /* borrowed from the loose object */
    const char *copy;
};

struct pack {
    char *block; /* NULL while measuring */
    size_t arrays_bytes;
    size_t texts_at; /* offset of the texts, known once all is measured */
    size_t texts_bytes;
    struct seen seen[SEEN_COUNT];
    size_t seen_count;
};

static const struct layout annotation_layout[] = {
    TEXT_FIELD(struct annotation, name),
    TEXT_FIELD(struct annotation, value),
    LAYOUT_LAST,
};

static const struct layout object_layout[] = {
    VALUE_FIELD(struct object, created_s),
    ARRAY_FIELD(struct object, annotations, annotation_layout),
    LAYOUT_LAST,
};

/* Room in front of the texts, aligned for any struct of ours. */
static char *pack_room(struct pack *pack, size_t size)
{
    char *room = pack->block == NULL ? NULL : pack->block + pack->arrays_bytes;

    pack->arrays_bytes += (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    return room;
}

static const char *pack_copy(struct pack *pack, struct bytes text)
{
    char *copy = NULL;

    if (pack->block != NULL) {
        copy = pack->block + pack->texts_at + pack->texts_bytes;
        if (text.len > 0)
            memcpy(copy, text.at, text.len);
    }
    pack->texts_bytes += text.len;
    return copy;
}

/* Both passes see the same texts in the same order, so they agree on what was seen before. */
static struct bytes pack_text(struct pack *pack, struct bytes text)
{
    struct seen *seen;
    size_t back = pack->seen_count < SEEN_COUNT ? pack->seen_count : SEEN_COUNT;

    if (text.len == 0)
        return bytes_from(text.at == NULL ? NULL : "", 0);
    for (size_t i = 0; i < back; i++)
        if (bytes_equal(pack->seen[i].text, text))
            return bytes_from(pack->seen[i].copy, text.len);
    seen = &pack->seen[pack->seen_count++ % SEEN_COUNT];
    *seen = (struct seen){text, pack_copy(pack, text)};
    return bytes_from(seen->copy, text.len);
}

static struct bytes text_of(const char *at)
{
    struct bytes text;

    memcpy(&text, at, sizeof(text));
    return text;
}

struct array {
    const char *items;
    uint32_t count;
};

static struct array array_of(const char *from, const struct layout *field)
{
    struct array array;

    memcpy(&array.items, from + field->at, sizeof(array.items));
    memcpy(&array.count, from + field->count_at, sizeof(array.count));
    return array;
}

static void pack_fields(struct pack *pack, const struct layout *field, const char *from, char *to);

static void pack_array(struct pack *pack, const struct layout *field, const char *from, char *to)
{
    struct array array = array_of(from, field);
    char *copy = pack_room(pack, array.count * field->size);

    if (to != NULL) {
        const char *items = array.count == 0 ? NULL : copy;

        if (array.count > 0)
            memcpy(copy, array.items, array.count * field->size);
        memcpy(to + field->at, &items, sizeof(items));
    }
    for (uint32_t i = 0; i < array.count; i++)
        pack_fields(pack, field->item, array.items + i * field->size,
                    copy == NULL ? NULL : copy + i * field->size);
}

/* `to` is a plain copy of `from` already; what points elsewhere is made to point into the block.
 * It is NULL while measuring. */
static void pack_fields(struct pack *pack, const struct layout *field, const char *from, char *to)
{
    struct bytes text;

    for (; field->type != LAYOUT_END; field++) {
        if (field->type == LAYOUT_ARRAY) {
            pack_array(pack, field, from, to);
        } else if (field->type == LAYOUT_TEXT) {
            text = pack_text(pack, text_of(from + field->at));
            if (to != NULL)
                memcpy(to + field->at, &text, sizeof(text));
        }
    }
}

/* "namespace/name" stands in one piece, which is the key the cache uses. */
static void pack_key(struct pack *pack, const struct object *loose, struct object *copy)
{
    const char *ns = pack_copy(pack, loose->ns);
    const char *name;

    pack_copy(pack, BYTES("/"));
    name = pack_copy(pack, loose->name);
    if (copy != NULL) {
        copy->ns = bytes_from(ns, loose->ns.len);
        copy->name = bytes_from(name, loose->name.len);
    }
}

static void pack_object(struct pack *pack, const struct object *loose, size_t size,
                        const struct layout *layout)
{
    struct object *copy = (struct object *)(void *)pack_room(pack, size);
    struct bytes file;

    if (copy != NULL)
        memcpy(copy, loose, size);
    pack_key(pack, loose, copy);
    file = pack_text(pack, loose->file);
    if (copy != NULL)
        copy->file = file;
    pack_fields(pack, object_layout, (const char *)loose, (char *)copy);
    pack_fields(pack, layout, (const char *)loose, (char *)copy);
}

struct object *layout_pack(const struct object *loose, size_t size, const struct layout *layout)
{
    struct pack measure = {0};
    struct pack fill = {0};
    struct object *object;

    pack_object(&measure, loose, size, layout);
    fill.texts_at = measure.arrays_bytes;
    fill.block = mem_alloc(measure.arrays_bytes + measure.texts_bytes);
    pack_object(&fill, loose, size, layout);
    CHECK(fill.arrays_bytes == measure.arrays_bytes && fill.texts_bytes == measure.texts_bytes);
    object = (struct object *)(void *)fill.block;
    object->refs = 1;
    return object;
}

static bool fields_are_same(const struct layout *field, const char *a, const char *b);

static bool arrays_are_same(const struct layout *field, const char *a, const char *b)
{
    struct array left = array_of(a, field);
    struct array right = array_of(b, field);

    if (left.count != right.count)
        return false;
    for (size_t i = 0; i < left.count; i++)
        if (!fields_are_same(field->item, left.items + i * field->size,
                             right.items + i * field->size))
            return false;
    return true;
}

static bool field_is_same(const struct layout *field, const char *a, const char *b)
{
    switch (field->type) {
    case LAYOUT_END:
        return true;
    case LAYOUT_VALUE:
        return memcmp(a + field->at, b + field->at, field->size) == 0;
    case LAYOUT_TEXT:
        return bytes_equal(text_of(a + field->at), text_of(b + field->at));
    case LAYOUT_ARRAY:
        return arrays_are_same(field, a, b);
    }
    return false;
}

static bool fields_are_same(const struct layout *field, const char *a, const char *b)
{
    for (; field->type != LAYOUT_END; field++)
        if (!field_is_same(field, a, b))
            return false;
    return true;
}

bool layout_is_same(const struct object *a, const struct object *b, const struct layout *layout)
{
    return fields_are_same(object_layout, (const char *)a, (const char *)b) &&
           fields_are_same(layout, (const char *)a, (const char *)b);
}
