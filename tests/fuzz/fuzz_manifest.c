/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_manifest.c - any bytes as a manifest: decoded, cached, taken out again.
 *
 * Beyond not crashing: a broken manifest has no objects and says why; what was decoded is the same
 * when it is decoded again; the cache is empty in the end.
 */
#include "controller/object/cache.h"
#include "controller/object/decode.h"
#include "core/check.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_notes(const struct decoded *decoded)
{
    CHECK(!decoded->is_broken || (decoded->objects_count == 0 && decoded->notes_count > 0));
    for (size_t i = 0; i < decoded->notes_count; i++)
        CHECK(decoded->notes[i].text.len > 0);
}

static void check_object(const struct object *object)
{
    CHECK(object->name.len > 0 && bytes_find(object->name, '/') == BYTES_NOT_FOUND);
    for (uint32_t i = 1; i < object->annotations_count; i++)
        CHECK(bytes_compare(object->annotations[i - 1].name, object->annotations[i].name) < 0);
}

static void check_cache(struct decoded *decoded)
{
    struct cache *cache = cache_create();
    struct cache_change *changes = NULL;
    size_t count = 0;

    cache_replace_file(cache, BYTES("f"), decoded->objects, decoded->objects_count, &changes,
                       &count);
    CHECK(count <= decoded->objects_count);
    cache_replace_file(cache, BYTES("f"), NULL, 0, &changes, &count);
    for (int kind = 0; kind < OBJECT_KINDS_COUNT; kind++)
        CHECK(cache_count(cache, (enum object_kind)kind) == 0);
    cache_changes_free(changes, count);
    cache_destroy(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_from((const char *)data, size);
    struct decoded first, second;

    decode_manifest(text, BYTES("f"), &first);
    decode_manifest(text, BYTES("g"), &second);
    check_notes(&first);
    CHECK(first.objects_count == second.objects_count);
    for (size_t i = 0; i < first.objects_count; i++) {
        check_object(first.objects[i]);
        CHECK(object_is_same(first.objects[i], second.objects[i]));
    }
    check_cache(&first);
    decoded_fini(&first);
    decoded_fini(&second);
    return 0;
}
