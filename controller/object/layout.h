/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - what is inside the struct of a kind, as a table: texts, values and arrays.
 *
 * One table for each struct, and packing and comparing can not drift apart.
 *
 *     loose struct (texts borrowed, arrays in an arena) -> layout_pack() -> one block of memory
 */
#ifndef CONTROLLER_OBJECT_LAYOUT_H
#define CONTROLLER_OBJECT_LAYOUT_H

#include "controller/object/object.h"

enum layout_type {
    LAYOUT_END,
    LAYOUT_VALUE, /* compared byte for byte, so a field and never a struct with padding */
    LAYOUT_TEXT,  /* struct bytes */
    LAYOUT_ARRAY, /* a pointer to items, and a uint32_t that counts them */
};

struct layout {
    enum layout_type type;
    size_t at;       /* offset of the field */
    size_t size;     /* of a value, or of one item */
    size_t count_at; /* offset of the count of an array */
    const struct layout *item;
};

#define VALUE_FIELD(type, field)                                                                   \
    {                                                                                              \
        LAYOUT_VALUE, offsetof(type, field), sizeof(((type *)NULL)->field), 0, NULL                \
    }
#define TEXT_FIELD(type, field)                                                                    \
    {                                                                                              \
        LAYOUT_TEXT, offsetof(type, field), 0, 0, NULL                                             \
    }
#define ARRAY_FIELD(type, field, item_layout)                                                      \
    {                                                                                              \
        LAYOUT_ARRAY, offsetof(type, field), sizeof(*((type *)NULL)->field),                       \
            offsetof(type, field##_count), item_layout                                             \
    }
#define PORT_REF_FIELDS(type, field) TEXT_FIELD(type, field.name), VALUE_FIELD(type, field.number)
#define LAYOUT_LAST                                                                                \
    {                                                                                              \
        LAYOUT_END, 0, 0, 0, NULL                                                                  \
    }

/*
 * Copy a loose object into one block: the struct, its arrays, its texts. Equal texts are kept once
 * where they stand close to each other. The copy has one reference.
 *
 *   size    of the struct of the kind
 *   layout  of what follows struct object in it
 */
struct object *layout_pack(const struct object *loose, size_t size, const struct layout *layout);
/* The same content; `file` and `line` are not looked at. */
bool layout_is_same(const struct object *a, const struct object *b, const struct layout *layout);

#endif
