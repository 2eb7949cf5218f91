/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_served.c - what an API server sends: pages, events and failures, and what is wrong in them.
 * Numbers are those of the rules of the watch protocol.
 */
#include "controller/object/page.h"
#include "controller/object/served.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <string.h>

#define INGRESSES OBJECT_INGRESS, BYTES("networking.k8s.io/v1")
#define ROUTES    OBJECT_INGRESS_ROUTE, BYTES("contour.heptio.com/v1beta1")
#define SECRETS   OBJECT_SECRET, BYTES("v1")

#define ITEMS_MAX 8

/* A page as it is read: cut, its items one by one, then its head. */
struct listed {
    struct served_page page;
    struct served_item items[ITEMS_MAX];
    size_t count;
};

static enum status read_items(struct bytes lines, enum object_kind kind, struct bytes api_version,
                              struct arena *arena, struct listed *listed)
{
    struct bytes line;

    while (bytes_next_item(&lines, '\n', &line) && line.len > 0) {
        assert_true(listed->count < ITEMS_MAX);
        if (served_read_item(line, kind, api_version, arena, NULL, &listed->items[listed->count]) !=
            STATUS_OK)
            return STATUS_INVALID;
        listed->count++;
    }
    return STATUS_OK;
}

static enum status list(struct bytes text, enum object_kind kind, struct bytes api_version,
                        struct arena *arena, struct listed *listed)
{
    struct page page;
    struct text lines;
    enum status status;

    *listed = (struct listed){0};
    page_init(&page);
    text_init(&lines);
    status = page_take(&page, text, &lines);
    if (status == STATUS_OK)
        status = read_items(text_bytes(&lines), kind, api_version, arena, listed);
    if (status == STATUS_OK)
        status = served_read_page(text_bytes(&page.head), arena, &listed->page);
    text_fini(&lines);
    page_fini(&page);
    return status;
}

static void drop_items(struct listed *listed)
{
    for (size_t i = 0; i < listed->count; i++) {
        if (listed->items[i].object != NULL)
            object_unref(listed->items[i].object);
    }
}

static struct served_event event_of(struct arena *arena, const char *text, enum object_kind kind,
                                    struct bytes api_version)
{
    struct served_event event;

    assert_int_equal(served_read_event(bytes_of(text), kind, api_version, arena, NULL, &event),
                     STATUS_OK);
    return event;
}

static void drop(struct served_event *event)
{
    if (event->item.object != NULL)
        object_unref(event->item.object);
}

#define RULES(host) "\"spec\":{\"rules\":[{\"host\":\"" host "\"}]}"

TEST(a_page_has_its_items_its_version_and_where_it_goes_on)
{
    static const char text[] =
        "{\"kind\":\"IngressList\",\"metadata\":{\"resourceVersion\":\"17\",\"continue\":\"tok\"},"
        "\"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\","
        "\"resourceVersion\":\"9\"}," RULES("a.test") "}]}";
    struct listed listed;
    struct arena arena;

    arena_init(&arena, 1024);
    assert_int_equal(list(bytes_of(text), INGRESSES, &arena, &listed), STATUS_OK);
    assert_bytes(listed.page.resource_version, "17");
    assert_bytes(listed.page.next, "tok");
    assert_int_equal(listed.count, 1);
    assert_bytes(listed.items[0].ns, "n");
    assert_bytes(listed.items[0].name, "a");
    assert_bytes(listed.items[0].uid, "u");
    assert_bytes(listed.items[0].resource_version, "9");
    assert_int_equal(listed.items[0].fault.len, 0);
    assert_int_equal(listed.items[0].object->kind, OBJECT_INGRESS);
    assert_bytes(listed.items[0].object->name, "a");
    assert_bytes(as_ingress(listed.items[0].object)->rules[0].host, "a.test");
    drop_items(&listed);
    arena_fini(&arena);
}

TEST(watch_15_the_last_page_names_no_other_and_may_have_no_items)
{
    struct listed listed;
    struct arena arena;

    arena_init(&arena, 1024);
    assert_int_equal(list(BYTES("{\"metadata\":{\"resourceVersion\":\"17\"},\"items\":null}"),
                          INGRESSES, &arena, &listed),
                     STATUS_OK);
    assert_int_equal(listed.count, 0);
    assert_int_equal(listed.page.next.len, 0);
    drop_items(&listed);
    arena_fini(&arena);
}

TEST(watch_16_what_is_no_list_is_not_an_empty_one)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "<html>",
        "{}",
        "{\"items\":[]}",
        "{\"metadata\":{}}",
        "{\"metadata\":{},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":\"0\"},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":5},\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":\"5\"}}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":{}}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[7 8]}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[,]}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[7,]}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{]]}",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{}]} and more",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"\\u0069tems\":[{}]}",
        "{\"kind\":\"Status\",\"metadata\":{},\"code\":500}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct listed listed;
        struct arena arena;

        arena_init(&arena, 256);
        if (list(bytes_of(texts[i]), INGRESSES, &arena, &listed) != STATUS_INVALID)
            fail_msg("taken for a list: %s", texts[i]);
        drop_items(&listed);
        arena_fini(&arena);
    }
}

TEST(watch_27_an_item_of_a_wrong_type_is_refused_alone_and_says_why)
{
    static const char text[] =
        "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
        "{\"metadata\":{\"name\":\"bad\",\"namespace\":\"n\"},"
        "\"spec\":{\"rules\":\"none\"}},"
        "7,"
        "{\"metadata\":\"none\"},"
        "{\"metadata\":{\"name\":\"good\",\"namespace\":\"n\"},\"unheardOf\":"
        "[1,{}]," RULES("a.test") "}]}";
    struct listed listed;
    struct arena arena;

    arena_init(&arena, 1024);
    assert_int_equal(list(bytes_of(text), INGRESSES, &arena, &listed), STATUS_OK);
    assert_int_equal(listed.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_null(listed.items[i].object);
        assert_true(listed.items[i].fault.len > 0);
    }
    assert_bytes(listed.items[0].name, "bad"); /* whose it is is known all the same */
    assert_non_null(memmem(listed.items[0].fault.at, listed.items[0].fault.len, "rules", 5));
    assert_int_equal(listed.items[1].name.len, 0);
    assert_non_null(listed.items[3].object);
    assert_int_equal(listed.items[3].fault.len, 0);
    drop_items(&listed);
    arena_fini(&arena);
}

TEST(events_say_what_happened_to_which_object)
{
    static const struct {
        const char *word;
        enum served_type type;
    } types[] = {
        {"ADDED", SERVED_CHANGED},     {"MODIFIED", SERVED_CHANGED}, {"DELETED", SERVED_DELETED},
        {"BOOKMARK", SERVED_BOOKMARK}, {"ERROR", SERVED_FAILED},     {"SHRUGGED", SERVED_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct served_event event;
        struct arena arena;
        struct text text;

        arena_init(&arena, 1024);
        text_init(&text);
        text_printf(&text,
                    "{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
                    "\"resourceVersion\":\"5\"}," RULES("a.test") "}}",
                    types[i].word);
        text_add_byte(&text, '\0');
        event = event_of(&arena, text.at, INGRESSES);
        assert_int_equal(event.type, types[i].type);
        if (event.type == SERVED_CHANGED || event.type == SERVED_DELETED) {
            assert_bytes(event.item.name, "a");
            assert_non_null(event.item.object);
        }
        drop(&event);
        text_fini(&text);
        arena_fini(&arena);
    }
}

TEST(watch_05_a_bookmark_has_a_version_and_no_object)
{
    struct served_event event;
    struct arena arena;

    arena_init(&arena, 256);
    event = event_of(&arena,
                     "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Ingress\",\"metadata\":"
                     "{\"resourceVersion\":\"12746\"}}}",
                     INGRESSES);
    assert_bytes(event.item.resource_version, "12746");
    assert_null(event.item.object);
    assert_false(event.ends_listing);
    arena_fini(&arena);
}

TEST(watch_06_only_the_bookmark_that_says_so_ends_a_streaming_list)
{
    static const struct {
        const char *value;
        bool ends;
    } values[] = {{"\"true\"", true}, {"\"false\"", false}, {"true", false}, {"\"\"", false}};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct served_event event;
        struct arena arena;
        struct text text;

        arena_init(&arena, 256);
        text_init(&text);
        text_printf(&text,
                    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\","
                    "\"annotations\":{\"k8s.io/initial-events-end\":%s}}}}",
                    values[i].value);
        text_add_byte(&text, '\0');
        event = event_of(&arena, text.at, INGRESSES);
        assert_int_equal(event.ends_listing, values[i].ends);
        text_fini(&text);
        arena_fini(&arena);
    }
}

TEST(watch_03_an_error_event_is_a_failure_with_its_code)
{
    struct served_event event;
    struct arena arena;

    arena_init(&arena, 256);
    event = event_of(&arena,
                     "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"metadata\":{},"
                     "\"status\":\"Failure\",\"message\":\"too old resource version: 1 (9)\","
                     "\"reason\":\"Expired\",\"code\":410}}",
                     INGRESSES);
    assert_int_equal(event.type, SERVED_FAILED);
    assert_int_equal(event.failure.code, 410);
    assert_bytes(event.failure.reason, "Expired");
    assert_bytes(event.failure.message, "too old resource version: 1 (9)");
    arena_fini(&arena);
}

TEST(watch_04_a_failure_names_its_cause_and_how_long_to_wait)
{
    struct served_failure failure;
    struct arena arena;

    arena_init(&arena, 256);
    served_read_failure(
        BYTES("{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"details\":"
              "{\"causes\":[{\"reason\":\"Other\"},{\"reason\":"
              "\"ResourceVersionTooLarge\"}],\"retryAfterSeconds\":1}}"),
        &arena, &failure);
    assert_int_equal(failure.code, 504);
    assert_true(failure.is_too_large);
    assert_int_equal(failure.retry_after_s, 1);
    arena_fini(&arena);
}

TEST(a_failure_tells_a_namespace_that_is_going)
{
    struct served_failure failure;
    struct arena arena;

    arena_init(&arena, 256);
    served_read_failure(
        BYTES("{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"details\":{\"causes\":"
              "[{\"reason\":\"NamespaceTerminating\",\"field\":\"metadata.namespace\"}]}}"),
        &arena, &failure);
    assert_true(failure.is_going);
    arena_fini(&arena);
}

TEST(a_failure_that_is_no_status_or_an_absurd_one_says_nothing)
{
    static const char *const texts[] = {
        "",
        "404 page not found\n",
        "[]",
        "{\"code\":-5,\"details\":{\"retryAfterSeconds\":-1}}",
        "{\"code\":100000,\"details\":{\"retryAfterSeconds\":1000000000}}",
        "{\"code\":\"410\",\"reason\":7,\"message\":[],\"details\":[]}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct served_failure failure;
        struct arena arena;

        arena_init(&arena, 256);
        served_read_failure(bytes_of(texts[i]), &arena, &failure);
        assert_int_equal(failure.code, 0);
        assert_int_equal(failure.retry_after_s, 0);
        assert_int_equal(failure.reason.len + failure.message.len, 0);
        assert_false(failure.is_too_large);
        arena_fini(&arena);
    }
}

TEST(a_line_that_is_no_event_is_refused)
{
    static const char *const lines[] = {
        "nonsense",
        "{}",
        "[]",
        "{\"type\":\"ADDED\"}",
        "{\"type\":7,\"object\":{}}",
        "{\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":[]}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct served_event event;
        struct arena arena;

        arena_init(&arena, 256);
        if (served_read_event(bytes_of(lines[i]), INGRESSES, &arena, NULL, &event) !=
            STATUS_INVALID)
            fail_msg("taken for an event: %s", lines[i]);
        arena_fini(&arena);
    }
}

#define ROUTE(version, status, match)                                                              \
    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"r\",\"namespace\":\"n\","         \
    "\"resourceVersion\":\"" version "\"},\"spec\":{\"virtualhost\":{\"fqdn\":\"a.test\"},"        \
    "\"routes\":[{\"match\":\"" match "\"}]},\"status\":" status "}}"

TEST(watch_25_a_status_and_a_version_are_no_change_of_the_object)
{
    struct served_event before, after, other;
    struct arena arena;

    arena_init(&arena, 1024);
    before = event_of(&arena, ROUTE("1", "null", "/"), ROUTES);
    after = event_of(
        &arena, ROUTE("2", "{\"currentStatus\":\"valid\",\"description\":\"fine\"}", "/"), ROUTES);
    other = event_of(&arena, ROUTE("3", "null", "/x"), ROUTES);
    assert_true(object_is_same(before.item.object, after.item.object));
    assert_false(object_is_same(before.item.object, other.item.object));
    assert_int_equal(before.item.current_status.len, 0);
    assert_bytes(after.item.current_status, "valid");
    assert_bytes(after.item.status_description, "fine");
    drop(&before);
    drop(&after);
    drop(&other);
    arena_fini(&arena);
}

TEST(a_resource_is_found_in_the_list_of_its_group)
{
    const struct bytes list = BYTES("{\"kind\":\"APIResourceList\",\"resources\":["
                                    "{\"name\":\"ingressroutes\"},{},7,"
                                    "{\"name\":\"ingressroutes/status\"}]}");
    bool is_there = false;

    assert_int_equal(served_find_resource(list, BYTES("ingressroutes/status"), &is_there),
                     STATUS_OK);
    assert_true(is_there);
    assert_int_equal(served_find_resource(list, BYTES("ingressroutes/scale"), &is_there),
                     STATUS_OK);
    assert_false(is_there);
    assert_int_equal(served_find_resource(BYTES("{\"resources\":7}"), BYTES("x"), &is_there),
                     STATUS_INVALID);
    assert_int_equal(served_find_resource(BYTES("404 page not found"), BYTES("x"), &is_there),
                     STATUS_INVALID);
}

TEST(secrets_are_decoded_and_their_faults_show_no_value)
{
    struct served_event good, bad;
    const struct secret *secret;
    struct arena arena;

    arena_init(&arena, 1024);
    good = event_of(&arena,
                    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"s\",\"namespace\":"
                    "\"n\"},\"type\":\"kubernetes.io/tls\",\"data\":{\"tls.crt\":\"aGVsbG8=\"}}}",
                    SECRETS);
    bad = event_of(&arena,
                   "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"s\",\"namespace\":"
                   "\"n\"},\"data\":{\"tls.key\":\"!hidden!\"}}}",
                   SECRETS);
    secret = as_secret(good.item.object);
    assert_bytes(secret->type, "kubernetes.io/tls");
    assert_bytes(secret->values[SECRET_CERTIFICATE], "hello");
    assert_null(secret->values[SECRET_PRIVATE_KEY].at);
    assert_null(bad.item.object);
    assert_true(bad.item.fault.len > 0);
    assert_null(memmem(bad.item.fault.at, bad.item.fault.len, "hidden", 6));
    drop(&good);
    arena_fini(&arena);
}

TESTS(UNIT(a_page_has_its_items_its_version_and_where_it_goes_on),
      UNIT(watch_15_the_last_page_names_no_other_and_may_have_no_items),
      UNIT(watch_16_what_is_no_list_is_not_an_empty_one),
      UNIT(watch_27_an_item_of_a_wrong_type_is_refused_alone_and_says_why),
      UNIT(events_say_what_happened_to_which_object),
      UNIT(watch_05_a_bookmark_has_a_version_and_no_object),
      UNIT(watch_06_only_the_bookmark_that_says_so_ends_a_streaming_list),
      UNIT(watch_03_an_error_event_is_a_failure_with_its_code),
      UNIT(watch_04_a_failure_names_its_cause_and_how_long_to_wait),
      UNIT(a_failure_tells_a_namespace_that_is_going),
      UNIT(a_failure_that_is_no_status_or_an_absurd_one_says_nothing),
      UNIT(a_line_that_is_no_event_is_refused),
      UNIT(watch_25_a_status_and_a_version_are_no_change_of_the_object),
      UNIT(a_resource_is_found_in_the_list_of_its_group),
      UNIT(secrets_are_decoded_and_their_faults_show_no_value))
