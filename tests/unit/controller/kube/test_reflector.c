/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reflector.c - what is asked of an API server next, given how the last call ended. Numbers
 * are those of the rules of the watch protocol.
 */
#include "controller/kube/reflector.h"
#include "tests/unit/unit.h"

#include <string.h>

/* A reflector, its clock, and the query it asked last. */
struct scene {
    struct reflector reflector;
    uint64_t now_ms;
    uint64_t random;
    struct text query;
    uint32_t timeout_s;
};

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){.now_ms = 1000000};
    reflector_init(&scene->reflector, true);
    text_init(&scene->query);
}

static void scene_close(struct scene *scene)
{
    reflector_fini(&scene->reflector);
    text_fini(&scene->query);
}

static const char *ask(struct scene *scene)
{
    text_clear(&scene->query);
    reflector_ask(&scene->reflector, scene->now_ms, scene->random, &scene->query,
                  &scene->timeout_s);
    text_add_byte(&scene->query, '\0');
    return scene->query.at;
}

/* The call ends after this time; returns the wait before the next one. */
static uint64_t end_after(struct scene *scene, uint64_t ms, struct reflector_end end)
{
    scene->now_ms += ms;
    reflector_ended(&scene->reflector, &end, scene->now_ms, scene->random);
    return scene->reflector.ask_at_ms - scene->now_ms;
}

static uint64_t end_with(struct scene *scene, int code)
{
    return end_after(
        scene, 2000,
        (struct reflector_end){.is_answered = true, .status = code, .failure = {.code = code}});
}

static const struct reflector_end fine = {.is_answered = true, .status = 200};
static const struct reflector_end broken = {.is_answered = false};

static enum reflector_told bookmark(struct scene *scene, const char *version, bool ends_listing)
{
    const struct served_event event = {.type = SERVED_BOOKMARK,
                                       .item = {.resource_version = bytes_of(version)},
                                       .ends_listing = ends_listing};

    return reflector_event(&scene->reflector, &event);
}

static enum reflector_told change(struct scene *scene, const char *version)
{
    const struct served_event event = {
        .type = SERVED_CHANGED,
        .item = {.name = BYTES("a"), .resource_version = bytes_of(version)}};

    return reflector_event(&scene->reflector, &event);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("not found: %s\nin: %s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("found: %s\nin: %s", part, text);
}

/* The stream is refused, and a list read to its end: it watches from "10" now. */
static void bring_to_watch(struct scene *scene)
{
    (void)ask(scene);
    (void)end_with(scene, 422);
    (void)ask(scene);
    assert_true(reflector_page(&scene->reflector, BYTES("10"), BYTES_NONE));
    (void)end_after(scene, 100, fine);
}

TEST(watch_01_a_version_is_sent_back_as_it_came)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    assert_int_equal(change(&scene, "not a number/&1"), TOLD_CHANGE);
    (void)end_after(&scene, 400000, fine);
    assert_has(ask(&scene), "&resourceVersion=not%20a%20number%2F%261");
    scene_close(&scene);
}

TEST(watch_02_the_first_list_takes_any_version_and_a_later_one_the_last_seen)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    (void)end_with(&scene, 422);
    assert_has(ask(&scene), "resourceVersion=0");
    assert_true(reflector_page(&scene.reflector, BYTES("10"), BYTES_NONE));
    (void)end_after(&scene, 100, fine);
    assert_has(ask(&scene), "&resourceVersion=10");
    for (int i = 0; i < INTERNAL_ERRORS_MAX; i++) {
        (void)end_with(&scene, 500);
        (void)ask(&scene);
    }
    assert_int_equal(scene.reflector.ask, ASK_LIST);
    assert_has(ask(&scene), "resourceVersion=10");
    scene_close(&scene);
}

TEST(watch_03_gone_as_a_status_or_as_an_event_lists_from_scratch)
{
    static const struct reflector_end ends[] = {
        {.is_answered = true, .status = 410, .failure = {.code = 410}},
        {.is_answered = true, .status = 200, .failure = {.code = 410}},
        {.is_answered = true, .status = 200, .failure = {.code = 500, .reason = {"Expired", 7}}},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct scene scene;

        scene_open(&scene);
        bring_to_watch(&scene);
        (void)ask(&scene);
        (void)end_after(&scene, 5000, ends[i]);
        assert_int_equal(scene.reflector.ask, ASK_LIST);
        assert_true(scene.reflector.is_synced); /* what is known is served meanwhile */
        assert_lacks(ask(&scene), "resourceVersion");
        scene_close(&scene);
    }
}

TEST(watch_04_a_version_from_the_future_lists_from_scratch_after_the_wait_asked_for)
{
    struct scene scene;
    uint64_t wait_ms;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    wait_ms = end_after(&scene, 3000,
                        (struct reflector_end){.is_answered = true,
                                               .status = 504,
                                               .retry_after_ms = 1000,
                                               .failure = {.code = 504, .is_too_large = true}});
    assert_true(wait_ms >= 1000);
    assert_lacks(ask(&scene), "resourceVersion");
    scene_close(&scene);
}

TEST(watch_05_a_bookmark_moves_the_version_and_nothing_else)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    assert_has(ask(&scene), "allowWatchBookmarks=true");
    assert_int_equal(bookmark(&scene, "77", false), TOLD_NOTHING);
    (void)end_after(&scene, 400000, fine);
    assert_has(ask(&scene), "&resourceVersion=77");
    scene_close(&scene);
}

TEST(watch_06_a_streaming_list_ends_at_its_bookmark_and_goes_on_as_a_watch)
{
    struct scene scene;
    const char *query;

    scene_open(&scene);
    query = ask(&scene);
    assert_has(query, "watch=1");
    assert_has(query, "sendInitialEvents=true");
    assert_has(query, "resourceVersionMatch=NotOlderThan");
    assert_has(query, "allowWatchBookmarks=true");
    assert_int_equal(change(&scene, "5"), TOLD_CHANGE);
    assert_int_equal(bookmark(&scene, "6", false), TOLD_NOTHING);
    assert_false(scene.reflector.is_synced);
    assert_int_equal(bookmark(&scene, "9", true), TOLD_ALL);
    assert_true(scene.reflector.is_synced);
    (void)end_after(&scene, 400000, fine);
    query = ask(&scene);
    assert_has(query, "&resourceVersion=9");
    assert_lacks(query, "sendInitialEvents");
    scene_close(&scene);
}

TEST(watch_07_a_server_without_streaming_lists_is_asked_for_pages_at_once)
{
    static const struct reflector_end ends[] = {
        {.is_answered = true, .status = 422, .failure = {.code = 422}},
        {.is_answered = true, .status = 200, .failure = {.code = 500}},
        {.is_answered = true, .status = 504, .failure = {.code = 504}},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct scene scene;

        scene_open(&scene);
        (void)ask(&scene);
        assert_int_equal(end_after(&scene, 50, ends[i]), 0);
        assert_has(ask(&scene), "limit=500");
        scene_close(&scene);
    }
}

TEST(watch_08_versions_of_the_first_events_of_a_stream_do_not_count)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    (void)change(&scene, "5000");
    (void)end_after(&scene, 2000, broken);
    assert_lacks(ask(&scene), "5000");
    scene_close(&scene);
}

TEST(watch_09_a_watch_asks_for_five_to_ten_minutes_and_its_end_is_no_fault)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    for (scene.random = 0; scene.random < 1000; scene.random += 7) {
        (void)ask(&scene);
        assert_in_range(scene.timeout_s, 300, 600);
        assert_int_equal(end_after(&scene, 300000, fine), 0);
        assert_int_equal(scene.reflector.ask, ASK_WATCH);
    }
    scene_close(&scene);
}

TEST(watch_10_a_server_that_is_away_or_busy_keeps_the_version_and_backs_off)
{
    struct scene scene;
    uint64_t last_ms = 0;

    scene_open(&scene);
    bring_to_watch(&scene);
    scene.random = UINT64_MAX / 3 * 2;
    for (int i = 0; i < 10; i++) {
        uint64_t wait_ms;

        assert_has(ask(&scene), "&resourceVersion=10");
        wait_ms = i % 2 == 0 ? end_after(&scene, 10, broken) : end_with(&scene, 429);
        assert_in_range(wait_ms, 400, RETRY_MAX_MS);
        assert_true(i == 0 || wait_ms >= last_ms / 2);
        last_ms = wait_ms;
        scene.now_ms += wait_ms;
    }
    assert_true(last_ms > 15000);
    (void)ask(&scene);
    assert_int_equal(end_after(&scene, 400000, fine), 0);
    (void)ask(&scene);
    assert_true(end_after(&scene, 10, broken) <= 800); /* two quiet minutes: from the start */
    scene_close(&scene);
}

TEST(watch_10_the_server_says_how_long_to_wait)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    assert_int_equal(end_after(&scene, 2000,
                               (struct reflector_end){.is_answered = true,
                                                      .status = 429,
                                                      .retry_after_ms = 7000,
                                                      .failure = {.code = 429}}),
                     7000);
    scene_close(&scene);
}

TEST(watch_11_internal_errors_are_retried_for_a_while_and_the_unknown_is_listed_anew)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    (void)end_with(&scene, 500);
    assert_int_equal(scene.reflector.ask, ASK_WATCH);
    (void)ask(&scene);
    assert_true(end_with(&scene, 418) > 0);
    assert_int_equal(scene.reflector.ask, ASK_LIST);
    scene_close(&scene);
}

TEST(watch_12_a_watch_that_ends_at_once_without_an_event_is_a_fault)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    assert_true(end_after(&scene, 20, fine) > 0);
    (void)ask(&scene);
    (void)change(&scene, "11");
    assert_int_equal(end_after(&scene, 20, fine), 0);
    scene_close(&scene);
}

TEST(watch_13_a_broken_stream_resumes_without_a_list)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    (void)change(&scene, "12");
    (void)end_after(&scene, 2000, broken);
    (void)ask(&scene);
    (void)end_after(&scene, 2000, broken); /* refused while it starts again */
    assert_has(ask(&scene), "watch=1");
    assert_has(ask(&scene), "&resourceVersion=12");
    scene_close(&scene);
}

TEST(watch_15_pages_follow_each_other_and_an_expired_one_begins_anew)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    (void)end_with(&scene, 422);
    (void)ask(&scene);
    assert_false(reflector_page(&scene.reflector, BYTES("10"), BYTES("to/ken")));
    assert_int_equal(end_after(&scene, 100, fine), 0);
    assert_has(ask(&scene), "limit=500&continue=to%2Fken");
    (void)end_with(&scene, 410);
    assert_lacks(ask(&scene), "continue");
    scene_close(&scene);
}

TEST(watch_16_a_failed_list_is_not_an_empty_one)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    (void)end_with(&scene, 422);
    (void)ask(&scene);
    assert_false(reflector_page(&scene.reflector, BYTES("10"), BYTES("token")));
    (void)end_after(&scene, 100, fine);
    (void)ask(&scene);
    (void)end_after(&scene, 100, broken);
    assert_false(scene.reflector.is_synced);
    assert_lacks(ask(&scene), "continue");
    scene_close(&scene);
}

TEST(watch_17_a_list_that_is_too_long_is_read_page_by_page)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    (void)end_with(&scene, 422);
    (void)ask(&scene);
    (void)end_after(
        &scene, 100,
        (struct reflector_end){
            .is_too_long = true, .is_answered = true, .status = 200, .failure = {.code = 500}});
    assert_string_equal(ask(&scene), "limit=500");
    for (int i = 0; i < 10; i++) { /* nor are pages of 500 short enough: smaller ones */
        (void)end_after(
            &scene, 100,
            (struct reflector_end){
                .is_too_long = true, .is_answered = true, .status = 200, .failure = {.code = 500}});
        (void)ask(&scene);
    }
    assert_string_equal(ask(&scene), "limit=1");
    scene_close(&scene);
}

TEST(watch_22_what_is_not_permitted_is_asked_for_slowly)
{
    struct scene scene;

    scene_open(&scene);
    (void)ask(&scene);
    assert_true(end_with(&scene, 403) >= RETRY_SLOW_MS);
    assert_int_equal(scene.reflector.trouble, TROUBLE_FORBIDDEN);
    assert_false(scene.reflector.is_synced);
    scene_close(&scene);
}

/* A 404 for the list, and what the other list answers then; returns the wait after both. */
static uint64_t end_absent(struct scene *scene, struct reflector_end witness)
{
    (void)ask(scene);
    assert_int_equal(end_with(scene, 404), 0);
    assert_int_equal(scene->reflector.ask, ASK_WITNESS);
    assert_string_equal(ask(scene), "limit=1");
    return end_after(scene, 10, witness);
}

TEST(watch_23_what_is_not_installed_is_counted_in_a_row_and_asked_for_slowly)
{
    struct scene scene;

    scene_open(&scene);
    assert_true(end_absent(&scene, fine) >= RETRY_SLOW_MS);
    assert_int_equal(scene.reflector.absent_times, 1);
    assert_int_equal(scene.reflector.trouble, TROUBLE_ABSENT);
    assert_false(scene.reflector.is_synced); /* whoever knows what it has at stake decides */
    (void)ask(&scene);
    (void)end_with(&scene, 503);
    assert_int_equal(scene.reflector.absent_times, 0);
    for (uint32_t i = 1; i <= ABSENT_TIMES_MIN; i++) {
        (void)end_absent(&scene, fine);
        assert_int_equal(scene.reflector.absent_times, i);
    }
    (void)ask(&scene);
    (void)bookmark(&scene, "9", true); /* it has been installed */
    assert_int_equal(scene.reflector.absent_times, 0);
    (void)end_with(&scene, 404); /* of a watch: look */
    assert_int_equal(scene.reflector.ask, ASK_STREAM);
    scene_close(&scene);
}

TEST(watch_23_what_nobody_bears_out_is_a_fault_like_any_other)
{
    static const struct {
        struct reflector_end witness;
        enum reflector_trouble trouble;
    } cases[] = {
        {{.is_answered = true, .status = 404, .failure = {.code = 404}}, TROUBLE_SERVER},
        {{.is_answered = true, .status = 503, .failure = {.code = 503}}, TROUBLE_SERVER},
        {{.is_answered = false}, TROUBLE_AWAY},
        {{.is_answered = true, .status = 403, .failure = {.code = 403}}, TROUBLE_FORBIDDEN},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene scene;

        scene_open(&scene);
        (void)end_absent(&scene, fine);
        assert_true(end_absent(&scene, cases[i].witness) > 0);
        assert_int_equal(scene.reflector.absent_times, 0);
        assert_int_equal(scene.reflector.trouble, cases[i].trouble);
        assert_int_equal(scene.reflector.ask, ASK_STREAM);
        assert_false(scene.reflector.is_synced);
        scene_close(&scene);
    }
}

TEST(watch_23_what_is_known_to_be_absent_needs_no_witness_until_a_list_comes)
{
    struct scene scene;

    scene_open(&scene);
    (void)end_absent(&scene, fine);
    reflector_absent(&scene.reflector);
    assert_true(scene.reflector.is_synced);
    (void)ask(&scene);
    assert_true(end_with(&scene, 404) >= RETRY_SLOW_MS);
    assert_int_equal(scene.reflector.ask, ASK_STREAM);
    (void)ask(&scene);
    (void)bookmark(&scene, "9", true);
    assert_false(scene.reflector.is_absent);
    (void)end_with(&scene, 404);
    (void)end_absent(&scene, fine);
    scene_close(&scene);
}

TEST(watch_23_what_must_be_there_is_waited_for_and_never_taken_for_gone)
{
    struct scene scene;

    scene_open(&scene);
    scene.reflector.may_be_absent = false;
    for (int i = 0; i < 2 * ABSENT_TIMES_MIN; i++) {
        (void)ask(&scene);
        assert_true(end_with(&scene, 404) >= RETRY_SLOW_MS);
        assert_int_equal(scene.reflector.trouble, TROUBLE_ABSENT);
        assert_false(scene.reflector.is_synced || scene.reflector.absent_times > 0);
    }
    scene_close(&scene);
}

TEST(watch_14_a_watch_that_fell_silent_is_asked_for_again_at_once_from_where_it_was)
{
    static const struct reflector_end silent = {.is_silent = true, .status = 200};
    static const struct reflector_end headless = {.is_silent = true};
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    assert_int_equal(end_after(&scene, 90000, silent), 0);
    assert_int_equal(scene.reflector.trouble, TROUBLE_NONE);
    assert_has(ask(&scene), "&resourceVersion=10");
    assert_true(end_after(&scene, 90000, headless) > 0); /* not even a head: it is away */
    assert_int_equal(scene.reflector.trouble, TROUBLE_AWAY);
    assert_has(ask(&scene), "&resourceVersion=10");
    scene_close(&scene);
}

TEST(watch_13_all_is_well_again_with_the_head_of_the_next_watch)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    (void)ask(&scene);
    (void)end_after(&scene, 2000, broken);
    assert_int_equal(scene.reflector.trouble, TROUBLE_AWAY);
    (void)ask(&scene);
    reflector_began(&scene.reflector);
    assert_int_equal(scene.reflector.trouble, TROUBLE_NONE);
    scene_close(&scene);
}

TEST(watch_07_a_server_that_is_away_or_busy_has_not_refused_streaming_lists)
{
    static const struct reflector_end ends[] = {
        {.is_answered = false},
        {.is_answered = true, .status = 429, .failure = {.code = 429}},
        {.is_answered = true, .status = 503, .retry_after_ms = 100, .failure = {.code = 503}},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct scene scene;

        scene_open(&scene);
        for (int times = 0; times < 5; times++) {
            assert_has(ask(&scene), "sendInitialEvents=true");
            assert_true(end_after(&scene, 50, ends[i]) > 0);
        }
        scene_close(&scene);
    }
}

TEST(watch_07_a_stream_that_breaks_twice_is_a_list_the_next_time_only)
{
    static const struct reflector_end cut = {.is_answered = false, .status = 200};
    struct scene scene;

    scene_open(&scene);
    for (int i = 0; i < STREAM_FAULTS_MAX; i++) {
        assert_has(ask(&scene), "sendInitialEvents=true");
        assert_true(end_after(&scene, 50, cut) > 0);
    }
    assert_lacks(ask(&scene), "watch=1");
    assert_true(reflector_page(&scene.reflector, BYTES("10"), BYTES_NONE));
    (void)end_after(&scene, 100, fine);
    (void)ask(&scene);
    (void)end_with(&scene, 410);
    assert_has(ask(&scene), "sendInitialEvents=true");
    scene_close(&scene);
}

TEST(watch_24_what_was_synced_once_stays_so)
{
    struct scene scene;

    scene_open(&scene);
    bring_to_watch(&scene);
    for (int i = 0; i < 20; i++) {
        (void)ask(&scene);
        scene.now_ms += end_after(&scene, 10, broken);
        assert_true(scene.reflector.is_synced);
    }
    scene_close(&scene);
}

TESTS(UNIT(watch_01_a_version_is_sent_back_as_it_came),
      UNIT(watch_02_the_first_list_takes_any_version_and_a_later_one_the_last_seen),
      UNIT(watch_03_gone_as_a_status_or_as_an_event_lists_from_scratch),
      UNIT(watch_04_a_version_from_the_future_lists_from_scratch_after_the_wait_asked_for),
      UNIT(watch_05_a_bookmark_moves_the_version_and_nothing_else),
      UNIT(watch_06_a_streaming_list_ends_at_its_bookmark_and_goes_on_as_a_watch),
      UNIT(watch_07_a_server_without_streaming_lists_is_asked_for_pages_at_once),
      UNIT(watch_08_versions_of_the_first_events_of_a_stream_do_not_count),
      UNIT(watch_09_a_watch_asks_for_five_to_ten_minutes_and_its_end_is_no_fault),
      UNIT(watch_10_a_server_that_is_away_or_busy_keeps_the_version_and_backs_off),
      UNIT(watch_10_the_server_says_how_long_to_wait),
      UNIT(watch_11_internal_errors_are_retried_for_a_while_and_the_unknown_is_listed_anew),
      UNIT(watch_12_a_watch_that_ends_at_once_without_an_event_is_a_fault),
      UNIT(watch_13_a_broken_stream_resumes_without_a_list),
      UNIT(watch_15_pages_follow_each_other_and_an_expired_one_begins_anew),
      UNIT(watch_16_a_failed_list_is_not_an_empty_one),
      UNIT(watch_17_a_list_that_is_too_long_is_read_page_by_page),
      UNIT(watch_22_what_is_not_permitted_is_asked_for_slowly),
      UNIT(watch_23_what_is_not_installed_is_counted_in_a_row_and_asked_for_slowly),
      UNIT(watch_23_what_nobody_bears_out_is_a_fault_like_any_other),
      UNIT(watch_23_what_is_known_to_be_absent_needs_no_witness_until_a_list_comes),
      UNIT(watch_23_what_must_be_there_is_waited_for_and_never_taken_for_gone),
      UNIT(watch_14_a_watch_that_fell_silent_is_asked_for_again_at_once_from_where_it_was),
      UNIT(watch_13_all_is_well_again_with_the_head_of_the_next_watch),
      UNIT(watch_07_a_server_that_is_away_or_busy_has_not_refused_streaming_lists),
      UNIT(watch_07_a_stream_that_breaks_twice_is_a_list_the_next_time_only),
      UNIT(watch_24_what_was_synced_once_stays_so))
