/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_index.c - see the picture in name_index.h.
 *
 * Pages keep between PAGE_ENTRIES_MIN and PAGE_ENTRIES_MAX entries on average: small enough that
 * copying one is cheap, large enough that copying the directory is.
 */
#include "route/name_index.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#define PAGE_ENTRIES_MAX 64
#define PAGE_ENTRIES_MIN 12

struct index_entry {
    uint64_t hash;
    void *item; /* ref */
};

struct index_page {
    _Atomic uint32_t refs;
    uint32_t count;
    uint32_t capacity;
    struct index_entry entries[]; /* sorted by hash */
};

struct index_directory {
    _Atomic uint32_t refs;
    uint32_t bits;              /* there are 2^bits pages */
    size_t count;               /* entries in all pages */
    struct index_page *pages[]; /* each a ref */
};

static size_t pages_of(const struct index_directory *directory)
{
    return (size_t)1 << directory->bits;
}

/* The topmost bits choose the page, so pages follow each other in the order of hashes. */
static size_t page_of(uint64_t hash, uint32_t bits)
{
    return (size_t)((hash >> 1) >> (63 - bits));
}

static struct index_page *page_create(uint32_t capacity)
{
    struct index_page *page = mem_alloc(sizeof(*page) + capacity * sizeof(page->entries[0]));

    page->refs = 1;
    page->capacity = capacity;
    return page;
}

static void page_unref(const struct name_index_type *type, struct index_page *page)
{
    if (!refs_drop(&page->refs))
        return;
    for (uint32_t i = 0; i < page->count; i++)
        type->unref(page->entries[i].item);
    mem_free(page);
}

static struct index_directory *directory_alloc(uint32_t bits)
{
    size_t pages = (size_t)1 << bits;
    struct index_directory *directory =
        mem_alloc(sizeof(*directory) + pages * sizeof(directory->pages[0]));

    directory->refs = 1;
    directory->bits = bits;
    return directory;
}

static void directory_unref(const struct name_index_type *type, struct index_directory *directory)
{
    if (!refs_drop(&directory->refs))
        return;
    for (size_t i = 0; i < pages_of(directory); i++)
        page_unref(type, directory->pages[i]);
    mem_free(directory);
}

void name_index_init(struct name_index *index, const struct name_index_type *type)
{
    index->type = type;
    index->directory = directory_alloc(0);
    index->directory->pages[0] = page_create(4);
}

void name_index_fini(struct name_index *index)
{
    directory_unref(index->type, index->directory);
    index->directory = NULL;
}

void name_index_share(struct name_index *index, const struct name_index *from)
{
    *index = *from;
    refs_take(&index->directory->refs);
}

/* The first entry whose hash is not less. */
static uint32_t page_lower_bound(const struct index_page *page, uint64_t hash)
{
    uint32_t from = 0;
    uint32_t to = page->count;

    while (from < to) {
        uint32_t middle = (from + to) / 2;

        if (page->entries[middle].hash < hash)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* True when the page has the key, at *position; else that is where it belongs. */
static bool page_find(const struct name_index_type *type, const struct index_page *page,
                      struct bytes key, uint64_t hash, uint32_t *position)
{
    *position = page_lower_bound(page, hash);
    for (uint32_t i = *position; i < page->count && page->entries[i].hash == hash; i++) {
        if (bytes_equal(type->key(page->entries[i].item), key)) {
            *position = i;
            return true;
        }
    }
    return false;
}

void *name_index_get(const struct name_index *index, struct bytes key)
{
    const struct index_directory *directory = index->directory;
    uint64_t hash = bytes_hash(key);
    const struct index_page *page = directory->pages[page_of(hash, directory->bits)];
    uint32_t position;

    return page_find(index->type, page, key, hash, &position) ? page->entries[position].item : NULL;
}

/* Make the directory ours alone. */
static void own_directory(struct name_index *index)
{
    struct index_directory *shared = index->directory;
    struct index_directory *own;

    if (refs_is_only(&shared->refs))
        return;
    own = directory_alloc(shared->bits);
    own->count = shared->count;
    for (size_t i = 0; i < pages_of(shared); i++) {
        refs_take(&shared->pages[i]->refs);
        own->pages[i] = shared->pages[i];
    }
    index->directory = own;
    directory_unref(index->type, shared);
}

static struct index_page *page_copy(const struct name_index_type *type,
                                    const struct index_page *from)
{
    struct index_page *page = page_create(from->count + 1);

    page->count = from->count;
    for (uint32_t i = 0; i < from->count; i++) {
        type->ref(from->entries[i].item);
        page->entries[i] = from->entries[i];
    }
    return page;
}

/* Make the page ours alone, with room for one more entry. The directory is ours. */
static struct index_page *own_page(struct name_index *index, size_t number)
{
    struct index_page *page = index->directory->pages[number];
    struct index_page *shared = page;

    if (!refs_is_only(&shared->refs)) {
        page = page_copy(index->type, shared);
        page_unref(index->type, shared);
    } else if (page->count == page->capacity) {
        page->capacity += page->capacity / 2 + 1;
        page = mem_resize(page, sizeof(*page) + page->capacity * sizeof(page->entries[0]));
    }
    index->directory->pages[number] = page;
    return page;
}

/* All entries once more, on 2^bits pages. Both orders are by hash, so each new page is one run. */
static void redistribute(struct name_index *index, uint32_t bits)
{
    struct index_directory *old = index->directory;
    struct index_directory *fresh = directory_alloc(bits);
    uint32_t room = (uint32_t)(old->count >> bits) + (uint32_t)(old->count >> bits) / 2 + 1;

    for (size_t i = 0; i < pages_of(fresh); i++)
        fresh->pages[i] = page_create(room);
    index->directory = fresh;
    for (size_t i = 0; i < pages_of(old); i++) {
        for (uint32_t j = 0; j < old->pages[i]->count; j++) {
            struct index_entry entry = old->pages[i]->entries[j];
            struct index_page *page = own_page(index, page_of(entry.hash, bits));

            index->type->ref(entry.item);
            page->entries[page->count++] = entry;
        }
    }
    fresh->count = old->count;
    directory_unref(index->type, old);
}

static void resize(struct name_index *index)
{
    const struct index_directory *directory = index->directory;

    if (directory->count > PAGE_ENTRIES_MAX * pages_of(directory))
        redistribute(index, directory->bits + 1);
    else if (directory->bits > 0 && directory->count < PAGE_ENTRIES_MIN * pages_of(directory))
        redistribute(index, directory->bits - 1);
}

void name_index_put(struct name_index *index, void *item)
{
    struct bytes key = index->type->key(item);
    uint64_t hash = bytes_hash(key);
    struct index_page *page;
    uint32_t position;

    own_directory(index);
    page = own_page(index, page_of(hash, index->directory->bits));
    if (page_find(index->type, page, key, hash, &position)) {
        index->type->unref(page->entries[position].item);
        page->entries[position].item = item;
        return;
    }
    memmove(&page->entries[position + 1], &page->entries[position],
            (page->count - position) * sizeof(page->entries[0]));
    page->entries[position] = (struct index_entry){hash, item};
    page->count++;
    index->directory->count++;
    resize(index);
}

void name_index_remove(struct name_index *index, struct bytes key)
{
    uint64_t hash = bytes_hash(key);
    struct index_page *page;
    uint32_t position;
    void *item;

    if (name_index_get(index, key) == NULL)
        return;
    own_directory(index);
    page = own_page(index, page_of(hash, index->directory->bits));
    CHECK(page_find(index->type, page, key, hash, &position));
    item = page->entries[position].item;
    page->count--;
    memmove(&page->entries[position], &page->entries[position + 1],
            (page->count - position) * sizeof(page->entries[0]));
    index->directory->count--;
    index->type->unref(item);
    resize(index);
}

size_t name_index_count(const struct name_index *index)
{
    return index->directory->count;
}

void *name_index_next(const struct name_index *index, struct name_index_cursor *cursor)
{
    const struct index_directory *directory = index->directory;

    while (cursor->page < pages_of(directory)) {
        const struct index_page *page = directory->pages[cursor->page];

        if (cursor->entry < page->count)
            return page->entries[cursor->entry++].item;
        cursor->page++;
        cursor->entry = 0;
    }
    return NULL;
}
