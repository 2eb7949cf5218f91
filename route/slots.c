/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.c - see the picture in slots.h. The lowest free slot is given out, so that the directory
 * stays short and the same changes give the same slots.
 */
#include "route/slots.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#define PAGE_SLOTS 64 /* as many as bits in `used` */

struct slots_page {
    _Atomic uint32_t refs;
    uint64_t used;                                /* bit n: slot n of the page has a name */
    const struct slot_name *names[PAGE_SLOTS];    /* ref */
    const struct cluster_spec *specs[PAGE_SLOTS]; /* ref */
};

struct slots_directory {
    _Atomic uint32_t refs;
    uint32_t pages_count;
    uint32_t first_free;        /* pages before this one are full */
    struct slots_page *pages[]; /* ref */
};

static struct bytes slot_name_key(const void *item)
{
    const struct slot_name *name = item;

    return name->key;
}

static void slot_name_ref(void *item)
{
    const struct slot_name *name = item;

    refs_take(&name->refs);
}

static void slot_name_unref(void *item)
{
    struct slot_name *name = item;

    if (refs_drop(&name->refs))
        mem_free(name);
}

static const struct name_index_type names_type = {slot_name_key, slot_name_ref, slot_name_unref};

static struct slot_name *slot_name_create(struct bytes key, uint32_t slot)
{
    struct slot_name *name = mem_alloc(sizeof(*name) + key.len);
    char *copy = (char *)(name + 1);

    if (key.len > 0)
        memcpy(copy, key.at, key.len);
    name->refs = 1;
    name->slot = slot;
    name->key = bytes_from(copy, key.len);
    return name;
}

static void page_unref(struct slots_page *page)
{
    if (!refs_drop(&page->refs))
        return;
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        if (page->names[i] != NULL)
            slot_name_unref(refs_thaw(page->names[i]));
        if (page->specs[i] != NULL)
            cluster_spec_unref(page->specs[i]);
    }
    mem_free(page);
}

static struct slots_page *page_copy(const struct slots_page *from)
{
    struct slots_page *page = mem_new(struct slots_page);

    page->refs = 1;
    page->used = from->used;
    for (size_t i = 0; i < PAGE_SLOTS; i++) {
        page->names[i] = from->names[i];
        page->specs[i] = from->specs[i];
        if (page->names[i] != NULL)
            refs_take(&page->names[i]->refs);
        if (page->specs[i] != NULL)
            (void)cluster_spec_ref(page->specs[i]);
    }
    return page;
}

static struct slots_directory *directory_create(uint32_t pages_count)
{
    struct slots_directory *directory =
        mem_alloc(sizeof(*directory) + pages_count * sizeof(directory->pages[0]));

    directory->refs = 1;
    directory->pages_count = pages_count;
    return directory;
}

static void directory_unref(struct slots_directory *directory)
{
    if (!refs_drop(&directory->refs))
        return;
    for (uint32_t i = 0; i < directory->pages_count; i++)
        page_unref(directory->pages[i]);
    mem_free(directory);
}

void slots_init(struct slots *slots)
{
    slots->directory = directory_create(0);
    name_index_init(&slots->names, &names_type);
}

void slots_fini(struct slots *slots)
{
    directory_unref(slots->directory);
    slots->directory = NULL;
    name_index_fini(&slots->names);
}

void slots_share(struct slots *slots, const struct slots *from)
{
    slots->directory = from->directory;
    refs_take(&slots->directory->refs);
    name_index_share(&slots->names, &from->names);
}

/* Make the directory ours alone, with at least so many pages. */
static void own_directory(struct slots *slots, uint32_t pages_count)
{
    struct slots_directory *shared = slots->directory;
    struct slots_directory *own;

    if (pages_count < shared->pages_count)
        pages_count = shared->pages_count;
    if (pages_count == shared->pages_count && refs_is_only(&shared->refs))
        return;
    own = directory_create(pages_count);
    own->first_free = shared->first_free;
    for (uint32_t i = 0; i < pages_count; i++) {
        if (i < shared->pages_count) {
            refs_take(&shared->pages[i]->refs);
            own->pages[i] = shared->pages[i];
        } else {
            own->pages[i] = mem_new(struct slots_page);
            own->pages[i]->refs = 1;
        }
    }
    slots->directory = own;
    directory_unref(shared);
}

/* The page of a slot, ours alone. */
static struct slots_page *own_page(struct slots *slots, uint32_t slot)
{
    struct slots_page **place;
    struct slots_page *shared;

    own_directory(slots, slot / PAGE_SLOTS + 1);
    place = &slots->directory->pages[slot / PAGE_SLOTS];
    shared = *place;
    if (!refs_is_only(&shared->refs)) {
        *place = page_copy(shared);
        page_unref(shared);
    }
    return *place;
}

uint32_t slots_end(const struct slots *slots)
{
    return slots->directory->pages_count * PAGE_SLOTS;
}

const struct slot_name *slots_name(const struct slots *slots, uint32_t slot)
{
    if (slot >= slots_end(slots))
        return NULL;
    return slots->directory->pages[slot / PAGE_SLOTS]->names[slot % PAGE_SLOTS];
}

const struct cluster_spec *slots_spec(const struct slots *slots, uint32_t slot)
{
    if (slot >= slots_end(slots))
        return NULL;
    return slots->directory->pages[slot / PAGE_SLOTS]->specs[slot % PAGE_SLOTS];
}

uint32_t slots_find(const struct slots *slots, struct bytes key)
{
    const struct slot_name *name = name_index_get(&slots->names, key);

    return name == NULL ? CLUSTER_SLOT_NONE : name->slot;
}

/* May be one past the end. */
static uint32_t lowest_free(const struct slots *slots)
{
    const struct slots_directory *directory = slots->directory;
    uint32_t page = directory->first_free;

    while (page < directory->pages_count && directory->pages[page]->used == UINT64_MAX)
        page++;
    if (page == directory->pages_count)
        return page * PAGE_SLOTS;
    return page * PAGE_SLOTS + (uint32_t)__builtin_ctzll(~directory->pages[page]->used);
}

uint32_t slots_take(struct slots *slots, struct bytes key, uint32_t wanted)
{
    bool is_wanted_free = wanted < slots_end(slots) && slots_name(slots, wanted) == NULL;
    uint32_t slot = is_wanted_free ? wanted : lowest_free(slots);
    struct slots_page *page = own_page(slots, slot);
    struct slot_name *name = slot_name_create(key, slot);

    if (!is_wanted_free)
        slots->directory->first_free = slot / PAGE_SLOTS;
    page->used |= (uint64_t)1 << slot % PAGE_SLOTS;
    page->names[slot % PAGE_SLOTS] = name;
    slot_name_ref(name); /* one for the page, one for the index */
    name_index_put(&slots->names, name);
    return slot;
}

void slots_release(struct slots *slots, uint32_t slot)
{
    struct slots_page *page = own_page(slots, slot);
    const struct slot_name *name = page->names[slot % PAGE_SLOTS];

    CHECK(name != NULL);
    slots_put_spec(slots, slot, NULL);
    page->names[slot % PAGE_SLOTS] = NULL;
    page->used &= ~((uint64_t)1 << slot % PAGE_SLOTS);
    if (slots->directory->first_free > slot / PAGE_SLOTS)
        slots->directory->first_free = slot / PAGE_SLOTS;
    name_index_remove(&slots->names, name->key);
    slot_name_unref(refs_thaw(name));
}

void slots_put_spec(struct slots *slots, uint32_t slot, const struct cluster_spec *spec)
{
    struct slots_page *page = own_page(slots, slot);
    const struct cluster_spec *before = page->specs[slot % PAGE_SLOTS];

    CHECK(page->names[slot % PAGE_SLOTS] != NULL);
    page->specs[slot % PAGE_SLOTS] = spec;
    if (before != NULL)
        cluster_spec_unref(before);
}
