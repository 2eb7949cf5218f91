/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_watch.c - any bytes as what an API server sends: a page of a list, the lines of a watch, a
 * failure.
 *
 * The first byte chooses the kind. Beyond not crashing: an item has an object or says why not, and
 * the events of a watch move its reflector to where it knows what to ask next.
 */
#include "controller/kube/reflector.h"
#include "controller/object/page.h"
#include "controller/object/served.h"
#include "core/address.h"
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
    {OBJECT_PROJECTCONTOUR_TLS_DELEGATION, {"projectcontour.io/v1", 20}},
    {OBJECT_POD, {"v1", 2}},
    {OBJECT_NODE, {"v1", 2}},
};

/* What is kept of a Node are addresses with a blank between. */
static void check_place(const struct served_item *item, enum object_kind kind)
{
    struct bytes rest = item->current_status, word;
    struct address address;

    CHECK(item->object == NULL && item->fault.len == 0);
    while (kind == OBJECT_NODE && rest.len > 0 && bytes_next_item(&rest, ' ', &word))
        CHECK(address_parse_ip(word, 0, &address) == STATUS_OK);
}

static void check_item(const struct served_item *item, enum object_kind kind)
{
    if (kind == OBJECT_POD || kind == OBJECT_NODE) {
        check_place(item, kind);
        return;
    }
    CHECK(item->object != NULL || item->fault.len > 0);
    if (item->object == NULL)
        return;
    CHECK(object_is_stand_in(item->object) == (item->fault.len > 0));
    CHECK(item->object->kind == kind);
    CHECK(bytes_equal(item->object->name, item->name) && item->name.len > 0);
}

/* In two pieces, as it may come. */
static enum status cut(struct bytes text, struct page *page, struct text *lines)
{
    size_t half = text.len / 2;
    enum status status = page_take(page, bytes_slice(text, 0, half), lines);

    return status != STATUS_OK ? status : page_take(page, bytes_skip(text, half), lines);
}

static void read_items(struct bytes lines, size_t choice, struct arena *arena)
{
    struct bytes line;

    while (bytes_next_item(&lines, '\n', &line)) {
        struct served_item item;

        if (served_read_item(line, kinds[choice].kind, kinds[choice].api_version, arena, NULL,
                             &item) != STATUS_OK)
            continue;
        check_item(&item, kinds[choice].kind);
        if (item.object != NULL)
            object_unref(item.object);
    }
}

static void read_page(struct bytes text, size_t choice, struct arena *arena)
{
    struct served_page served;
    struct page page;
    struct text lines;

    page_init(&page);
    text_init(&lines);
    if (cut(text, &page, &lines) == STATUS_OK) {
        CHECK(page.head.len + lines.len <= text.len * 2 + 1);
        read_items(text_bytes(&lines), choice, arena);
        if (served_read_page(text_bytes(&page.head), arena, &served) == STATUS_OK)
            CHECK(served.resource_version.len > 0);
    }
    text_fini(&lines);
    page_fini(&page);
}

static void follow(struct reflector *reflector, const struct served_event *event)
{
    struct reflector_end end = {.is_answered = true, .status = 200};

    if (reflector_event(reflector, event) != TOLD_FAULT)
        return;
    end.failure = event->failure;
    if (end.failure.code == 0)
        end.failure.code = 500;
    reflector_ended(reflector, &end, 5000, 7);
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
