/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_access_log.c - a line a request that no client can forge, written off the loop.
 */
#include "core/mem.h"
#include "proxy/access_log.h"
#include "proxy/worker.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

/* One finished request and where it is logged. */
struct place {
    uv_loop_t loop;
    struct worker *worker;
    struct conn *conn;
    struct stream *stream;
    struct route route;
    struct access_log *access_log;
    char path[64];
};

static void set_client(struct place *place, const char *ip)
{
    memcpy(place->conn->client_ip, ip, strlen(ip));
    place->conn->client_ip_length = (uint8_t)strlen(ip);
}

static void open_place(struct place *place, bool is_json)
{
    int fd;

    memset(place, 0, sizeof(*place));
    assert_int_equal(uv_loop_init(&place->loop), 0);
    (void)snprintf(place->path, sizeof(place->path), "/tmp/unit-access-log-XXXXXX");
    fd = mkstemp(place->path);
    assert_true(fd >= 0);
    (void)close(fd);
    place->worker = mem_new(struct worker);
    place->worker->loop = &place->loop;
    place->conn = mem_new(struct conn);
    place->conn->worker = place->worker;
    set_client(place, "192.0.2.1");
    place->route.object = BYTES("Ingress default/web");
    place->stream = mem_new(struct stream);
    place->stream->worker = place->worker;
    place->stream->conn = place->conn;
    place->stream->route = &place->route;
    place->stream->request = (struct request){.method = BYTES("GET"),
                                              .path = BYTES("/x"),
                                              .query = BYTES("?q=1"),
                                              .authority = BYTES("a.test"),
                                              .version_minor = 1};
    place->stream->request_id = BYTES("id-1");
    place->stream->status = 200;
    place->stream->attempts = 1;
    place->access_log = access_log_open(place->worker, place->path, is_json);
    assert_non_null(place->access_log);
}

static void close_place(struct place *place)
{
    (void)uv_run(&place->loop, UV_RUN_DEFAULT);
    access_log_close(place->access_log);
    assert_int_equal(uv_loop_close(&place->loop), 0);
    (void)unlink(place->path);
    mem_free(place->stream);
    mem_free(place->conn);
    mem_free(place->worker);
}

/* What has been written to `path` once all writes are done. */
static struct text content_of(struct place *place, const char *path)
{
    struct text text;
    char piece[4096];
    ssize_t count;
    int fd;

    access_log_flush(place->access_log);
    (void)uv_run(&place->loop, UV_RUN_DEFAULT);
    assert_false(access_log_is_busy(place->access_log));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    text_init(&text);
    while ((count = read(fd, piece, sizeof(piece))) > 0)
        text_add(&text, bytes_from(piece, (size_t)count));
    (void)close(fd);
    return text;
}

static size_t count_of(const struct text *text, char byte)
{
    size_t count = 0;

    for (size_t i = 0; i < text->len; i++)
        count += text->at[i] == byte;
    return count;
}

static bool has(const struct text *text, const char *part)
{
    char *copy = mem_string(text_bytes(text));
    bool is_there = strstr(copy, part) != NULL;

    mem_free(copy);
    return is_there;
}

TEST(a_line_says_what_was_asked_and_what_became_of_it)
{
    struct place place;
    struct text text;

    open_place(&place, false);
    place.stream->endpoint_address = (struct address){.port = 8080, .ip = {10, 0, 0, 1}};
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    assert_int_equal(count_of(&text, '\n'), 1);
    assert_true(has(&text, "Z 192.0.2.1 \"GET a.test /x?q=1\" 200 - 0 0 "));
    assert_true(has(&text, "ms 10.0.0.1:8080 1 \"Ingress default/web\" id-1"));
    text_fini(&text);
    close_place(&place);
}

TEST(what_is_missing_is_a_dash_and_a_failure_has_its_reason)
{
    struct place place;
    struct text text;

    open_place(&place, false);
    place.stream->request = (struct request){.version_minor = 1};
    place.stream->request_id = BYTES_NONE;
    place.stream->route = NULL;
    place.stream->status = 404;
    place.stream->failure = FAILURE_NO_HOST;
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    assert_true(has(&text, " \"- - -\" 404 no_host 0 0 "));
    assert_true(has(&text, " - 1 \"-\" -"));
    text_fini(&text);
    close_place(&place);
}

static const char hostile_text[] = "/a\"b\\c\r\nd\x01\x7f\xff 200 - \"";

TEST(hostile_52_no_client_forges_a_line_or_a_field)
{
    struct place place;
    struct text text;

    open_place(&place, false);
    place.stream->request.path = bytes_of(hostile_text);
    place.stream->request.query = BYTES("?\"\n");
    place.stream->request.authority = BYTES("a\"\nb");
    place.stream->request_id = BYTES("x\ny");
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    assert_int_equal(count_of(&text, '\n'), 1);
    assert_int_equal(count_of(&text, '"'), 4);
    assert_true(has(&text, "/a\\x22b\\x5cc\\x0d\\x0ad\\x01\\x7f\\xff 200 - \\x22?\\x22\\x0a\""));
    for (size_t i = 0; i + 1 < text.len; i++)
        assert_in_range((unsigned char)text.at[i], 0x20, 0x7e);
    text_fini(&text);
    close_place(&place);
}

TEST(hostile_52_json_lines_stay_one_object_each)
{
    struct place place;
    struct text text;

    open_place(&place, true);
    place.stream->request.path = bytes_of(hostile_text);
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    assert_int_equal(count_of(&text, '\n'), 1);
    assert_int_equal(count_of(&text, '{'), 1);
    assert_true(has(&text, "\"path\":\"/a\\\"b\\\\c\\u000d\\nd\\u0001"));
    assert_true(has(&text, "\"status\":200,"));
    assert_true(has(&text, "}\n"));
    text_fini(&text);
    close_place(&place);
}

TEST(lines_come_in_order_and_none_is_lost_over_many_pieces)
{
    enum { LINES = 5000 };
    struct place place;
    struct text text;
    const char *at;
    char number[24];
    char *copy;

    open_place(&place, false);
    for (unsigned int i = 0; i < LINES; i++) {
        (void)snprintf(number, sizeof(number), "n%u.", i);
        place.stream->request_id = bytes_of(number);
        access_log_write(place.access_log, place.stream);
        if (i % 100 == 0)
            (void)uv_run(&place.loop, UV_RUN_NOWAIT);
    }
    text = content_of(&place, place.path);
    assert_int_equal(count_of(&text, '\n'), LINES);
    copy = mem_string(text_bytes(&text));
    at = copy;
    for (unsigned int i = 0; i < LINES; i++) {
        (void)snprintf(number, sizeof(number), "n%u.", i);
        at = strstr(at, number);
        assert_non_null(at);
    }
    assert_int_equal(place.worker->stats.access_log_dropped, 0);
    mem_free(copy);
    text_fini(&text);
    close_place(&place);
}

TEST(lines_that_wait_too_long_are_dropped_and_counted)
{
    static char path[16384];
    struct place place;
    struct text text;
    size_t written = 0;

    memset(path, 'a', sizeof(path));
    open_place(&place, false);
    place.stream->request.path = bytes_from(path, sizeof(path));
    for (int i = 0; i < 1000; i++, written++) /* the loop does not turn: nothing is done writing */
        access_log_write(place.access_log, place.stream);
    assert_in_range(place.worker->stats.access_log_dropped, 1, 1000);
    text = content_of(&place, place.path);
    assert_true(text.len <= ACCESS_LOG_WAITING_MAX + 4 * ACCESS_LOG_PIECE_BYTES);
    assert_int_equal(count_of(&text, '\n') + place.worker->stats.access_log_dropped, written);
    text_fini(&text);
    close_place(&place);
}

TEST(after_a_rotation_lines_go_to_the_new_file)
{
    struct place place;
    struct text text;
    char old[80];

    open_place(&place, false);
    (void)snprintf(old, sizeof(old), "%s.old", place.path);
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    text_fini(&text);
    assert_int_equal(rename(place.path, old), 0);
    access_log_reopen(place.access_log);
    access_log_write(place.access_log, place.stream);
    access_log_write(place.access_log, place.stream);
    text = content_of(&place, place.path);
    assert_int_equal(count_of(&text, '\n'), 2);
    text_fini(&text);
    text = content_of(&place, old);
    assert_int_equal(count_of(&text, '\n'), 1);
    text_fini(&text);
    (void)unlink(old);
    close_place(&place);
}

TESTS(UNIT(a_line_says_what_was_asked_and_what_became_of_it),
      UNIT(what_is_missing_is_a_dash_and_a_failure_has_its_reason),
      UNIT(hostile_52_no_client_forges_a_line_or_a_field),
      UNIT(hostile_52_json_lines_stay_one_object_each),
      UNIT(lines_come_in_order_and_none_is_lost_over_many_pieces),
      UNIT(lines_that_wait_too_long_are_dropped_and_counted),
      UNIT(after_a_rotation_lines_go_to_the_new_file))
