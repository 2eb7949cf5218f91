/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over HTTP/2: many on one connection, which may be taken away. */
#include "tests/unit/controller/kube/caller.h"
#include "tests/unit/controller/kube/h2_script.h"

#define CALLS 10

/* Answers none before all are there. */
static void serve_all_at_once(struct served *served)
{
    struct h2_script script;

    h2_begin(&script, served);
    if (h2_wait(&script, CALLS))
        for (size_t i = 0; i < CALLS; i++)
            h2_answer(&script, i);
    while (h2_turn(&script))
        ;
    h2_end(&script);
}

TEST(watch_26_ten_calls_share_one_connection_of_http_2)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen seen[CALLS] = {0};

    tls_server_start(&server, 0, serve_all_at_once);
    caller_begin(&caller, &server);
    for (size_t i = 0; i < CALLS; i++)
        caller_start(&caller, &seen[i], "/watch");
    for (size_t i = 0; i < CALLS; i++) {
        caller_until(&caller, &seen[i].is_ended);
        assert_int_equal(seen[i].end, API_ANSWERED);
        assert_int_equal(seen[i].status, 200);
        assert_bytes(text_bytes(&seen[i].body), "hello");
    }
    assert_int_equal(server.connections, 1);
    assert_int_equal(caller.api->stats.connections, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < CALLS; i++)
        seen_fini(&seen[i]);
}

/* GOAWAY while a call is under way, which is answered afterwards. */
static void serve_goaway(struct served *served)
{
    struct h2_script script;

    h2_begin(&script, served);
    if (h2_wait(&script, 1)) {
        nghttp2_submit_goaway(script.session, NGHTTP2_FLAG_NONE, script.streams[0],
                              NGHTTP2_NO_ERROR, NULL, 0);
        nghttp2_session_send(script.session);
        h2_answer(&script, 0);
    }
    while (nghttp2_session_want_read(script.session) != 0 && h2_turn(&script))
        ;
    h2_end(&script);
}

TEST(watch_26_a_goaway_ends_no_call_and_the_next_gets_a_connection)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_goaway);
    caller_begin(&caller, &server);
    for (unsigned i = 1; i <= 3; i++) {
        caller_get(&caller, &seen, "/version");
        assert_int_equal(seen.end, API_ANSWERED);
        assert_bytes(text_bytes(&seen.body), "hello");
        seen_fini(&seen);
        assert_int_equal(server.connections, i);
    }
    caller_fini(&caller);
    tls_server_stop(&server);
}

/* The first connection is there, and says nothing. */
static void serve_silence_first(struct served *served)
{
    struct h2_script script;

    h2_begin(&script, served);
    if (served->number > 0 && h2_wait(&script, 1))
        h2_answer(&script, 0);
    while (h2_turn(&script))
        ;
    h2_end(&script);
}

TEST(watch_14_after_a_silence_the_next_call_is_not_put_on_the_same_connection)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen silent = {0}, seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_silence_first);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &silent, "/watch");
    request.silence_ms = 200;
    silent.call = api_start(caller.api, &request);
    caller_until(&caller, &silent.is_ended);
    assert_int_equal(silent.end, API_SILENT);
    caller_get(&caller, &seen, "/watch");
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&silent);
    seen_fini(&seen);
}

static const struct api_probing soon = {.after_ms = 100, .timeout_ms = 200};

#define WATCHES 3

/* Watches begin, and then it hangs: what comes is acknowledged and not answered. A later
 * connection answers all. */
static void serve_and_hang(struct served *served)
{
    struct h2_script script;
    bool is_first = served->number == 0;

    h2_begin(&script, served);
    if (is_first && h2_wait(&script, WATCHES))
        for (size_t i = 0; i < WATCHES; i++)
            h2_open(&script, i);
    if (!is_first && h2_wait(&script, 1))
        h2_answer(&script, 0);
    while (h2_turn(&script))
        ;
    h2_end(&script);
}

static void start_watches(struct caller *caller, struct seen *watches, size_t count)
{
    struct api_request request;

    for (size_t i = 0; i < count; i++) {
        request = caller_request(caller, &watches[i], "/watch");
        request.silence_ms = 3600000;
        watches[i].call = api_start(caller->api, &request);
    }
}

TEST(watch_14_watches_of_a_connection_that_only_acknowledges_end)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen watches[WATCHES] = {0}, seen = {0};

    tls_server_start(&server, 0, serve_and_hang);
    caller_begin(&caller, &server);
    api_fix_probing(caller.api, soon);
    start_watches(&caller, watches, WATCHES);
    for (size_t i = 0; i < WATCHES; i++) {
        caller_until(&caller, &watches[i].is_ended);
        assert_int_equal(watches[i].end, API_SILENT);
        assert_int_equal(watches[i].status, 200);
    }
    assert_int_equal(server.requests, WATCHES + 1);
    assert_int_equal(caller.api->stats.dead_connections, 1);
    caller_get(&caller, &seen, "/watch");
    assert_int_equal(seen.status, 200);
    assert_int_equal(server.connections, 2);
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < WATCHES; i++)
        seen_fini(&watches[i]);
    seen_fini(&seen);
}

#define PROBES 3

/* A watch on which nothing happens for so many probes; then it ends. */
static void serve_quietly(struct served *served)
{
    struct h2_script script;

    h2_begin(&script, served);
    if (h2_wait(&script, 1))
        h2_open(&script, 0);
    for (size_t i = 1; i <= PROBES && h2_wait(&script, i + 1); i++)
        h2_answer(&script, i);
    nghttp2_session_terminate_session(script.session, NGHTTP2_NO_ERROR);
    nghttp2_session_send(script.session);
    h2_end(&script);
}

TEST(watch_14_a_quiet_watch_lives_on_as_long_as_probes_are_answered)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen watch = {0};

    tls_server_start(&server, 0, serve_quietly);
    caller_begin(&caller, &server);
    api_fix_probing(caller.api, (struct api_probing){.after_ms = 50, .timeout_ms = 10000});
    start_watches(&caller, &watch, 1);
    caller_until(&caller, &watch.is_ended);
    assert_int_equal(watch.end, API_FAILED);
    assert_int_equal(server.requests, 1 + PROBES);
    assert_int_equal(server.connections, 1);
    assert_int_equal(caller.api->stats.dead_connections, 0);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&watch);
}

#define LARGE_BYTES (4 * 1024 * 1024)
#define LARGE_CALLS 4

static size_t sent[LARGE_CALLS]; /* of each stream */

static ssize_t large_body(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length,
                          uint32_t *flags, nghttp2_data_source *source, void *context)
{
    size_t *at = source->ptr;
    size_t count = LARGE_BYTES - *at < length ? LARGE_BYTES - *at : length;

    (void)session;
    (void)stream;
    (void)context;
    for (size_t i = 0; i < count; i++)
        buffer[i] = (uint8_t)((*at + i) % 251);
    *at += count;
    if (*at == LARGE_BYTES)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

static void serve_large(struct served *served)
{
    nghttp2_nv status = {(uint8_t[]){":status"}, (uint8_t[]){"200"}, 7, 3, NGHTTP2_NV_FLAG_NONE};
    struct h2_script script;

    h2_begin(&script, served);
    if (h2_wait(&script, LARGE_CALLS))
        for (size_t i = 0; i < LARGE_CALLS; i++) {
            nghttp2_data_provider body = {.source.ptr = &sent[i], .read_callback = large_body};

            nghttp2_submit_response(script.session, script.streams[i], &status, 1, &body);
        }
    nghttp2_session_send(script.session);
    while (h2_turn(&script))
        ;
    h2_end(&script);
}

TEST(watch_17_large_bodies_come_whole_though_each_turn_takes_but_a_part)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen seen[LARGE_CALLS] = {0};

    tls_server_start(&server, 0, serve_large);
    caller_begin(&caller, &server);
    for (size_t i = 0; i < LARGE_CALLS; i++)
        caller_start(&caller, &seen[i], "/list");
    for (size_t i = 0; i < LARGE_CALLS; i++) {
        caller_until(&caller, &seen[i].is_ended);
        assert_int_equal(seen[i].end, API_ANSWERED);
        assert_int_equal(seen[i].body.len, LARGE_BYTES);
        for (size_t at = 0; at < LARGE_BYTES; at++)
            if ((uint8_t)seen[i].body.at[at] != at % 251)
                fail_msg("call %zu differs at %zu", i, at);
    }
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < LARGE_CALLS; i++)
        seen_fini(&seen[i]);
}

/* Refuses what it has not worked on, as a server does that ends in an orderly way. */
static void serve_refusal_first(struct served *served)
{
    struct h2_script script;

    h2_begin(&script, served);
    if (h2_wait(&script, 1)) {
        if (served->number > 0)
            h2_answer(&script, 0);
        else
            nghttp2_submit_rst_stream(script.session, NGHTTP2_FLAG_NONE, script.streams[0],
                                      NGHTTP2_REFUSED_STREAM);
        nghttp2_session_send(script.session);
    }
    while (h2_turn(&script))
        ;
    h2_end(&script);
}

TEST(a_stream_that_is_refused_is_asked_for_again_on_another_connection)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_refusal_first);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_ANSWERED);
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(a_cancelled_stream_leaves_the_others_of_its_connection)
{
    struct tls_server server = {.has_h2 = true};
    struct caller caller;
    struct seen seen[CALLS + 1] = {0};

    tls_server_start(&server, 0, serve_all_at_once);
    caller_begin(&caller, &server);
    for (size_t i = 0; i < CALLS - 1; i++)
        caller_start(&caller, &seen[i], "/watch");
    while (server.requests < CALLS - 1)
        uv_run(&caller.loop, UV_RUN_NOWAIT);
    api_cancel(seen[3].call);
    caller_start(&caller, &seen[CALLS - 1], "/watch");
    for (size_t i = 0; i < CALLS; i++) {
        if (i == 3)
            continue;
        caller_until(&caller, &seen[i].is_ended);
        assert_int_equal(seen[i].status, 200);
    }
    assert_false(seen[3].is_ended);
    assert_int_equal(server.connections, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < CALLS + 1; i++)
        seen_fini(&seen[i]);
}

TESTS(UNIT(watch_26_ten_calls_share_one_connection_of_http_2),
      UNIT(watch_26_a_goaway_ends_no_call_and_the_next_gets_a_connection),
      UNIT(watch_14_watches_of_a_connection_that_only_acknowledges_end),
      UNIT(watch_14_a_quiet_watch_lives_on_as_long_as_probes_are_answered),
      UNIT(watch_14_after_a_silence_the_next_call_is_not_put_on_the_same_connection),
      UNIT(watch_17_large_bodies_come_whole_though_each_turn_takes_but_a_part),
      UNIT(a_stream_that_is_refused_is_asked_for_again_on_another_connection),
      UNIT(a_cancelled_stream_leaves_the_others_of_its_connection))
