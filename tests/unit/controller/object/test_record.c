/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_record.c - the lines of a snapshot: what is written is read, and what is left out.
 */
#include "controller/object/record.h"
#include "controller/object/served.h"
#include "tests/unit/unit.h"

#define SERVICES BYTES("/api/v1/services")
#define SECRETS  BYTES("/api/v1/secrets?fieldSelector=type%3DOpaque")

struct scene {
    struct arena arena;
    struct text lines;
};

static void scene_init(struct scene *scene)
{
    arena_init(&scene->arena, 1024);
    text_init(&scene->lines);
}

static void scene_fini(struct scene *scene)
{
    arena_fini(&scene->arena);
    text_fini(&scene->lines);
}

/* As a watch brings it, into the lines. */
static void come(struct scene *scene, enum object_kind kind, struct bytes list, const char *event)
{
    const struct served_record record = {list, &scene->lines};
    struct served_event read;

    assert_int_equal(
        served_read_event(bytes_of(event), kind, BYTES("v1"), &scene->arena, &record, &read),
        STATUS_OK);
    if (read.item.object != NULL)
        object_unref(read.item.object);
}

static struct record only_line(struct scene *scene)
{
    struct bytes line = text_bytes(&scene->lines);
    struct record record;

    assert_true(bytes_ends_with(line, BYTES("\n")));
    line = bytes_slice(line, 0, line.len - 1);
    assert_int_equal(bytes_find(line, '\n'), BYTES_NOT_FOUND);
    assert_int_equal(record_read(line, &scene->arena, &record), STATUS_OK);
    return record;
}

TEST(an_object_is_one_line_that_says_whose_it_is)
{
    struct record record;
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SERVICE, SERVICES,
         "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},"
         "\"spec\":{\"ports\":[{\"port\":80,\"name\":\"line\\nfeed\"}]}}}");
    record = only_line(&scene);
    assert_int_equal(record.type, RECORD_CHANGED);
    assert_bytes(record.list, "/api/v1/services");
    assert_bytes(record.ns, "n");
    assert_bytes(record.name, "a");
    scene_fini(&scene);
}

TEST(a_deletion_is_the_name_alone)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SERVICE, SERVICES,
         "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
         "\"uid\":\"u\"},\"spec\":{}}}");
    assert_bytes(text_bytes(&scene.lines),
                 "{\"list\":\"/api/v1/services\",\"type\":\"DELETED\",\"object\":{\"metadata\":"
                 "{\"namespace\":\"n\",\"name\":\"a\"}}}\n");
    scene_fini(&scene);
}

TEST(what_shapes_no_table_is_left_out)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SERVICE, SERVICES,
         "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"managedFields\":[1],"
         "\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\","
         "\"kept\":\"1\"}},\"status\":{\"x\":1},\"spec\":{}}}");
    assert_bytes(text_bytes(&scene.lines),
                 "{\"list\":\"/api/v1/services\",\"type\":\"ADDED\",\"object\":{\"metadata\":"
                 "{\"name\":\"a\",\"annotations\":{\"kept\":\"1\"}},\"spec\":{}}}\n");
    scene_fini(&scene);
}

TEST(of_a_secret_only_what_is_kept_is_written)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SECRET, SECRETS,
         "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"annotations\":{\"note\":"
         "\"GGGG\"}},\"data\":{\"tls.crt\":\"AAAA\",\"tls.key\":\"BBBB\",\"ca.crt\":\"CCCC\","
         "\"ca.crl\":\"DDDD\",\"tls.ocsp\":\"HHHH\",\"password\":\"EEEE\"},\"stringData\":"
         "{\"token\":\"FFFF\",\"tls.ocsp-staple\":\"IIII\"}}}");
    assert_bytes(
        text_bytes(&scene.lines),
        "{\"list\":\"/api/v1/secrets?fieldSelector=type%3DOpaque\",\"type\":\"ADDED\",\"object\":"
        "{\"metadata\":{\"name\":\"a\"},\"data\":{\"tls.crt\":\"AAAA\",\"tls.key\":\"BBBB\","
        "\"ca.crt\":\"CCCC\",\"ca.crl\":\"DDDD\",\"tls.ocsp\":\"HHHH\"},\"stringData\":"
        "{\"tls.ocsp-staple\":\"IIII\"}}}\n");
    scene_fini(&scene);
}

TEST(a_secret_without_a_certificate_is_as_good_as_gone)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SECRET, SECRETS,
         "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\"},\"data\":"
         "{\"password\":\"EEEE\"}}}");
    assert_int_equal(only_line(&scene).type, RECORD_DELETED);
    scene_fini(&scene);
}

TEST(an_object_that_cannot_be_read_is_written_as_it_came)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SERVICE, SERVICES,
         "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"},\"spec\":[]}}");
    assert_int_equal(only_line(&scene).type, RECORD_CHANGED);
    scene_fini(&scene);
}

TEST(what_has_no_name_is_not_written)
{
    struct scene scene;

    scene_init(&scene);
    come(&scene, OBJECT_SERVICE, SERVICES, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}");
    come(&scene, OBJECT_SERVICE, SERVICES,
         "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}");
    assert_int_equal(scene.lines.len, 0);
    scene_fini(&scene);
}

TEST(marks_and_times_are_read_as_they_were_written)
{
    static const enum record_type marks[] = {RECORD_LISTING, RECORD_LISTED, RECORD_ABSENT};
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < 3; i++) {
        text_clear(&scene.lines);
        record_mark(&scene.lines, BYTES("/a\"b"), marks[i]);
        assert_int_equal(only_line(&scene).type, marks[i]);
        assert_bytes(only_line(&scene).list, "/a\"b");
    }
    text_clear(&scene.lines);
    record_time(&scene.lines, 1767323045);
    assert_int_equal(only_line(&scene).time_s, 1767323045);
    scene_fini(&scene);
}

TEST(a_line_that_is_none_of_a_snapshot_is_refused)
{
    static const char *const lines[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"type\":\"TIME\"}",
        "{\"type\":\"TIME\",\"time\":-1}",
        "{\"type\":\"TIME\",\"time\":\"1\"}",
        "{\"type\":\"LISTED\"}",
        "{\"type\":\"LISTED\",\"list\":\"\"}",
        "{\"type\":\"LISTED\",\"list\":7}",
        "{\"type\":\"ERROR\",\"list\":\"/a\"}",
        "{\"type\":\"ADDED\",\"list\":\"/a\"}",
        "{\"type\":\"ADDED\",\"list\":\"/a\",\"object\":{\"metadata\":{\"name\":\"\"}}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"type\":\"LISTED\",\"list\":\"/a\"} x",
    };
    struct record record = {.time_s = 77};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct arena arena;

        arena_init(&arena, 256);
        if (record_read(bytes_of(lines[i]), &arena, &record) != STATUS_INVALID)
            fail_msg("taken for a line: %s", lines[i]);
        assert_int_equal(record.time_s, 77);
        arena_fini(&arena);
    }
}

TEST(the_first_line_says_the_version_and_whose_objects_they_are)
{
    struct bytes server, line;
    struct scene scene;

    scene_init(&scene);
    record_header(&scene.lines, BYTES("https://[::1]:6443/a\"b"));
    line = bytes_slice(text_bytes(&scene.lines), 0, scene.lines.len - 1);
    assert_int_equal(record_read_header(line, &scene.arena, &server), STATUS_OK);
    assert_bytes(server, "https://[::1]:6443/a\"b");
    assert_int_equal(record_read_header(BYTES(RECORD_OURS "\"version\":2}"), &scene.arena, &server),
                     STATUS_REFUSED);
    assert_int_equal(record_read_header(BYTES(RECORD_OURS), &scene.arena, &server), STATUS_REFUSED);
    assert_int_equal(record_read_header(BYTES("{\"version\":1}"), &scene.arena, &server),
                     STATUS_INVALID);
    assert_bytes(server, "https://[::1]:6443/a\"b");
    scene_fini(&scene);
}

TESTS(UNIT(an_object_is_one_line_that_says_whose_it_is), UNIT(a_deletion_is_the_name_alone),
      UNIT(what_shapes_no_table_is_left_out), UNIT(of_a_secret_only_what_is_kept_is_written),
      UNIT(a_secret_without_a_certificate_is_as_good_as_gone),
      UNIT(an_object_that_cannot_be_read_is_written_as_it_came),
      UNIT(what_has_no_name_is_not_written), UNIT(marks_and_times_are_read_as_they_were_written),
      UNIT(a_line_that_is_none_of_a_snapshot_is_refused),
      UNIT(the_first_line_says_the_version_and_whose_objects_they_are))
