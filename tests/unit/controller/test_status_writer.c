/* SPDX-License-Identifier: Apache-2.0 */
/* Which statuses are written, and when. */
#include "controller/status_writer.h"
#include "tests/unit/controller/told_objects.h"

#define START_MS 5000
#define SENT_MAX 4000

struct bench {
    struct server server; /* first: what the writer's context is */
    struct status_writer *writer;
    struct table *table;
    struct status_write *sent[SENT_MAX];
    size_t sent_count;
    size_t contests_told;
};

static void on_send(void *context, struct status_write *write)
{
    struct bench *bench = context;

    bench->sent[bench->sent_count++] = write;
}

static void on_contested(void *context, const struct status_write *write)
{
    struct bench *bench = context;

    assert_bytes(write->ns, "web");
    bench->contests_told++;
}

static struct bench *bench_create(const struct verdict_here *verdicts, size_t count)
{
    struct bench *bench = mem_new(struct bench);

    bench->writer = status_writer_create(server_find, on_send, on_contested, bench, START_MS);
    bench->table = table_of(verdicts, count, NULL, 0);
    status_writer_set_table(bench->writer, bench->table);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    status_writer_destroy(bench->writer);
    table_unref(bench->table);
    mem_free(bench);
}

static void answer(struct bench *bench, size_t index, enum status_answer answer, uint64_t now_ms)
{
    status_writer_answered(bench->writer, bench->sent[index], answer, 0, now_ms);
}

/* The watch brings what was written. */
static void object_change(struct bench *bench, size_t index, const char *version, const char *state,
                          const char *description)
{
    struct object_here *object = &bench->server.objects[index];

    (void)snprintf(object->version, sizeof(object->version), "%s", version);
    (void)snprintf(object->state, sizeof(object->state), "%s", state);
    (void)snprintf(object->description, sizeof(object->description), "%s", description);
    status_writer_look(bench->writer);
}

/* Runs as often as it asks for until the moment; then what it asks for. */
static uint64_t run_until(struct bench *bench, uint64_t from_ms, uint64_t to_ms)
{
    uint64_t next_ms = from_ms;

    while (next_ms <= to_ms) {
        uint64_t at_ms = next_ms;

        next_ms = status_writer_run(bench->writer, at_ms);
        if (next_ms == at_ms)
            continue; /* it has more to look at */
    }
    return next_ms;
}

static const struct verdict_here one_fine[] = {{"a", NULL}};

TEST(watch_25_what_differs_is_written_with_the_version_that_was_seen)
{
    struct bench *bench = bench_create((struct verdict_here[]){{"a", "fqdn \"x\" is bad"}}, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "valid", "valid IngressRoute");
    run_until(bench, START_MS, START_MS);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(bench->sent[0]->kind, OBJECT_INGRESS_ROUTE);
    assert_bytes(bench->sent[0]->ns, "web");
    assert_bytes(bench->sent[0]->name, "a");
    assert_bytes(bench->sent[0]->body,
                 "{\"metadata\":{\"resourceVersion\":\"1\"},\"status\":{\"currentStatus\":"
                 "\"invalid\",\"description\":\"fqdn \\\"x\\\" is bad\"}}");
    bench_destroy(bench);
}

TEST(watch_25_what_is_as_it_should_be_is_not_written_and_nothing_is_waited_for)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "valid", "valid IngressRoute");
    assert_int_equal(run_until(bench, START_MS, START_MS + 3600000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 0);
    bench_destroy(bench);
}

TEST(an_object_that_the_api_server_does_not_have_is_not_written)
{
    struct bench *bench = bench_create(one_fine, 1);

    assert_int_equal(run_until(bench, START_MS, START_MS + 3600000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 0);
    bench_destroy(bench);
}

TEST(watch_25_what_was_written_is_not_written_again_before_the_watch_brings_it_nor_after)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    run_until(bench, START_MS, START_MS);
    assert_int_equal(bench->sent_count, 1);
    status_writer_look(bench->writer);
    run_until(bench, START_MS + 1000, START_MS + 2000); /* under way */
    answer(bench, 0, STATUS_WRITTEN, START_MS + 2000);
    assert_int_equal(run_until(bench, START_MS + 2000, START_MS + 3600000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(status_writer_waiting(bench->writer), 1);
    object_change(bench, 0, "2", "valid", "valid IngressRoute");
    assert_int_equal(run_until(bench, START_MS + 3600000, START_MS + 7200000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 1);
    assert_int_equal(status_writer_waiting(bench->writer), 0);
    bench_destroy(bench);
}

TEST(watch_25_a_conflict_is_tried_again_with_the_version_that_the_watch_brings)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    run_until(bench, START_MS, START_MS);
    answer(bench, 0, STATUS_CONFLICT, START_MS);
    run_until(bench, START_MS + 1000, START_MS + 60000);
    assert_int_equal(bench->sent_count, 1);
    object_change(bench, 0, "2", "", "");
    run_until(bench, START_MS + 60000, START_MS + 60000);
    assert_int_equal(bench->sent_count, 2);
    assert_bytes(bytes_slice(bench->sent[1]->body, 0, 34),
                 "{\"metadata\":{\"resourceVersion\":\"2\"");
    bench_destroy(bench);
}

TEST(watch_25_somebody_elses_status_is_put_right)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "valid", "valid IngressRoute");
    run_until(bench, START_MS, START_MS);
    object_change(bench, 0, "2", "valid", "by hand");
    run_until(bench, START_MS + 1000, START_MS + 1000);
    assert_int_equal(bench->sent_count, 1);
    bench_destroy(bench);
}

static size_t writes_in(struct bench *bench, enum status_answer with, uint64_t span_ms)
{
    uint64_t now_ms = START_MS;
    size_t answered = 0;

    while (now_ms < START_MS + span_ms) {
        uint64_t next_ms = status_writer_run(bench->writer, now_ms);

        if (answered < bench->sent_count)
            answer(bench, answered++, with, now_ms);
        else
            now_ms = next_ms;
    }
    return bench->sent_count;
}

/* Writes what is sent at once, and somebody else changes it `after_ms` later, for so long. Returns
 * how many were sent. */
static size_t contest(struct bench *bench, uint64_t from_ms, uint64_t span_ms, uint64_t after_ms)
{
    uint64_t at_ms = from_ms;
    size_t before = bench->sent_count;

    for (unsigned version = 2; at_ms <= from_ms + span_ms; version += 2) {
        size_t sent = bench->sent_count;
        uint64_t next_ms = at_ms;
        char text[16];

        while (bench->sent_count == sent && next_ms <= from_ms + span_ms) {
            at_ms = next_ms;
            next_ms = status_writer_run(bench->writer, at_ms);
            next_ms = next_ms > at_ms ? next_ms : at_ms + 1;
        }
        if (bench->sent_count == sent)
            break;
        answer(bench, sent, STATUS_WRITTEN, at_ms);
        (void)snprintf(text, sizeof(text), "%u", version);
        object_change(bench, 0, text, "valid", "valid IngressRoute");
        (void)run_until(bench, at_ms, at_ms + 400);
        (void)snprintf(text, sizeof(text), "%u", version + 1);
        object_change(bench, 0, text, "invalid", "theirs");
        at_ms += after_ms;
    }
    return bench->sent_count - before;
}

TEST(a_status_that_somebody_else_changes_each_time_is_written_ever_less_often_and_told_once)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    /* At 0, and then 1, 2, 4, 8, 16 and 32 seconds after each change; 60 from then on. */
    assert_int_equal(contest(bench, START_MS, 67000, 500), 7);
    assert_int_equal(bench->contests_told, 1);
    assert_int_equal(status_writer_contested(bench->writer), 1);
    assert_in_range(contest(bench, START_MS + 67500, 3600000, 500), 58, 60);
    assert_int_equal(bench->contests_told, 1);
    bench_destroy(bench);
}

TEST(one_change_by_somebody_else_is_told_to_nobody_and_is_forgotten_in_time)
{
    struct bench *bench = bench_create(one_fine, 1);
    uint64_t later_ms = START_MS + 2000 + STATUS_CONTEST_MS;

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    assert_int_equal(contest(bench, START_MS, 1500, 500), 2);
    object_change(bench, 0, "90", "valid", "valid IngressRoute");
    run_until(bench, START_MS + 2000, START_MS + 2000);
    assert_int_equal(bench->contests_told, 0);
    assert_int_equal(contest(bench, later_ms, 0, 500), 0);
    object_change(bench, 0, "91", "invalid", "theirs");
    run_until(bench, later_ms, later_ms); /* at once */
    assert_int_equal(bench->sent_count, 3);
    bench_destroy(bench);
}

TEST(an_object_that_is_made_anew_inherits_no_waiting)
{
    struct bench *bench = bench_create(one_fine, 1);
    struct object_here *object = server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");

    run_until(bench, START_MS, START_MS);
    answer(bench, 0, STATUS_MALFORMED, START_MS);
    (void)snprintf(object->uid, sizeof(object->uid), "another");
    object_change(bench, 0, "2", "", "");
    run_until(bench, START_MS + 1000, START_MS + 1000);
    assert_int_equal(bench->sent_count, 2);
    assert_int_equal(status_writer_waiting(bench->writer), 1);
    bench_destroy(bench);
}

TEST(a_write_that_fails_is_tried_again_ever_less_often)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    /* after 1, 2, 4, 8, 16, 32 s and then once a minute */
    assert_in_range(writes_in(bench, STATUS_UNANSWERED, 3600000), 60, 70);
    bench_destroy(bench);
}

TEST(a_write_that_is_refused_is_tried_again_every_ten_minutes_at_last)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    assert_in_range(writes_in(bench, STATUS_NOT_ALLOWED, 3600000), 7, 10);
    bench_destroy(bench);
}

TEST(watch_10_retry_after_holds_up_all_writes)
{
    struct bench *bench = bench_create((struct verdict_here[]){{"a", NULL}, {"b", NULL}}, 2);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    run_until(bench, START_MS, START_MS);
    status_writer_answered(bench->writer, bench->sent[0], STATUS_UNANSWERED, 20000, START_MS);
    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "b", "", "");
    status_writer_look(bench->writer);
    assert_int_equal(status_writer_run(bench->writer, START_MS + 1000), START_MS + 20000);
    assert_int_equal(bench->sent_count, 1);
    run_until(bench, START_MS + 20000, START_MS + 20000);
    assert_int_equal(bench->sent_count, 3);
    bench_destroy(bench);
}

TEST(no_more_than_so_many_are_written_at_once_or_in_a_second)
{
    static struct verdict_here verdicts[1000];
    static char names[1000][8];
    struct bench *bench;
    uint64_t now_ms = START_MS;
    size_t answered = 0;

    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "r%zu", i);
        verdicts[i].name = names[i];
    }
    bench = bench_create(verdicts, 1000);
    for (size_t i = 0; i < 1000; i++)
        server_put(&bench->server, OBJECT_INGRESS_ROUTE, names[i], "", "");
    while (answered < 1000) {
        uint64_t next_ms = status_writer_run(bench->writer, now_ms);

        assert_true(bench->sent_count - answered <= STATUS_WRITES_AT_ONCE);
        assert_true(bench->sent_count <=
                    STATUS_WRITES_BURST + (now_ms - START_MS) * STATUS_WRITES_PER_SECOND / 1000);
        if (answered < bench->sent_count)
            answer(bench, answered++, STATUS_WRITTEN, now_ms);
        else
            now_ms = next_ms;
        assert_true(now_ms < START_MS + 60000);
    }
    assert_int_equal(bench->sent_count, 1000); /* none twice */
    bench_destroy(bench);
}

TEST(served_ingresses_get_the_addresses_and_others_are_left_alone)
{
    struct bench *bench = bench_create(one_fine, 0);

    server_put(&bench->server, OBJECT_INGRESS, "a", "", "");
    server_put(&bench->server, OBJECT_INGRESS, "b", "[{\"ip\":\"192.0.2.1\"}]", "");
    status_writer_set_served(bench->writer, BYTES("web"), BYTES("a"), true);
    status_writer_set_served(bench->writer, BYTES("web"), BYTES("a"), true);
    run_until(bench, START_MS, START_MS + 1000);
    assert_int_equal(bench->sent_count, 0); /* there are none to write */
    status_writer_set_addresses(bench->writer, BYTES("[{\"ip\":\"192.0.2.7\"}]"));
    run_until(bench, START_MS + 2000, START_MS + 2000);
    assert_int_equal(bench->sent_count, 1);
    assert_bytes(bench->sent[0]->body,
                 "{\"metadata\":{\"resourceVersion\":\"1\"},\"status\":{\"loadBalancer\":{"
                 "\"ingress\":[{\"ip\":\"192.0.2.7\"}]}}}");
    bench_destroy(bench);
}

TEST(an_ingress_that_is_served_no_more_is_left_as_it_is)
{
    struct bench *bench = bench_create(one_fine, 0);

    server_put(&bench->server, OBJECT_INGRESS, "a", "", "");
    status_writer_set_addresses(bench->writer, BYTES("[{\"ip\":\"192.0.2.7\"}]"));
    status_writer_set_served(bench->writer, BYTES("web"), BYTES("a"), true);
    status_writer_set_served(bench->writer, BYTES("web"), BYTES("a"), false);
    assert_int_equal(run_until(bench, START_MS, START_MS + 1000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 0);
    bench_destroy(bench);
}

TEST(addresses_that_go_are_taken_from_no_ingress)
{
    struct bench *bench = bench_create(one_fine, 0);

    server_put(&bench->server, OBJECT_INGRESS, "a", "[{\"ip\":\"192.0.2.7\"}]", "");
    status_writer_set_served(bench->writer, BYTES("web"), BYTES("a"), true);
    status_writer_set_addresses(bench->writer, BYTES("[{\"ip\":\"192.0.2.7\"}]"));
    run_until(bench, START_MS, START_MS + 1000);
    status_writer_set_addresses(bench->writer, BYTES_NONE);
    assert_int_equal(run_until(bench, START_MS + 2000, START_MS + 3000), UINT64_MAX);
    assert_int_equal(bench->sent_count, 0);
    bench_destroy(bench);
}

TEST(watch_25_who_leads_no_more_forgets_what_was_under_way_and_begins_anew_if_he_leads_again)
{
    struct bench *bench = bench_create(one_fine, 1);

    server_put(&bench->server, OBJECT_INGRESS_ROUTE, "a", "", "");
    run_until(bench, START_MS, START_MS);
    status_writer_stop(bench->writer);
    status_writer_look(bench->writer);
    run_until(bench, START_MS + 1000, START_MS + 1000);
    assert_int_equal(bench->sent_count, 2);
    answer(bench, 1, STATUS_WRITTEN, START_MS + 1000);
    bench_destroy(bench);
}

TEST(a_turn_of_the_loop_looks_at_so_many_objects_only)
{
    struct bench *bench = bench_create(one_fine, 0);

    for (size_t i = 0; i < STATUS_LOOKS_MAX + 100; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "i%zu", i);
        status_writer_set_served(bench->writer, BYTES("web"), bytes_of(name), true);
    }
    status_writer_set_addresses(bench->writer, BYTES("[{\"ip\":\"192.0.2.7\"}]"));
    assert_int_equal(status_writer_run(bench->writer, START_MS), START_MS);
    assert_int_equal(status_writer_run(bench->writer, START_MS), UINT64_MAX);
    bench_destroy(bench);
}

TESTS(UNIT(watch_25_what_differs_is_written_with_the_version_that_was_seen),
      UNIT(watch_25_what_is_as_it_should_be_is_not_written_and_nothing_is_waited_for),
      UNIT(an_object_that_the_api_server_does_not_have_is_not_written),
      UNIT(watch_25_what_was_written_is_not_written_again_before_the_watch_brings_it_nor_after),
      UNIT(watch_25_a_conflict_is_tried_again_with_the_version_that_the_watch_brings),
      UNIT(watch_25_somebody_elses_status_is_put_right),
      UNIT(a_status_that_somebody_else_changes_each_time_is_written_ever_less_often_and_told_once),
      UNIT(one_change_by_somebody_else_is_told_to_nobody_and_is_forgotten_in_time),
      UNIT(an_object_that_is_made_anew_inherits_no_waiting),
      UNIT(a_write_that_fails_is_tried_again_ever_less_often),
      UNIT(a_write_that_is_refused_is_tried_again_every_ten_minutes_at_last),
      UNIT(watch_10_retry_after_holds_up_all_writes),
      UNIT(no_more_than_so_many_are_written_at_once_or_in_a_second),
      UNIT(served_ingresses_get_the_addresses_and_others_are_left_alone),
      UNIT(an_ingress_that_is_served_no_more_is_left_as_it_is),
      UNIT(addresses_that_go_are_taken_from_no_ingress),
      UNIT(watch_25_who_leads_no_more_forgets_what_was_under_way_and_begins_anew_if_he_leads_again),
      UNIT(a_turn_of_the_loop_looks_at_so_many_objects_only))
