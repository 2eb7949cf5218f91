/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.c - a walk over an object along the fields of its kind.
 */
#include "controller/object/fields.h"

#include "core/spelling.h"
#include "core/text.h"

#define LOOK_BELOW_MAX 2 /* levels below the one where a field stands */

/* A mapping of the object, and the fields that it may have. */
struct level {
    const struct node *node;
    const struct field *fields;
    const struct level *up; /* NULL at the root */
};

struct walk {
    const struct field_mistake *mistakes;
    uint32_t count; /* of fields that there are not */
};

static const struct field *find(const struct field *fields, struct bytes name)
{
    for (; fields->name != NULL; fields++)
        if (bytes_equal(name, bytes_of(fields->name)))
            return fields;
    return NULL;
}

/* The first field spelt so exactly `depth` levels below; the way there is appended. */
static bool find_below(const struct field *fields, struct bytes name, unsigned depth,
                       struct text *way)
{
    size_t length = way->len;

    for (; fields->name != NULL; fields++) {
        text_printf(way, "%s%s", way->len > 0 ? "." : "", fields->name);
        if (depth == 0 && spelling_is_same(name, bytes_of(fields->name)))
            return true;
        if (fields->is_list)
            text_add_str(way, "[]");
        if (depth > 0 && fields->below != NULL && find_below(fields->below, name, depth - 1, way))
            return true;
        way->len = length;
    }
    return false;
}

/* The nearest field of that name: at this level and below it, then around each level above. */
static bool find_around(const struct level *level, struct bytes name, struct text *way)
{
    for (; level != NULL; level = level->up) {
        way->len = 0;
        node_add_path(level->node, way);
        for (unsigned depth = 0; depth <= LOOK_BELOW_MAX; depth++)
            if (find_below(level->fields, name, depth, way))
                return true;
    }
    return false;
}

static const struct field_mistake *find_mistake(const struct walk *walk, struct bytes name)
{
    for (const struct field_mistake *at = walk->mistakes; at->written != NULL; at++)
        if (spelling_is_same(name, bytes_of(at->written)))
            return at;
    return NULL;
}

static const struct field *find_near(const struct field *fields, struct bytes name)
{
    const struct field *nearest = NULL;
    unsigned best = SPELLING_FAR;

    for (; fields->name != NULL; fields++) {
        unsigned distance = spelling_distance(name, bytes_of(fields->name));

        if (distance < best && spelling_is_near(name, bytes_of(fields->name))) {
            nearest = fields;
            best = distance;
        }
    }
    return nearest;
}

/* Where the field was meant to stand. */
static bool find_meant(const struct walk *walk, const struct level *level, struct bytes name,
                       struct text *way)
{
    const struct field_mistake *mistake = find_mistake(walk, name);
    const struct field *near;

    if (mistake != NULL && mistake->meant != NULL)
        name = bytes_of(mistake->meant);
    near = find_near(level->fields, name);
    return find_around(level, near != NULL ? bytes_of(near->name) : name, way);
}

static void tell(struct walk *walk, const struct level *level, const struct node *member)
{
    struct bytes name = bytes_of(member->key);
    const struct field_mistake *mistake;
    struct text way;

    if (walk->count++ >= FIELDS_TOLD_MAX)
        return;
    mistake = find_mistake(walk, name);
    text_init(&way);
    if (mistake != NULL && mistake->meant == NULL)
        node_warn(member, NULL, "there is no such field; %s", mistake->remedy);
    else if (find_meant(walk, level, name, &way))
        node_warn(member, NULL, "there is no such field; do you mean %.*s?",
                  BYTES_ARG(text_bytes(&way)));
    else
        node_warn(member, NULL, "there is no such field, so it does nothing");
    text_fini(&way);
}

static void check_level(struct walk *walk, const struct level *level);

static void check_below(struct walk *walk, const struct level *up, const struct field *field,
                        const struct node *node)
{
    struct level level = {node, field->below, up};

    if (!field->is_list) {
        check_level(walk, &level);
        return;
    }
    for (uint32_t i = 0; i < node_count(node); i++) {
        struct node item = node_item(node, i);

        level.node = &item;
        check_level(walk, &level);
    }
}

static void check_level(struct walk *walk, const struct level *level)
{
    struct node member;
    void *at = NULL;

    while (node_next(level->node, &at, &member)) {
        const struct field *field = find(level->fields, bytes_of(member.key));

        if (field == NULL)
            tell(walk, level, &member);
        else if (field->below != NULL)
            check_below(walk, level, field, &member);
    }
}

void fields_check(const struct node *root, const struct field *fields,
                  const struct field_mistake *mistakes)
{
    const struct level level = {root, fields, NULL};
    struct walk walk = {.mistakes = mistakes};

    check_level(&walk, &level);
    if (walk.count > FIELDS_TOLD_MAX)
        node_warn(root, NULL, "there are %u more fields that do not exist here",
                  walk.count - FIELDS_TOLD_MAX);
}
