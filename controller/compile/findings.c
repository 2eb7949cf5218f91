/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.c - drafts in the order in which they are told, and how many there are about whom.
 */
#include "controller/compile/findings.h"

#include "controller/compile/emit.h"

#include <stdarg.h>

#define BUCKETS_COUNT 64

/* About one object. */
struct spoken {
    struct spoken *next;      /* in its bucket */
    struct spoken *next_over; /* in findings->over */
    struct draft who;         /* of the first, without its text */
    size_t count;
    size_t left_out;
    size_t at; /* drafts before it have no warning about this object any more */
};

void findings_init(struct findings *findings, struct arena *arena)
{
    *findings = (struct findings){.arena = arena};
}

/* Those that know their place are of one file, and count together. */
static bool is_about_same(const struct draft *a, const struct draft *b)
{
    if (a->has_location || b->has_location)
        return a->has_location == b->has_location;
    return a->kind == b->kind && bytes_equal(a->name, b->name) && bytes_equal(a->ns, b->ns);
}

static struct spoken *spoken_of(struct findings *findings, const struct draft *draft)
{
    uint64_t hash = draft->has_location ? 0 : bytes_hash_from(draft->name, bytes_hash(draft->ns));
    struct spoken **bucket, *spoken;

    if (findings->by_object == NULL) {
        findings->by_object =
            arena_alloc(findings->arena, BUCKETS_COUNT * sizeof(*findings->by_object));
        for (size_t i = 0; i < BUCKETS_COUNT; i++)
            findings->by_object[i] = NULL;
    }
    bucket = &findings->by_object[hash % BUCKETS_COUNT];
    for (spoken = *bucket; spoken != NULL; spoken = spoken->next) {
        if (is_about_same(&spoken->who, draft))
            return spoken;
    }
    spoken = arena_alloc(findings->arena, sizeof(*spoken));
    *spoken = (struct spoken){.next = *bucket, .who = *draft};
    if (draft->has_location)
        spoken->who.object = plain_copy(findings->arena, draft->object);
    *bucket = spoken;
    return spoken;
}

static struct draft *append(struct findings *findings)
{
    if (findings->count == findings->capacity) {
        size_t wanted = findings->capacity * 2 + 8;
        struct draft *drafts = arena_alloc(findings->arena, wanted * sizeof(*drafts));

        if (findings->count > 0)
            memcpy(drafts, findings->drafts, findings->count * sizeof(*drafts));
        findings->drafts = drafts;
        findings->capacity = wanted;
    }
    return &findings->drafts[findings->count++];
}

static void leave_out(struct findings *findings, struct spoken *spoken, size_t count)
{
    if (spoken->left_out == 0 && count > 0) {
        spoken->next_over = findings->over;
        findings->over = spoken;
    }
    spoken->left_out += count;
    findings->left_out += count;
}

/* The place of a warning about the same object, for an error; NULL when all are errors. */
static struct draft *give_way(struct findings *findings, struct spoken *spoken)
{
    for (; spoken->at < findings->count; spoken->at++) {
        struct draft *draft = &findings->drafts[spoken->at];

        if (!draft->is_error && is_about_same(draft, &spoken->who))
            return draft;
    }
    return NULL;
}

/* Where to put a draft about `who`; NULL when enough was said about it. */
static struct draft *place_for(struct findings *findings, const struct draft *who)
{
    struct spoken *spoken = spoken_of(findings, who);

    if (spoken->count < FINDINGS_MAX) {
        spoken->count++;
        return append(findings);
    }
    leave_out(findings, spoken, 1);
    return who->is_error ? give_way(findings, spoken) : NULL;
}

static struct draft draft_about(const struct object *object, bool is_error)
{
    return (struct draft){
        .is_error = is_error, .kind = object->kind, .ns = object->ns, .name = object->name};
}

bool findings_skip(struct findings *findings, const struct object *object)
{
    struct draft who = draft_about(object, false);
    struct spoken *spoken = spoken_of(findings, &who);

    if (spoken->count < FINDINGS_MAX)
        return false;
    leave_out(findings, spoken, 1);
    return true;
}

void findings_leave_out(struct findings *findings, const struct object *object, size_t count)
{
    struct draft who = draft_about(object, false);

    leave_out(findings, spoken_of(findings, &who), count);
}

void findings_add(struct findings *findings, bool is_error, const struct object *object,
                  const char *format, ...)
{
    struct draft who = draft_about(object, is_error);
    struct draft *draft = place_for(findings, &who);
    va_list args;

    if (draft == NULL)
        return;
    *draft = who;
    va_start(args, format);
    draft->text = plain_vprintf(findings->arena, format, args);
    va_end(args);
}

void findings_add_located(struct findings *findings, bool is_error, struct bytes location,
                          struct bytes object, struct bytes text)
{
    struct draft who = {.is_error = is_error, .has_location = true, .object = object};
    struct draft *draft = place_for(findings, &who);

    if (draft == NULL)
        return;
    *draft = who;
    draft->location = plain_copy(findings->arena, location);
    draft->object = plain_copy(findings->arena, object);
    draft->text = plain_copy(findings->arena, text);
}

void findings_finish(struct findings *findings)
{
    for (const struct spoken *spoken = findings->over; spoken != NULL; spoken = spoken->next_over) {
        struct draft *draft = append(findings);

        *draft = spoken->who;
        draft->is_error = false;
        draft->text = plain_printf(findings->arena,
                                   "%zu more finding%s about this one %s left out (FINDINGS_MAX)",
                                   spoken->left_out, spoken->left_out == 1 ? "" : "s",
                                   spoken->left_out == 1 ? "is" : "are");
    }
}
