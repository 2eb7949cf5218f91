/* SPDX-License-Identifier: Apache-2.0 */
/* Which Events are written, and when. */
#include "controller/event_text.h"
#include "controller/event_writer.h"
#include "tests/unit/controller/told_objects.h"

#include <stdlib.h>

#define START_MS 5000
#define WALL_US  1767323045678901 /* 2026-01-02T03:04:05.678901Z */
#define SENT_MAX 4000

struct bench {
    struct server server; /* first: what the writer's context is */
    struct event_writer *writer;
    struct table *table; /* the one that is set */
    char *bodies[SENT_MAX];
    char *names[SENT_MAX];
    bool is_more[SENT_MAX];
    size_t sent_count;
    struct event_write *under_way;
    enum status_answer answers_with;
    uint64_t now_ms;
};

static void on_send(void *context, struct event_write *write)
{
    struct bench *bench = context;

    bench->bodies[bench->sent_count] = mem_string(write->body);
    bench->names[bench->sent_count] = mem_string(write->name);
    bench->is_more[bench->sent_count++] = write->is_more;
    bench->under_way = write;
}

static void set(struct bench *bench, const struct verdict_here *verdicts, size_t count,
                const struct finding *findings, size_t findings_count)
{
    struct table *fresh = table_of(verdicts, count, findings, findings_count);

    event_writer_set_table(bench->writer, fresh);
    if (bench->table != NULL)
        table_unref(bench->table);
    bench->table = fresh;
}

static void set_fault(struct bench *bench, const char *fault)
{
    set(bench, (struct verdict_here[]){{"a", fault}}, 1, NULL, 0);
}

static struct bench *bench_create(void)
{
    struct bench *bench = mem_new(struct bench);

    bench->now_ms = START_MS;
    bench->answers_with = STATUS_WRITTEN;
    bench->writer = event_writer_create(server_find, on_send, bench, BYTES("pod_1"), START_MS);
    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    server_put(&bench->server, OBJECT_INGRESS, "i", "", "");
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    event_writer_destroy(bench->writer);
    table_unref(bench->table);
    for (size_t i = 0; i < bench->sent_count; i++) {
        mem_free(bench->bodies[i]);
        mem_free(bench->names[i]);
    }
    mem_free(bench);
}

/* So much time goes by; each write is answered at once. */
static void pass(struct bench *bench, uint64_t span_ms)
{
    uint64_t end_ms = bench->now_ms + span_ms;

    while (bench->now_ms <= end_ms) {
        uint64_t next_ms = event_writer_run(bench->writer, bench->now_ms, WALL_US);

        while (bench->under_way != NULL) {
            struct event_write *write = bench->under_way;

            bench->under_way = NULL;
            event_writer_answered(bench->writer, write, bench->answers_with, 0, bench->now_ms);
            next_ms = bench->now_ms + 1;
        }
        bench->now_ms = next_ms > bench->now_ms ? next_ms : bench->now_ms + 1;
    }
    bench->now_ms = end_ms;
}

static void assert_says(const struct bench *bench, size_t index, const char *part)
{
    assert_true(index < bench->sent_count);
    if (strstr(bench->bodies[index], part) == NULL)
        fail_msg("%s is not in %s", part, bench->bodies[index]);
}

TEST(an_invalid_object_gets_a_warning_that_tells_its_status)
{
    struct bench *bench = bench_create();

    set_fault(bench, "route \"/\": no \xc3\xbc");
    pass(bench, 1000);
    assert_int_equal(bench->sent_count, 1);
    assert_false(bench->is_more[0]);
    assert_says(bench, 0, "\"eventTime\":\"2026-01-02T03:04:05.678901Z\"");
    assert_says(bench, 0, "\"type\":\"Warning\",\"reason\":\"Invalid\"");
    assert_says(bench, 0, "\"note\":\"route \\\"/\\\": no \xc3\xbc\"");
    assert_says(bench, 0, "\"reportingInstance\":\"pod_1\"");
    assert_says(bench, 0,
                "\"regarding\":{\"apiVersion\":\"contour.heptio.com/v1beta1\",\"kind\":"
                "\"IngressRoute\",\"namespace\":\"web\",\"name\":\"a\",\"uid\":\"a\"}");
    bench_destroy(bench);
}

TEST(an_ingress_gets_one_for_its_first_error_and_none_for_warnings)
{
    const struct finding findings[] = {
        {true, BYTES_NONE, BYTES("Ingress web/i"), BYTES("spec.rules[0]: first"), false},
        {true, BYTES_NONE, BYTES("Ingress web/i"), BYTES("spec.rules[1]: second"), false},
        {false, BYTES_NONE, BYTES("Ingress web/warned"), BYTES("a warning"), false},
        {true, BYTES_NONE, BYTES("Secret web/s"), BYTES("not said: nobody knows its uid"), false},
    };
    struct bench *bench = bench_create();

    set(bench, NULL, 0, findings, 4);
    pass(bench, 60000);
    assert_int_equal(bench->sent_count, 1);
    assert_says(bench, 0, "spec.rules[0]: first");
    assert_says(bench, 0, "\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\"");
    bench_destroy(bench);
}

TEST(what_is_well_again_is_told_and_what_never_was_wrong_is_not)
{
    struct bench *bench = bench_create();

    set_fault(bench, NULL);
    pass(bench, 60000);
    assert_int_equal(bench->sent_count, 0);
    set_fault(bench, "bad");
    pass(bench, 2000);
    set_fault(bench, NULL);
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 2);
    assert_says(bench, 1, "\"type\":\"Normal\",\"reason\":\"Valid\"");
    bench_destroy(bench);
}

TEST(an_object_that_is_deleted_gets_no_good_news)
{
    struct bench *bench = bench_create();

    set_fault(bench, "bad");
    pass(bench, 2000);
    bench->server.count = 0;
    set(bench, NULL, 0, NULL, 0);
    pass(bench, 100000);
    assert_int_equal(bench->sent_count, 1);
    bench_destroy(bench);
}

/* Nor does its successor, for it is another object, to which nothing was said. */
TEST(an_object_that_is_made_anew_gets_no_good_news_and_is_told_about_at_once)
{
    struct bench *bench = bench_create();
    struct object_here *object = &bench->server.objects[0];

    set_fault(bench, "bad");
    pass(bench, 2000);
    (void)snprintf(object->uid, sizeof(object->uid), "another");
    set(bench, NULL, 0, NULL, 0); /* the table does not have it yet */
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 1);
    set_fault(bench, "bad");
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 2);
    assert_says(bench, 1, "\"type\":\"Warning\"");
    assert_says(bench, 1, "\"uid\":\"another\"");
    (void)snprintf(object->uid, sizeof(object->uid), "a third");
    set_fault(bench, "bad"); /* and the table never lacked it */
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 3);
    assert_says(bench, 2, "\"uid\":\"a third\"");
    set_fault(bench, NULL);
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 4);
    assert_says(bench, 3, "\"reason\":\"Valid\"");
    bench_destroy(bench);
}

TEST(the_same_is_told_once_and_its_name_is_the_same_everywhere)
{
    struct bench *one = bench_create(), *two = bench_create();

    set_fault(one, "bad");
    pass(one, 3600000);
    assert_int_equal(one->sent_count, 1);
    two->answers_with = STATUS_CONFLICT; /* it is there */
    set_fault(two, "bad");
    pass(two, 3600000);
    assert_int_equal(two->sent_count, 1);
    assert_string_equal(one->names[0], two->names[0]);
    bench_destroy(one);
    bench_destroy(two);
}

TEST(another_mistake_is_another_event)
{
    struct bench *bench = bench_create();

    set_fault(bench, "bad");
    pass(bench, 2000);
    set_fault(bench, "worse");
    pass(bench, 2000);
    assert_int_equal(bench->sent_count, 2);
    assert_string_not_equal(bench->names[0], bench->names[1]);
    assert_says(bench, 1, "worse");
    bench_destroy(bench);
}

TEST(an_object_that_comes_and_goes_is_told_once_a_minute_and_counted)
{
    struct bench *bench = bench_create();
    size_t names = 0;

    for (int i = 0; i < 600; i++) { /* ten minutes */
        set_fault(bench, i % 2 == 0 ? "bad" : NULL);
        pass(bench, 1000);
    }
    assert_in_range(bench->sent_count, 5, 14);
    for (size_t i = 0; i < bench->sent_count; i++)
        names += !bench->is_more[i];
    assert_int_equal(names, 2); /* that it is wrong, and that it is well */
    for (size_t i = 2; i < bench->sent_count; i++)
        assert_says(bench, i, "\"series\":{\"count\":");
    bench_destroy(bench);
}

TEST(an_event_that_the_api_server_has_forgotten_is_written_anew)
{
    struct bench *bench = bench_create();

    set_fault(bench, "bad");
    pass(bench, 2000);
    set_fault(bench, NULL);
    pass(bench, 2000);
    set_fault(bench, "bad");
    bench->answers_with = STATUS_GONE;
    pass(bench, EVENT_GAP_MS);
    assert_int_equal(bench->sent_count, 4);
    assert_true(bench->is_more[2]);
    assert_false(bench->is_more[3]);
    bench_destroy(bench);
}

TEST(where_it_is_not_allowed_it_is_tried_every_ten_minutes)
{
    struct bench *bench = bench_create();

    bench->answers_with = STATUS_NOT_ALLOWED;
    set_fault(bench, "bad");
    pass(bench, 3600000);
    assert_in_range(bench->sent_count, 5, 7);
    bench_destroy(bench);
}

TEST(a_thousand_mistakes_are_told_slowly)
{
    static struct verdict_here verdicts[1000];
    static char names[1000][8];
    struct bench *bench = bench_create();

    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "r%zu", i);
        verdicts[i] = (struct verdict_here){names[i], "bad"};
        server_put(&bench->server, OBJECT_INGRESS_ROUTE, names[i], "", "");
    }
    set(bench, verdicts, 1000, NULL, 0);
    pass(bench, 100000);
    assert_in_range(bench->sent_count, 150, EVENTS_BURST + 2 * 100 + 1);
    pass(bench, 500000);
    assert_int_equal(bench->sent_count, 1000);
    bench_destroy(bench);
}

TEST(a_note_is_cut_between_characters)
{
    char fault[2 * EVENT_NOTE_MAX];
    struct bench *bench = bench_create();
    const char *note, *end;

    for (size_t i = 0; i + 1 < sizeof(fault); i++)
        fault[i] = i % 2 == 0 ? '\xc3' : '\xbc';
    fault[0] = 'x'; /* the character at the limit begins before it */
    memmove(fault + 1, fault + 2, sizeof(fault) - 3);
    fault[sizeof(fault) - 2] = '\0';
    set_fault(bench, fault);
    pass(bench, 1000);
    note = strstr(bench->bodies[0], "\"note\":\"");
    assert_non_null(note);
    note += strlen("\"note\":\"");
    end = strchr(note, '"');
    assert_int_equal(end - note, EVENT_NOTE_MAX - 1);
    bench_destroy(bench);
}

TESTS(UNIT(an_invalid_object_gets_a_warning_that_tells_its_status),
      UNIT(an_ingress_gets_one_for_its_first_error_and_none_for_warnings),
      UNIT(what_is_well_again_is_told_and_what_never_was_wrong_is_not),
      UNIT(an_object_that_is_deleted_gets_no_good_news),
      UNIT(an_object_that_is_made_anew_gets_no_good_news_and_is_told_about_at_once),
      UNIT(the_same_is_told_once_and_its_name_is_the_same_everywhere),
      UNIT(another_mistake_is_another_event),
      UNIT(an_object_that_comes_and_goes_is_told_once_a_minute_and_counted),
      UNIT(an_event_that_the_api_server_has_forgotten_is_written_anew),
      UNIT(where_it_is_not_allowed_it_is_tried_every_ten_minutes),
      UNIT(a_thousand_mistakes_are_told_slowly), UNIT(a_note_is_cut_between_characters))
