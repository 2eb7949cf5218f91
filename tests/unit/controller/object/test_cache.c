/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cache.c - the cache against a model too simple to be wrong.
 */
#include "controller/object/cache.h"
#include "controller/object/decode.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX   5
#define NAMES_MAX   4
#define OBJECTS_MAX 6

/* One object of the model: a Service, or a slice of the service its value names. */
struct item {
    bool is_slice;
    unsigned name;
    unsigned value;
};

struct model {
    struct item items[FILES_MAX][OBJECTS_MAX];
    size_t counts[FILES_MAX];
};

static void add_item(struct text *text, const struct item *item)
{
    if (item->is_slice)
        text_printf(text,
                    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: "
                    "{name: n%u, labels: {kubernetes.io/service-name: s%u}}\n",
                    item->name, item->value);
    else
        text_printf(text,
                    "---\napiVersion: v1\nkind: Service\nmetadata: {name: n%u}\nspec: {ports: "
                    "[{port: %u}]}\n",
                    item->name, item->value + 1);
}

static struct bytes file_name(size_t file, char *buffer)
{
    return bytes_from(buffer, (size_t)sprintf(buffer, "f%zu.yaml", file));
}

static void put_file(struct cache *cache, const struct model *model, size_t file,
                     struct cache_change **changes, size_t *count)
{
    struct decoded decoded;
    struct text text;
    char name[40];

    text_init(&text);
    for (size_t i = 0; i < model->counts[file]; i++)
        add_item(&text, &model->items[file][i]);
    decode_manifest(text_bytes(&text), file_name(file, name), &decoded);
    assert_int_equal(decoded.objects_count, model->counts[file]);
    cache_replace_file(cache, file_name(file, name), decoded.objects, decoded.objects_count,
                       changes, count);
    decoded_fini(&decoded);
    text_fini(&text);
}

/* Who counts: the first in the order of files, then of lines. */
static const struct item *model_get(const struct model *model, bool is_slice, unsigned name)
{
    for (size_t file = 0; file < FILES_MAX; file++)
        for (size_t i = 0; i < model->counts[file]; i++)
            if (model->items[file][i].is_slice == is_slice && model->items[file][i].name == name)
                return &model->items[file][i];
    return NULL;
}

static size_t model_count(const struct model *model)
{
    size_t count = 0;

    for (size_t file = 0; file < FILES_MAX; file++)
        count += model->counts[file];
    return count;
}

static unsigned value_of(const struct object *object)
{
    const struct endpoints *slice = (const struct endpoints *)(const void *)object;
    const struct service *service = (const struct service *)(const void *)object;

    if (object->kind == OBJECT_SERVICE)
        return (unsigned)service->ports[0].number - 1;
    return (unsigned)(slice->service.at[1] - '0');
}

static void assert_winners(const struct cache *cache, const struct model *model, bool is_slice)
{
    enum object_kind kind = is_slice ? OBJECT_ENDPOINT_SLICE : OBJECT_SERVICE;
    size_t present = 0;

    for (unsigned name = 0; name < NAMES_MAX; name++) {
        const struct item *item = model_get(model, is_slice, name);
        const struct object *object;
        char text[20];

        snprintf(text, sizeof(text), "n%u", name);
        object = cache_get(cache, kind, BYTES("default"), bytes_of(text));
        assert_int_equal(object != NULL, item != NULL);
        present += item != NULL;
        if (object != NULL)
            assert_int_equal(value_of(object), item->value);
    }
    assert_int_equal(cache_count(cache, kind), present);
}

static void assert_slices(const struct cache *cache, const struct model *model)
{
    for (unsigned service = 0; service < 3; service++) {
        size_t expected = 0;
        size_t count;
        char text[20];
        const struct endpoints *const *slices;

        for (unsigned name = 0; name < NAMES_MAX; name++) {
            const struct item *item = model_get(model, true, name);

            expected += item != NULL && item->value == service;
        }
        snprintf(text, sizeof(text), "s%u", service);
        slices = cache_service_slices(cache, BYTES("default"), bytes_of(text), &count);
        assert_int_equal(count, expected);
        for (size_t i = 1; i < count; i++)
            assert_true(object_compare(&slices[i - 1]->object, &slices[i]->object) < 0);
    }
}

static void assert_shadowed(const struct cache *cache, const struct model *model)
{
    size_t expected = model_count(model) - cache_count(cache, OBJECT_SERVICE) -
                      cache_count(cache, OBJECT_ENDPOINT_SLICE);
    const struct object *object;
    const struct object *winner;
    size_t count = 0;
    size_t at = 0;

    while ((object = cache_next_shadowed(cache, &at, &winner)) != NULL) {
        assert_int_equal(object_compare(object, winner), 0);
        assert_true(bytes_compare(winner->file, object->file) < 0 ||
                    (bytes_equal(winner->file, object->file) && winner->line < object->line));
        count++;
    }
    assert_int_equal(count, expected);
}

/* The changes are exactly the difference between the two models. */
static void assert_changes(const struct model *before, const struct model *after,
                           const struct cache_change *changes, size_t count)
{
    size_t expected = 0;

    for (unsigned i = 0; i < 2 * NAMES_MAX; i++) {
        const struct item *old = model_get(before, i % 2 == 1, i / 2);
        const struct item *new = model_get(after, i % 2 == 1, i / 2);

        expected += (old == NULL) != (new == NULL) ||
                    (old != NULL && new != NULL && old->value != new->value);
    }
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        unsigned name =
            (unsigned)((changes[i].before != NULL ? changes[i].before : changes[i].after)
                           ->name.at[1] -
                       '0');
        bool is_slice = changes[i].kind == OBJECT_ENDPOINT_SLICE;
        const struct item *old = model_get(before, is_slice, name);
        const struct item *new = model_get(after, is_slice, name);

        assert_int_equal(old == NULL, changes[i].before == NULL);
        assert_int_equal(new == NULL, changes[i].after == NULL);
        if (old != NULL)
            assert_int_equal(value_of(changes[i].before), old->value);
        if (new != NULL)
            assert_int_equal(value_of(changes[i].after), new->value);
    }
}

static void change_model(struct model *model, size_t file)
{
    model->counts[file] = (size_t)rand() % (OBJECTS_MAX + 1);
    for (size_t i = 0; i < model->counts[file]; i++)
        model->items[file][i] =
            (struct item){rand() % 2 == 0, (unsigned)rand() % NAMES_MAX, (unsigned)rand() % 3};
}

TEST(hostile_95_after_any_sequence_of_files_the_cache_is_what_the_model_is)
{
    struct cache *cache = cache_create();
    struct model model = {0};

    srand(7);
    for (int step = 0; step < 3000; step++) {
        struct cache_change *changes = NULL;
        struct model before = model;
        size_t file = (size_t)rand() % FILES_MAX;
        size_t count = 0;

        change_model(&model, file);
        put_file(cache, &model, file, &changes, &count);
        assert_winners(cache, &model, true);
        assert_winners(cache, &model, false);
        assert_slices(cache, &model);
        assert_shadowed(cache, &model);
        assert_changes(&before, &model, changes, count);
        cache_changes_free(changes, count);
    }
    cache_destroy(cache);
}

static struct object *service(const char *file, const char *name, int port)
{
    struct decoded decoded;
    struct object *object;
    char text[200];

    snprintf(text, sizeof(text),
             "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: %d}]}",
             name, port);
    decode_manifest(bytes_of(text), bytes_of(file), &decoded);
    assert_int_equal(decoded.objects_count, 1);
    object = object_ref(decoded.objects[0]);
    decoded_fini(&decoded);
    return object;
}

TEST(an_object_of_an_api_server_replaces_its_former_self_and_hides_files)
{
    struct cache *cache = cache_create();
    struct object *served = service("", "a", 1);
    struct object *again = service("", "a", 2);
    struct object *filed = service("f", "a", 3);
    struct cache_change *changes = NULL;
    const struct object *winner;
    size_t count = 0;
    size_t at = 0;

    cache_replace_file(cache, BYTES("f"), &filed, 1, &changes, &count);
    cache_put(cache, served, &changes, &count);
    cache_put(cache, again, &changes, &count);
    assert_int_equal(count, 3);
    assert_ptr_equal(cache_get(cache, OBJECT_SERVICE, BYTES("default"), BYTES("a")), again);
    assert_ptr_equal(cache_next_shadowed(cache, &at, &winner), filed);
    assert_null(cache_next_shadowed(cache, &at, &winner));
    cache_remove(cache, OBJECT_SERVICE, BYTES("default"), BYTES("a"), &changes, &count);
    assert_int_equal(count, 4);
    assert_ptr_equal(changes[3].before, again);
    assert_ptr_equal(changes[3].after, filed);
    cache_remove(cache, OBJECT_SERVICE, BYTES("default"), BYTES("a"), &changes, &count);
    assert_int_equal(count, 4);
    cache_changes_free(changes, count);
    object_unref(served);
    object_unref(again);
    object_unref(filed);
    cache_destroy(cache);
}

TEST(endpoints_count_only_where_a_service_has_no_slice)
{
    static const char both[] =
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: s}\n---\n"
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, labels: "
        "{kubernetes.io/service-name: s}}\n";
    struct cache *cache = cache_create();
    struct cache_change *changes = NULL;
    const struct endpoints *const *slices;
    struct decoded decoded;
    size_t changes_count = 0;
    size_t count;

    decode_manifest(bytes_of(both), BYTES("f"), &decoded);
    cache_replace_file(cache, BYTES("f"), decoded.objects, 2, &changes, &changes_count);
    slices = cache_service_slices(cache, BYTES("default"), BYTES("s"), &count);
    assert_int_equal(count, 1);
    assert_int_equal(slices[0]->object.kind, OBJECT_ENDPOINT_SLICE);
    cache_replace_file(cache, BYTES("f"), decoded.objects, 1, &changes, &changes_count);
    slices = cache_service_slices(cache, BYTES("default"), BYTES("s"), &count);
    assert_int_equal(count, 1);
    assert_int_equal(slices[0]->object.kind, OBJECT_ENDPOINTS);
    assert_null(cache_service_slices(cache, BYTES("other"), BYTES("s"), &count));
    assert_int_equal(changes_count, 3);
    cache_changes_free(changes, changes_count);
    decoded_fini(&decoded);
    cache_destroy(cache);
}

TEST(a_name_longer_than_any_object_may_have_is_not_found)
{
    struct cache *cache = cache_create();
    char name[2000];
    size_t count;

    memset(name, 'a', sizeof(name));
    assert_null(cache_get(cache, OBJECT_SERVICE, BYTES("default"), bytes_from(name, 2000)));
    assert_null(cache_get(cache, OBJECT_SERVICE, BYTES("default"), BYTES_NONE));
    assert_null(cache_service_slices(cache, BYTES("default"), bytes_from(name, 2000), &count));
    cache_destroy(cache);
}

TEST(hostile_100_many_copies_of_one_object_cost_no_more_than_many_objects)
{
    enum { COPIES = 20000 };
    struct cache *cache = cache_create();
    struct object **objects = mem_new_array(struct object *, COPIES);
    struct cache_change *changes = NULL;
    size_t count = 0;

    for (size_t i = 0; i < COPIES; i++)
        objects[i] = service("f", "a", i == 0 ? 1 : 2);
    cache_replace_file(cache, BYTES("f"), objects, COPIES, &changes, &count);
    assert_int_equal(count, 1);
    cache_replace_file(cache, BYTES("f"), NULL, 0, &changes, &count);
    assert_int_equal(count, 2);
    assert_int_equal(cache_count(cache, OBJECT_SERVICE), 0);
    for (size_t i = 0; i < COPIES; i++)
        object_unref(objects[i]);
    mem_free(objects);
    cache_changes_free(changes, count);
    cache_destroy(cache);
}

TESTS(UNIT(hostile_95_after_any_sequence_of_files_the_cache_is_what_the_model_is),
      UNIT(an_object_of_an_api_server_replaces_its_former_self_and_hides_files),
      UNIT(endpoints_count_only_where_a_service_has_no_slice),
      UNIT(a_name_longer_than_any_object_may_have_is_not_found),
      UNIT(hostile_100_many_copies_of_one_object_cost_no_more_than_many_objects))
