/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_watch.c - any bytes as what an API server sends: a page of a list, the lines of a watch, a
 * failure.
 *
 * The first byte chooses the kind. Beyond not crashing: an item has an object or says why not, and
 * the events of a watch move its reflector to where it knows what to ask next.
 */
#include "controller/kube/reflector.h"
#include "controller/object/served.h"
#include "core/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    enum object_kind kind;
    struct bytes api_version;
} kinds[] = {
    {OBJECT_INGRESS, {"networking.k8s.io/v1", 20}},
    {OBJECT_INGRESS_CLASS, {"networking.k8s.io/v1", 20}},
    {OBJECT_SERVICE, {"v1", 2}},
    {OBJECT_ENDPOINT_SLICE, {"discovery.k8s.io/v1", 19}},
    {OBJECT_ENDPOINTS, {"v1", 2}},
    {OBJECT_SECRET, {"v1", 2}},
    {OBJECT_INGRESS_ROUTE, {"contour.heptio.com/v1beta1", 26}},
    {OBJECT_TLS_DELEGATION, {"projectcontour.io/v1", 20}},
};

static void check_item(const struct served_item *item, enum object_kind kind)
{
    CHECK((item->object != NULL) != (item->fault.len > 0));
    if (item->object == NULL)
        return;
    CHECK(item->object->kind == kind);
    CHECK(bytes_equal(item->object->name, item->name) && item->name.len > 0);
}

static void read_page(struct bytes text, size_t choice, struct arena *arena)
{
    struct served_page page;

    if (served_read_page(text, kinds[choice].kind, kinds[choice].api_version, arena, NULL, &page) !=
        STATUS_OK)
        return;
    CHECK(page.resource_version.len > 0);
    for (size_t i = 0; i < page.items_count; i++)
        check_item(&page.items[i], kinds[choice].kind);
    served_page_fini(&page);
}

static void follow(struct reflector *reflector, const struct served_event *event)
{
    struct reflector_end end = {.is_answered = true, .status = 200};
    bool is_gone;

    if (reflector_event(reflector, event) != TOLD_FAULT)
        return;
    end.failure = event->failure;
    if (end.failure.code == 0)
        end.failure.code = 500;
    reflector_ended(reflector, &end, 5000, 7, &is_gone);
}

static void read_lines(struct bytes text, size_t choice, struct arena *arena)
{
    struct reflector reflector;
    struct served_event event;
    struct bytes line;
    struct text query;
    uint32_t timeout_s;

    reflector_init(&reflector, true);
    text_init(&query);
    reflector_ask(&reflector, 1000, 7, &query, &timeout_s);
    while (bytes_next_item(&text, '\n', &line)) {
        if (served_read_event(line, kinds[choice].kind, kinds[choice].api_version, arena, NULL,
                              &event) != STATUS_OK)
            continue;
        if (event.type == SERVED_CHANGED || event.type == SERVED_DELETED)
            check_item(&event.item, kinds[choice].kind);
        follow(&reflector, &event);
        if (event.item.object != NULL)
            object_unref(event.item.object);
    }
    text_clear(&query);
    reflector_ask(&reflector, 9000, 7, &query, &timeout_s);
    for (size_t i = 0; i < query.len; i++)
        CHECK(query.at[i] > ' ' && query.at[i] <= '~'); /* it goes into a request line */
    text_fini(&query);
    reflector_fini(&reflector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct served_failure failure;
    struct bytes text;
    struct arena arena;
    size_t choice;

    if (size == 0)
        return 0;
    choice = data[0] % (sizeof(kinds) / sizeof(kinds[0]));
    text = bytes_from((const char *)data + 1, size - 1);
    arena_init(&arena, 1024);
    read_page(text, choice, &arena);
    read_lines(text, choice, &arena);
    served_read_failure(text, &arena, &failure);
    CHECK(failure.code >= 0 && failure.code < 1000);
    arena_fini(&arena);
    return 0;
}
