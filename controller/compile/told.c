/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told.c - drafts by all that is in them.
 */
#include "controller/compile/told.h"

#include "core/check.h"
#include "core/text.h"

/* No text has a NUL: names are checked where objects are decoded, and sentences are made plain. */
static void add_key(struct text *key, const struct draft *draft)
{
    const struct bytes texts[] = {draft->ns, draft->name, draft->location, draft->object,
                                  draft->text};

    text_add_byte(key, (char)(draft->is_error | draft->has_location << 1));
    text_add_byte(key, (char)draft->kind);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text_add(key, texts[i]);
        text_add_byte(key, '\0');
    }
}

/* The next text of the key. */
static struct bytes take(struct bytes *rest, size_t len)
{
    struct bytes text = bytes_slice(*rest, 0, len);

    *rest = bytes_skip(*rest, len + 1);
    return text;
}

static struct told *create(const struct draft *draft, struct bytes key)
{
    struct told *told = mem_alloc(sizeof(*told) + key.len);
    struct bytes rest;

    memcpy(told + 1, key.at, key.len);
    told->key = bytes_from((const char *)(told + 1), key.len);
    told->draft = *draft;
    rest = bytes_skip(told->key, 2);
    told->draft.ns = take(&rest, draft->ns.len);
    told->draft.name = take(&rest, draft->name.len);
    told->draft.location = take(&rest, draft->location.len);
    told->draft.object = take(&rest, draft->object.len);
    told->draft.text = take(&rest, draft->text.len);
    return told;
}

struct told *told_ref(struct map *all, const struct draft *draft)
{
    struct told *told;
    struct text key;

    text_init(&key);
    add_key(&key, draft);
    told = map_get(all, text_bytes(&key));
    if (told == NULL) {
        told = create(draft, text_bytes(&key));
        (void)map_put(all, told->key, told);
    }
    text_fini(&key);
    told->refs++;
    return told;
}

void told_unref(struct map *all, struct told *told)
{
    CHECK(told->refs > 0);
    if (--told->refs > 0)
        return;
    (void)map_remove(all, told->key);
    mem_free(told);
}
