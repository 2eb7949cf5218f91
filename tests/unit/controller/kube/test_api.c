/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over HTTP/1.1 to a scripted server that speaks real TLS. */
#include "tests/unit/controller/kube/caller.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void serve_hello(struct served *served)
{
    while (served_read_head(served) && served_write(served, OK))
        ;
}

TEST(a_call_gets_status_and_body_and_sends_the_token_of_the_file)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_hello);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/api/v1/services?limit=500");
    assert_int_equal(seen.end, API_ANSWERED);
    assert_int_equal(seen.status, 200);
    assert_bytes(text_bytes(&seen.body), "hello");
    assert_non_null(strstr(server.served[0].head, "GET /api/v1/services?limit=500 HTTP/1.1\r\n"));
    assert_non_null(strstr(server.served[0].head, "Authorization: Bearer first\r\n"));
    assert_non_null(strstr(server.served[0].head, "Accept-Encoding: gzip\r\n"));
    assert_bytes(api_namespace(caller.api), "edge");
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

/* Of all connections to this port; -1 when there is none. */
static int flags_of_connection(uint16_t port)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof(peer);

        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port)
            return fcntl(fd, F_GETFD);
    }
    return -1;
}

TEST(no_credential_plugin_inherits_a_connection)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_hello);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(flags_of_connection(server.address.port), FD_CLOEXEC);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(the_host_header_is_the_server_and_not_the_name_of_its_certificate)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    char expected[64];

    tls_server_start(&server, 0, serve_hello);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    snprintf(expected, sizeof(expected), "\r\nHost: 127.0.0.1:%u\r\n", server.address.port);
    assert_non_null(strstr(server.served[0].head, expected));
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void expect_refused(const char *cluster, const char *why)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_hello);
    caller_init(&caller);
    caller_write_kubeconfig(&caller, server.address.port, cluster, CALLER_USER);
    caller_open(&caller);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_FAILED);
    assert_int_equal(seen.status, 0);
    if (strstr(seen.error, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", seen.error, why);
    assert_int_equal(server.requests, 0);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(a_server_with_a_certificate_of_another_ca_gets_no_request)
{
    expect_refused("other.crt\n    tls-server-name: a.example.com", "certificate");
}

TEST(a_server_with_another_name_gets_no_request)
{
    expect_refused("app.crt\n    tls-server-name: b.example.com", "b.example.com");
    expect_refused("app.crt", "127.0.0.1");
}

static void serve_by_token(struct served *served)
{
    while (served_read_head(served)) {
        bool is_known = strstr(served->head, "Bearer second\r\n") != NULL;

        served_write(served,
                     is_known ? OK : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwho?");
    }
}

TEST(watch_20_on_401_the_token_is_read_again_and_the_call_made_once_more_unseen)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_by_token);
    caller_begin(&caller, &server);
    tree_write(&caller.tree, "token", "second\n");
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_ANSWERED);
    assert_int_equal(seen.status, 200);
    assert_bytes(text_bytes(&seen.body), "hello");
    assert_int_equal(server.requests, 2);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(watch_20_many_calls_that_get_401_at_once_read_the_token_once)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen[8] = {0};
    struct auth_stats stats;

    tls_server_start(&server, 0, serve_by_token);
    caller_begin(&caller, &server);
    tree_write(&caller.tree, "token", "second\n");
    for (size_t i = 0; i < 8; i++)
        caller_start(&caller, &seen[i], "/version");
    for (size_t i = 0; i < 8; i++) {
        caller_until(&caller, &seen[i].is_ended);
        assert_int_equal(seen[i].status, 200);
    }
    auth_stats(caller.api->auth, &stats);
    assert_int_equal(stats.changes, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    for (size_t i = 0; i < 8; i++)
        seen_fini(&seen[i]);
}

TEST(watch_20_a_401_that_stays_one_is_answered_with_its_body)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_by_token);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_ANSWERED);
    assert_int_equal(seen.status, 401);
    assert_bytes(text_bytes(&seen.body), "who?");
    assert_int_equal(server.requests, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void serve_endless_401(struct served *served)
{
    char piece[4096];

    memset(piece, 'x', sizeof(piece));
    if (!served_read_head(served) ||
        !served_write(served, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 999999999\r\n\r\n"))
        return;
    while (served_write_bytes(served, bytes_from(piece, sizeof(piece))))
        ;
}

TEST(a_401_without_end_is_cut)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_endless_401);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_ANSWERED);
    assert_int_equal(seen.status, 401);
    assert_true(seen.body.len <= API_HELD_BYTES_MAX);
    assert_int_equal(caller.api->stats.held_too_large, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(watch_21_a_new_ca_is_read_when_tls_fails)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct text pem = {0}, error = {0};
    char text[1000];

    tls_server_start(&server, 0, serve_hello);
    caller_init(&caller);
    assert_int_equal(secret_file_read("tests/certificates/other.crt", 65536, &pem, &error), 0);
    text_add_byte(&pem, '\0');
    tree_write(&caller.tree, "ca.crt", pem.at);
    snprintf(text, sizeof(text),
             "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n"
             "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:%u', "
             "certificate-authority: ca.crt, tls-server-name: a.example.com}}]\n"
             "users: [{name: u, user: {token: t}}]\n",
             server.address.port);
    tree_write(&caller.tree, "kubeconfig", text);
    caller_open(&caller);
    text_clear(&pem);
    assert_int_equal(secret_file_read("tests/certificates/app.crt", 65536, &pem, &error), 0);
    text_add_byte(&pem, '\0');
    tree_write(&caller.tree, "ca.crt", pem.at);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
    text_fini(&pem);
    text_fini(&error);
}

static void serve_half(struct served *served)
{
    if (served_read_head(served))
        served_write(served,
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwo");
}

TEST(watch_13_a_connection_cut_inside_a_body_is_a_failure)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_half);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_FAILED);
    assert_int_equal(seen.status, 200);
    assert_true(seen.error[0] != '\0');
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void serve_one_piece(struct served *served)
{
    if (served_read_head(served))
        served_write(served, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    served_wait_for_end(served);
}

TEST(watch_14_a_server_that_goes_silent_ends_the_call)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_one_piece);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &seen, "/version");
    request.silence_ms = 50;
    request.timeout_ms = 15000;
    seen.call = api_start(caller.api, &request);
    caller_until(&caller, &seen.is_ended);
    assert_int_equal(seen.end, API_SILENT);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(a_server_that_is_too_slow_ends_the_call)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, served_wait_for_end);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &seen, "/version");
    request.timeout_ms = 50;
    seen.call = api_start(caller.api, &request);
    caller_until(&caller, &seen.is_ended);
    assert_int_equal(seen.end, API_LATE);
    assert_int_equal(seen.status, 0);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(a_call_may_be_cancelled_from_its_own_callback_and_from_that_of_another)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen own = {0}, first = {0}, second = {0}, last = {0};

    tls_server_start(&server, 0, serve_one_piece);
    caller_begin(&caller, &server);
    own.cancels = &own;
    first.cancels = &second;
    caller_start(&caller, &own, "/own");
    caller_start(&caller, &second, "/second");
    caller_start(&caller, &first, "/first");
    while (caller.api->stats.cancelled < 2)
        uv_run(&caller.loop, UV_RUN_ONCE);
    api_cancel(first.call);
    assert_false(own.is_ended || first.is_ended || second.is_ended);
    assert_int_equal(caller.api->stats.cancelled, 3);
    server.serve = serve_hello;
    caller_get(&caller, &last, "/last");
    assert_int_equal(last.status, 200);
    assert_int_equal(caller.api->calls_count, 0);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&own);
    seen_fini(&first);
    seen_fini(&second);
    seen_fini(&last);
}

TEST(all_may_be_closed_from_a_callback)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen one = {0}, other = {0};

    tls_server_start(&server, 0, serve_one_piece);
    caller_begin(&caller, &server);
    one.closes = true;
    caller_start(&caller, &other, "/other");
    caller_start(&caller, &one, "/one");
    caller_until(&caller, &caller.is_closed);
    assert_false(one.is_ended || other.is_ended);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&one);
    seen_fini(&other);
}

/* gzip of "hello" */
#define PACKED                                                                                     \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00" \
    "\x00\x00"

static void serve_packed(struct served *served)
{
    if (!served_read_head(served))
        return;
    served_write(served, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n");
    served_write_bytes(served, BYTES(PACKED));
    served_wait_for_end(served);
}

TEST(watch_17_a_packed_answer_is_unpacked)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_packed);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_bytes(text_bytes(&seen.body), "hello");
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(bodies_get_a_share_of_a_turn_and_go_on_in_the_next)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_hello);
    caller_begin(&caller, &server);
    caller_start(&caller, &seen, "/version");
    assert_true(api_may_read(seen.call, API_TURN_BYTES_MAX));
    assert_false(api_may_read(seen.call, 1));
    assert_int_equal(caller.api->stats.pauses, 1);
    caller_until(&caller, &seen.is_ended);
    assert_bytes(text_bytes(&seen.body), "hello");
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

/* Notes the head, and holds back what follows. */
static void on_head_hold(void *context, int status)
{
    struct seen *seen = context;

    assert_int_equal(seen->pieces, 0);
    seen->status = status;
    api_hold(seen->call);
    uv_stop(&seen->caller->loop);
}

TEST(bytes_that_are_held_back_come_when_they_are_released)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_packed);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &seen, "/version");
    request.on_head = on_head_hold;
    request.silence_ms = 15000;
    seen.call = api_start(caller.api, &request);
    while (!seen.call->is_paused)
        uv_run(&caller.loop, UV_RUN_ONCE);
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.body.len, 0);
    api_release(seen.call);
    caller_until(&caller, &seen.is_ended);
    assert_int_equal(seen.end, API_ANSWERED);
    assert_bytes(text_bytes(&seen.body), "hello");
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void serve_head_alone(struct served *served)
{
    if (served_read_head(served))
        served_write(served, "HTTP/1.1 100 Continue\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    served_wait_for_end(served);
}

static void on_head_stop(void *context, int status)
{
    struct seen *seen = context;

    seen->status = status;
    seen->is_ended = true;
    api_cancel(seen->call);
    uv_stop(&seen->caller->loop);
}

TEST(a_head_is_told_when_it_has_come_and_the_call_may_be_cancelled_then)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_head_alone);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &seen, "/version");
    request.on_head = on_head_stop;
    seen.call = api_start(caller.api, &request);
    caller_until(&caller, &seen.is_ended);
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void serve_redirect(struct served *served)
{
    while (
        served_read_head(served) &&
        served_write(served, "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"))
        ;
}

TEST(a_redirect_is_an_answer_and_is_not_followed)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_redirect);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 302);
    assert_int_equal(server.requests, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

static void serve_retry_after(struct served *served)
{
    while (served_read_head(served)) {
        bool is_date = strstr(served->head, "/date") != NULL;
        char date[64], answer[200];
        time_t at = time(NULL) + 7200;
        struct tm tm;

        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 429 Too Many\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                 is_date ? date : "7");
        served_write(served, answer);
    }
}

TEST(watch_10_retry_after_is_told_in_milliseconds_and_bounded)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_retry_after);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/seconds");
    assert_int_equal(seen.status, 429);
    assert_int_equal(seen.retry_after_ms, 7000);
    seen_fini(&seen);
    caller_get(&caller, &seen, "/date");
    assert_int_equal(seen.retry_after_ms, API_RETRY_AFTER_MS_MAX);
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TEST(watch_10_a_server_that_was_gone_is_called_again_when_it_is_back)
{
    struct tls_server server = {0}, back = {0};
    struct caller caller;
    struct seen seen = {0};

    tls_server_start(&server, 0, serve_hello);
    caller_begin(&caller, &server);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    tls_server_stop(&server);
    seen_fini(&seen);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.end, API_FAILED);
    seen_fini(&seen);
    tls_server_start(&back, server.address.port, serve_hello);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&back);
    seen_fini(&seen);
}

TEST(watch_26_a_second_address_is_used_when_the_first_refuses)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct address addresses[2];
    int fd;

    tls_server_start(&server, 0, serve_hello);
    fd = tls_server_listen("127.0.0.1", 0, &addresses[0]); /* bound, but not listening */
    addresses[1] = server.address;
    caller_begin(&caller, &server);
    api_fix_addresses(caller.api, addresses, 2);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    assert_int_equal(caller.api->stats.again, 1);
    seen_fini(&seen);
    caller_get(&caller, &seen, "/version"); /* and goes on being used */
    assert_int_equal(seen.status, 200);
    assert_int_equal(caller.api->stats.again, 1);
    assert_int_equal(server.connections, 1);
    caller_fini(&caller);
    tls_server_stop(&server);
    close(fd);
    seen_fini(&seen);
}

static void serve_nothing(struct served *served)
{
    (void)served;
}

TEST(watch_26_a_second_address_is_used_when_the_first_speaks_no_tls)
{
    struct tls_server broken = {.is_plain = true}, server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct address addresses[2];

    tls_server_start(&broken, 0, serve_nothing);
    tls_server_start(&server, 0, serve_hello);
    addresses[0] = broken.address;
    addresses[1] = server.address;
    caller_begin(&caller, &server);
    api_fix_addresses(caller.api, addresses, 2);
    caller_get(&caller, &seen, "/version");
    assert_int_equal(seen.status, 200);
    caller_fini(&caller);
    tls_server_stop(&server);
    tls_server_stop(&broken);
    seen_fini(&seen);
}

static void serve_body(struct served *served)
{
    if (!served_read_head(served))
        return;
    while (strstr(served->head, "\r\n\r\n{\"a\":1}") == NULL) {
        size_t len = strlen(served->head);
        int count = SSL_read(served->ssl, served->head + len, 100);

        if (count <= 0)
            return;
        served->head[len + (size_t)count] = '\0';
    }
    served_write(served, OK);
    served_wait_for_end(served);
}

TEST(a_call_sends_its_method_its_body_and_what_it_is)
{
    struct tls_server server = {0};
    struct caller caller;
    struct seen seen = {0};
    struct api_request request;

    tls_server_start(&server, 0, serve_body);
    caller_begin(&caller, &server);
    request = caller_request(&caller, &seen, "/apis/x/status");
    request.method = "PATCH";
    request.body = BYTES("{\"a\":1}");
    request.content_type = "application/merge-patch+json";
    seen.call = api_start(caller.api, &request);
    caller_until(&caller, &seen.is_ended);
    assert_int_equal(seen.status, 200);
    assert_non_null(strstr(server.served[0].head, "PATCH /apis/x/status HTTP/1.1\r\n"));
    assert_non_null(
        strstr(server.served[0].head, "Content-Type: application/merge-patch+json\r\n"));
    assert_non_null(strstr(server.served[0].head, "Content-Length: 7\r\n"));
    caller_fini(&caller);
    tls_server_stop(&server);
    seen_fini(&seen);
}

TESTS(UNIT(a_call_gets_status_and_body_and_sends_the_token_of_the_file),
      UNIT(no_credential_plugin_inherits_a_connection),
      UNIT(the_host_header_is_the_server_and_not_the_name_of_its_certificate),
      UNIT(a_server_with_a_certificate_of_another_ca_gets_no_request),
      UNIT(a_server_with_another_name_gets_no_request),
      UNIT(watch_20_on_401_the_token_is_read_again_and_the_call_made_once_more_unseen),
      UNIT(watch_20_many_calls_that_get_401_at_once_read_the_token_once),
      UNIT(watch_20_a_401_that_stays_one_is_answered_with_its_body), UNIT(a_401_without_end_is_cut),
      UNIT(watch_21_a_new_ca_is_read_when_tls_fails),
      UNIT(watch_13_a_connection_cut_inside_a_body_is_a_failure),
      UNIT(watch_14_a_server_that_goes_silent_ends_the_call),
      UNIT(a_server_that_is_too_slow_ends_the_call),
      UNIT(a_call_may_be_cancelled_from_its_own_callback_and_from_that_of_another),
      UNIT(all_may_be_closed_from_a_callback), UNIT(watch_17_a_packed_answer_is_unpacked),
      UNIT(bodies_get_a_share_of_a_turn_and_go_on_in_the_next),
      UNIT(bytes_that_are_held_back_come_when_they_are_released),
      UNIT(a_head_is_told_when_it_has_come_and_the_call_may_be_cancelled_then),
      UNIT(a_redirect_is_an_answer_and_is_not_followed),
      UNIT(watch_10_retry_after_is_told_in_milliseconds_and_bounded),
      UNIT(watch_10_a_server_that_was_gone_is_called_again_when_it_is_back),
      UNIT(watch_26_a_second_address_is_used_when_the_first_refuses),
      UNIT(watch_26_a_second_address_is_used_when_the_first_speaks_no_tls),
      UNIT(a_call_sends_its_method_its_body_and_what_it_is))
