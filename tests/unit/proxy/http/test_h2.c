/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h2.c - a client and a server session, back to back in memory.
 */
#include "tests/unit/proxy/http/h2_wire.h"

#define LARGE_BYTES       1048576
#define LARGE_VALUE_BYTES 10000

struct pair {
    struct peer *client;
    struct peer *server;
};

static struct pair pair_with(const struct h2_config *client, const struct h2_config *server)
{
    struct pair pair = {peer_with(client), peer_with(server)};

    pair.server->answers = true;
    pump(pair.client, pair.server);
    peer_forget(pair.client);
    return pair;
}

static struct pair pair_new(void)
{
    struct h2_config client = case_config(H2_CLIENT);
    struct h2_config server = case_config(H2_SERVER);

    return pair_with(&client, &server);
}

static void pair_free(struct pair *pair)
{
    peer_free(pair->client);
    peer_free(pair->server);
}

static char *large_body(void)
{
    char *body = mem_alloc(LARGE_BYTES);

    for (size_t at = 0; at < LARGE_BYTES; at++)
        body[at] = (char)(at * 31 + at / 251);
    return body;
}

/* ---- messages ---- */

TEST(a_get_is_answered)
{
    struct pair pair = pair_new();

    pair.server->answer_body = BYTES("hello");
    get(pair.client, BYTES("/p"));
    pump(pair.client, pair.server);
    assert_log(pair.server, "1 request GET /p a.example none end [x-forwarded-proto: http]\n"
                            "1 closed 0\n");
    assert_log(pair.client, "1 response 200 chunked [date: now]\n1 end 5 []\n1 closed 0\n");
    pair_free(&pair);
}

TEST(sessions_may_be_cut_anywhere)
{
    for (size_t step = 1; step < 40; step++) {
        struct peer *client = peer_new(H2_CLIENT);
        struct peer *server = peer_new(H2_SERVER);
        struct field trailer = {BYTES("x-sum"), BYTES("1"), FIELD_OTHER, false};

        server->answers = true;
        server->answer_body = BYTES("hello");
        server->answer_trailers = &trailer;
        server->answer_trailers_count = 1;
        post(client, BYTES("/p"), BYTES("question"));
        pump_by(client, server, step);
        assert_log(server, "1 request POST /p a.example chunked [x-forwarded-proto: http]\n"
                           "1 end 8 []\n1 closed 0\n");
        assert_log(client, "room 127\n1 response 200 chunked [date: now]\n"
                           "1 end 5 [x-sum: 1]\n1 closed 0\n");
        peer_free(client);
        peer_free(server);
    }
}

TEST(a_request_goes_on_without_what_is_of_one_connection)
{
    struct pair pair = pair_new();
    struct field fields[] = {
        {BYTES("Connection"), BYTES("x-b"), FIELD_CONNECTION, true},
        {BYTES("X-A"), BYTES("1"), FIELD_OTHER, false},
        {BYTES("X-B"), BYTES("2"), FIELD_OTHER, true},
        {BYTES("TE"), BYTES("trailers"), FIELD_TE, true},
        {BYTES("Host"), BYTES("b.example"), FIELD_HOST, false},
        {BYTES("Proxy"), BYTES("x"), FIELD_PROXY, false},
        {BYTES("Accept"), BYTES("*/*"), FIELD_ACCEPT, false},
        {BYTES("X-Forwarded-For"), BYTES("1.1.1.1"), FIELD_X_FORWARDED_FOR, false},
        {BYTES("X-Forwarded-Host"), BYTES("evil"), FIELD_X_FORWARDED_HOST, false},
        {BYTES("X-Forwarded-For"), BYTES("2.2.2.2"), FIELD_X_FORWARDED_FOR, false},
        {BYTES("X-Envoy-Original-Path"), BYTES("/evil"), FIELD_X_ENVOY_ORIGINAL_PATH, false},
    };
    struct request request = {.method = BYTES("POST"),
                              .method_id = METHOD_POST,
                              .path = BYTES("/raw"),
                              .query = BYTES("?q"),
                              .authority = BYTES("a.example"),
                              .fields = fields,
                              .fields_count = sizeof(fields) / sizeof(fields[0]),
                              .takes_trailers = true};
    struct forward_request how = {.path = BYTES("/p"),
                                  .host = BYTES("A.example"),
                                  .client_ip = BYTES("192.0.2.1"),
                                  .scheme = BYTES("https"),
                                  .port = BYTES("443"),
                                  .request_id = BYTES("id1"),
                                  .expects_continue = true,
                                  .framing = BODY_LENGTH,
                                  .content_length = 4,
                                  .client_cert = BYTES("Hash=1"),
                                  .original_path = BYTES("/a/p")};
    struct exchange *exchange = exchange_new(pair.client, 0);

    exchange->to_send = BYTES("body");
    exchange->id = h2_request(pair.client->h2, exchange, &request, &how, false);
    pump(pair.client, pair.server);
    assert_log(
        pair.server,
        "1 request POST /p?q A.example length=4 expects trailers [x-a: 1, accept: */*, "
        "content-length: 4, expect: 100-continue, te: trailers (hop), "
        "x-forwarded-for: 1.1.1.1, 2.2.2.2, 192.0.2.1, x-real-ip: 192.0.2.1, "
        "x-forwarded-proto: https, x-forwarded-host: a.example, x-forwarded-port: 443, "
        "x-request-id: id1, x-forwarded-client-cert: Hash=1, x-envoy-original-path: /a/p?q]\n"
        "1 end 4 []\n1 closed 0\n");
    pair_free(&pair);
}

TEST(a_trusted_clients_forwarding_fields_are_kept)
{
    struct pair pair = pair_new();
    struct field fields[] = {
        {BYTES("X-Forwarded-Proto"), BYTES("https"), FIELD_X_FORWARDED_PROTO, false},
        {BYTES("X-Forwarded-Prefix"), BYTES("/x"), FIELD_X_FORWARDED_OTHER, false},
        {BYTES("X-Real-IP"), BYTES("1.1.1.1"), FIELD_X_REAL_IP, false}};
    struct request request = case_request_of(BYTES("GET"), BYTES("/"));
    struct forward_request how = {.path = BYTES("/"),
                                  .host = BYTES("a.example"),
                                  .client_ip = BYTES("192.0.2.1"),
                                  .scheme = BYTES("http"),
                                  .client_is_trusted = true};

    request.fields = fields;
    request.fields_count = 3;
    (void)h2_request(pair.client->h2, exchange_new(pair.client, 1), &request, &how, true);
    pump(pair.client, pair.server);
    assert_log(pair.server, "1 request GET / a.example none end [x-forwarded-proto: https, "
                            "x-forwarded-prefix: /x, x-real-ip: 1.1.1.1, "
                            "x-forwarded-for: 192.0.2.1]\n1 closed 0\n");
    pair_free(&pair);
}

TEST(a_response_goes_on_without_what_is_of_one_connection)
{
    struct pair pair = pair_new();
    struct field fields[] = {{BYTES("Connection"), BYTES("close"), FIELD_CONNECTION, true},
                             {BYTES("X-A"), BYTES("1"), FIELD_OTHER, false},
                             {BYTES("Content-Length"), BYTES("5"), FIELD_CONTENT_LENGTH, false},
                             {BYTES("Date"), BYTES("then"), FIELD_DATE, false},
                             {BYTES("Server"), BYTES("theirs"), FIELD_SERVER, false},
                             {BYTES("X-Ours"), BYTES("theirs"), FIELD_OTHER, false},
                             {BYTES("Set-Cookie"), BYTES("theirs"), FIELD_SET_COOKIE, false}};
    struct field added[] = {
        {BYTES("server"), BYTES("ours"), FIELD_SERVER, false},
        {BYTES("x-ours"), BYTES("ours"), FIELD_OTHER, false},
        {BYTES("set-cookie"), BYTES("ours"), FIELD_SET_COOKIE, false},
    };

    pair.server->answer =
        (struct response){.status = 200, .content_length = 5, .fields = fields, .fields_count = 7};
    pair.server->how = (struct forward_response){
        .framing = BODY_LENGTH, .date = BYTES("now"), .added = added, .added_count = 3};
    pair.server->answer_body = BYTES("hello");
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 response 200 length=5 [x-a: 1, date: then, set-cookie: theirs, "
                            "server: ours, x-ours: ours, set-cookie: ours, content-length: 5]\n1 "
                            "end 5 []\n1 closed 0\n");
    pair_free(&pair);
}

TEST(an_interim_response_comes_first)
{
    struct pair pair = pair_new();
    struct response interim = {.status = 100, .content_length = UINT64_MAX};

    pair.server->answers = false;
    post(pair.client, BYTES("/"), BYTES("body"));
    pump(pair.client, pair.server);
    h2_respond(pair.server->h2, 1, &interim, &pair.server->how, false);
    pump(pair.client, pair.server);
    exchange_answer(&pair.server->exchanges[0]);
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 response 100 none []\n1 response 200 length=0 end [date: now]\n"
                            "1 closed 0\n");
    pair_free(&pair);
}

TEST(trailers_arrive_on_both_sides)
{
    struct pair pair = pair_new();
    struct field trailer = {BYTES("grpc-status"), BYTES("0"), FIELD_OTHER, false};
    struct exchange *exchange = post(pair.client, BYTES("/"), BYTES("body"));

    exchange->trailers = &trailer;
    exchange->trailers_count = 1;
    pair.server->answer_trailers = &trailer; /* and no body */
    pair.server->answer_trailers_count = 1;
    pump(pair.client, pair.server);
    assert_log(pair.server, "1 request POST / a.example chunked [x-forwarded-proto: http]\n"
                            "1 end 4 [grpc-status: 0]\n1 closed 0\n");
    assert_log(pair.client, "1 response 200 chunked [date: now]\n"
                            "1 end 0 [grpc-status: 0]\n1 closed 0\n");
    pair_free(&pair);
}

TEST(large_bodies_arrive_whole_in_both_directions)
{
    struct pair pair = pair_new();
    char *body = large_body();
    struct exchange *exchange;

    pair.client->keeps = pair.server->keeps = true;
    pair.server->answer_body = bytes_from(body, LARGE_BYTES);
    exchange = post(pair.client, BYTES("/"), bytes_from(body, LARGE_BYTES));
    pump_by(pair.client, pair.server, 1000);
    assert_true(exchange->is_closed);
    assert_true(bytes_equal(text_bytes(&exchange->kept), bytes_from(body, LARGE_BYTES)));
    assert_true(
        bytes_equal(text_bytes(&pair.server->exchanges[0].kept), bytes_from(body, LARGE_BYTES)));
    mem_free(body);
    pair_free(&pair);
}

TEST(a_small_room_is_used_again_and_again)
{
    struct pair pair = pair_new();
    char *body = large_body();
    struct exchange *exchange = get(pair.client, BYTES("/"));
    char room[16384 + 9];
    size_t count;

    pair.server->answer_body = bytes_from(body, LARGE_BYTES);
    do {
        carry(pair.client, pair.server, ROOM_BYTES);
        count = h2_output(pair.server->h2, room, sizeof(room));
        (void)peer_receive(pair.client, bytes_from(room, count));
    } while (count > 0 || h2_wants_output(pair.client->h2));
    assert_true(exchange->is_closed);
    assert_int_equal(exchange->received_count, LARGE_BYTES);
    mem_free(body);
    pair_free(&pair);
}

/* ---- windows ---- */

TEST(who_does_not_consume_stops_the_sender_at_the_window)
{
    struct pair pair = pair_new();
    char *body = large_body();
    struct exchange *slow, *fast;

    pair.server->answer_body = bytes_from(body, LARGE_BYTES);
    pair.client->consumes = false;
    slow = get(pair.client, BYTES("/slow"));
    pump(pair.client, pair.server);
    assert_int_equal(slow->received_count, H2_STREAM_WINDOW_BYTES);

    pair.client->consumes = true; /* another stream is not in its way */
    fast = get(pair.client, BYTES("/fast"));
    pump(pair.client, pair.server);
    assert_int_equal(fast->received_count, LARGE_BYTES);
    assert_int_equal(slow->received_count, H2_STREAM_WINDOW_BYTES);

    h2_consume(pair.client->h2, slow->id, H2_STREAM_WINDOW_BYTES);
    pump(pair.client, pair.server);
    assert_int_equal(slow->received_count, LARGE_BYTES);
    mem_free(body);
    pair_free(&pair);
}

TEST(the_window_of_streams_is_what_the_receiver_said)
{
    struct h2_config client_config = case_config(H2_CLIENT);
    struct h2_config server_config = case_config(H2_SERVER);
    char *body = large_body();
    struct exchange *exchange;
    struct pair pair;

    client_config.window_bytes = 16384;
    pair = pair_with(&client_config, &server_config);
    pair.server->answer_body = bytes_from(body, LARGE_BYTES);
    pair.client->consumes = false;
    exchange = get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    assert_int_equal(exchange->received_count, 16384);
    mem_free(body);
    pair_free(&pair);
}

TEST(a_body_that_is_not_there_yet_sleeps_until_it_is_resumed)
{
    struct pair pair = pair_new();
    struct exchange *exchange = post(pair.client, BYTES("/"), BYTES("first"));

    exchange->sends_more = true;
    pump(pair.client, pair.server);
    assert_int_equal(pair.server->exchanges[0].received_count, 5);
    assert_false(h2_wants_output(pair.client->h2));

    exchange->to_send = BYTES("second");
    exchange->sends_more = false;
    h2_resume(pair.client->h2, exchange->id);
    assert_true(h2_wants_output(pair.client->h2));
    pump(pair.client, pair.server);
    assert_int_equal(pair.server->exchanges[0].received_count, 11);
    assert_true(exchange->is_closed);
    pair_free(&pair);
}

/* ---- streams and their ends ---- */

TEST(streams_over_the_peers_limit_find_no_room)
{
    struct h2_config client_config = case_config(H2_CLIENT);
    struct h2_config server_config = case_config(H2_SERVER);
    struct pair pair;

    server_config.streams_max = 2;
    pair = pair_with(&client_config, &server_config);
    pair.server->answers = false;
    assert_int_equal(h2_room(pair.client->h2), 2);
    assert_int_equal(get(pair.client, BYTES("/"))->id, 1);
    assert_int_equal(get(pair.client, BYTES("/"))->id, 3);
    assert_int_equal(h2_room(pair.client->h2), 0);
    assert_int_equal(get(pair.client, BYTES("/"))->id, 0);
    pump(pair.client, pair.server);
    exchange_answer(&pair.server->exchanges[0]);
    pump(pair.client, pair.server);
    assert_int_equal(h2_room(pair.client->h2), 1);
    pair_free(&pair);
}

TEST(a_stream_that_is_refused_says_so)
{
    struct pair pair = pair_new();

    pair.server->refuses = true;
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    assert_log(pair.server, "");
    assert_log(pair.client, "1 closed 7\n");
    assert_int_equal(h2_streams_count(pair.server->h2), 0);
    pair_free(&pair);
}

TEST(a_reset_closes_both_ends)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    peer_forget(pair.server);
    h2_reset(pair.client->h2, 1, H2_CANCEL);
    assert_log(pair.client, "");
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 closed 8\n");
    assert_log(pair.server, "1 closed 8\n");
    pair_free(&pair);
}

TEST(a_request_that_is_taken_back_before_it_was_sent_is_closed_too)
{
    struct pair pair = pair_new();

    get(pair.client, BYTES("/"));
    h2_reset(pair.client->h2, 1, H2_CANCEL);
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 closed 8\n");
    assert_log(pair.server, "");
    assert_int_equal(h2_streams_count(pair.client->h2), 0);
    pair_free(&pair);
}

TEST(an_event_may_reset_its_own_stream)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    pair.server->reset_in_data = true;
    post(pair.client, BYTES("/"), BYTES("body"));
    pump(pair.client, pair.server);
    assert_log(pair.server, "1 request POST / a.example chunked [x-forwarded-proto: http]\n"
                            "1 closed 8\n");
    assert_log(pair.client, "1 closed 8\n");
    pair_free(&pair);
}

TEST(an_answer_to_a_stream_that_is_gone_is_forgotten)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    h2_reset(pair.client->h2, 1, H2_CANCEL);
    carry(pair.client, pair.server, ROOM_BYTES);
    exchange_answer(&pair.server->exchanges[0]);
    h2_resume(pair.server->h2, 1);
    h2_consume(pair.server->h2, 1, 5);
    h2_reset(pair.server->h2, 1, H2_CANCEL);
    assert_false(h2_wants_output(pair.server->h2));
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 closed 8\n");
    pair_free(&pair);
}

TEST(a_stream_may_close_while_its_answer_is_queued)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    pair.server->answer_body = BYTES("hello");
    exchange_answer(&pair.server->exchanges[0]);
    h2_reset(pair.client->h2, 1, H2_CANCEL);
    carry(pair.client, pair.server, ROOM_BYTES);
    pump(pair.server, pair.client);
    assert_log(pair.client, "1 closed 8\n");
    assert_int_equal(h2_streams_count(pair.server->h2), 0);
    pair_free(&pair);
}

TEST(sessions_that_end_early_leave_nothing_behind)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    post(pair.client, BYTES("/"), BYTES("body"))->sends_more = true;
    pump(pair.client, pair.server);
    get(pair.client, BYTES("/queued"));
    assert_int_equal(h2_streams_count(pair.client->h2), 2);
    pair_free(&pair);
}

TEST(sessions_share_a_pool)
{
    struct h2_pool *pool = h2_pool_create();
    struct h2_config client_config = case_config(H2_CLIENT);
    struct h2_config server_config = case_config(H2_SERVER);
    struct pair pair;

    client_config.pool = server_config.pool = pool;
    pair = pair_with(&client_config, &server_config);
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    assert_true(pair.client->exchanges[0].is_closed);
    pair_free(&pair);
    h2_pool_destroy(pool);
}

/* Each cuts a frame, and the other packs its own before it goes on. */
TEST(sessions_of_one_pool_may_be_cut_in_turns)
{
    struct h2_pool *pool = h2_pool_create();
    struct h2_config config = case_config(H2_SERVER);
    struct h2_config client_config = case_config(H2_CLIENT);
    struct field large = {.name = BYTES("x-large")};
    struct pair pairs[2];
    char *value = mem_alloc(LARGE_VALUE_BYTES);
    char room[16384 + 9];
    size_t count = 1;

    config.pool = pool;
    client_config.limits.head_bytes_max = 2 * LARGE_VALUE_BYTES;
    for (size_t at = 0; at < 2; at++) {
        pairs[at] = pair_with(&client_config, &config);
        memset(value, at == 0 ? '{' : '}', LARGE_VALUE_BYTES); /* long in Huffman code */
        large.value = bytes_from(value, LARGE_VALUE_BYTES);
        pairs[at].server->answer.fields = &large;
        pairs[at].server->answer.fields_count = 1;
        get(pairs[at].client, BYTES("/1"));
        get(pairs[at].client, BYTES("/2"));
        carry(pairs[at].client, pairs[at].server, ROOM_BYTES);
    }
    for (size_t turn = 0; count > 0 || turn % 2 != 0; turn++) {
        struct pair *pair = &pairs[turn % 2];

        count = h2_output(pair->server->h2, room, sizeof(room));
        assert_int_equal(peer_receive(pair->client, bytes_from(room, count)), STATUS_OK);
    }
    for (size_t at = 0; at < 2; at++) {
        assert_true(pairs[at].client->exchanges[1].is_closed);
        assert_int_equal(bytes_find(text_bytes(&pairs[at].client->log), at == 0 ? '}' : '{'),
                         BYTES_NOT_FOUND);
        pair_free(&pairs[at]);
    }
    mem_free(value);
    h2_pool_destroy(pool);
}

TEST(a_session_that_rested_goes_on_as_before)
{
    struct pair pair = pair_new();

    for (int round = 0; round < 3; round++) {
        get(pair.client, BYTES("/p"));
        pump(pair.client, pair.server);
        h2_rest(pair.server->h2);
        assert_false(h2_wants_output(pair.server->h2));
        assert_false(h2_is_over(pair.server->h2));
    }
    assert_true(pair.client->exchanges[2].is_closed);
    assert_int_equal(pair.server->status, STATUS_OK);
    h2_shutdown(pair.server->h2, false);
    pump(pair.client, pair.server);
    assert_true(h2_is_going_away(pair.client->h2));
    assert_true(h2_is_over(pair.server->h2));
    pair_free(&pair);
}

TEST(a_session_with_streams_does_not_rest)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    get(pair.client, BYTES("/p"));
    pump(pair.client, pair.server);
    h2_rest(pair.server->h2);
    exchange_answer(&pair.server->exchanges[0]);
    pump(pair.client, pair.server);
    assert_true(pair.client->exchanges[0].is_closed);
    pair_free(&pair);
}

/* ---- shutting down ---- */

TEST(shutdown_lets_open_streams_finish)
{
    struct pair pair = pair_new();

    pair.server->answers = false;
    get(pair.client, BYTES("/"));
    pump(pair.client, pair.server);
    peer_forget(pair.client);
    h2_shutdown(pair.server->h2, true);
    pump(pair.client, pair.server);
    assert_log(pair.client, "room 0\n");
    h2_shutdown(pair.server->h2, false);
    pump(pair.client, pair.server);
    assert_int_equal(get(pair.client, BYTES("/late"))->id, 0);
    assert_false(h2_is_over(pair.server->h2));

    peer_forget(pair.client);
    exchange_answer(&pair.server->exchanges[0]);
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 response 200 length=0 end [date: now]\n1 closed 0\n");
    assert_true(h2_is_over(pair.server->h2));
    assert_true(h2_is_over(pair.client->h2));
    assert_true(h2_is_going_away(pair.client->h2));
    assert_int_equal(h2_end_of(pair.server->h2), H2_END_NONE);
    pair_free(&pair);
}

TEST(a_request_that_a_goaway_overtakes_is_refused)
{
    struct pair pair = pair_new();

    get(pair.client, BYTES("/first"));
    pump(pair.client, pair.server);
    peer_forget(pair.client);
    h2_shutdown(pair.server->h2, false);
    get(pair.client, BYTES("/second"));
    (void)h2_output(pair.client->h2, pair.client->room, ROOM_BYTES); /* lost on the way */
    carry(pair.server, pair.client, ROOM_BYTES);
    assert_log(pair.client, "room 0\n3 closed 7\n");
    pair_free(&pair);
}

/* ---- WebSockets: RFC 8441 ---- */

static struct exchange *ask_for_websocket(struct pair *pair)
{
    struct field fields[] = {
        {BYTES("Upgrade"), BYTES("websocket"), FIELD_UPGRADE, true},
        {BYTES("Sec-WebSocket-Key"), BYTES("x"), FIELD_SEC_WEBSOCKET_KEY, false},
        {BYTES("Sec-WebSocket-Version"), BYTES("13"), FIELD_SEC_WEBSOCKET_VERSION, false}};
    struct request request = case_request_of(BYTES("GET"), BYTES("/chat"));

    request.fields = fields;
    request.fields_count = 3;
    request.wants_upgrade = request.wants_websocket = true;
    return ask(pair->client, &request, BYTES("up"));
}

TEST(a_websocket_is_an_extended_connect)
{
    struct pair pair = pair_new();
    struct field accept = {BYTES("Sec-WebSocket-Accept"), BYTES("x"), FIELD_SEC_WEBSOCKET_ACCEPT,
                           false};
    struct exchange *exchange;

    assert_true(h2_peer_takes_websockets(pair.client->h2));
    pair.server->answer = (struct response){
        .status = 101, .content_length = UINT64_MAX, .fields = &accept, .fields_count = 1};
    pair.server->how = (struct forward_response){.upgrade = true, .framing = BODY_CHUNKED};
    pair.server->answer_body = BYTES("down");
    exchange = ask_for_websocket(&pair);
    pump(pair.client, pair.server);
    assert_log(pair.server, "1 request GET /chat a.example chunked websocket "
                            "[sec-websocket-version: 13, x-forwarded-proto: http, "
                            "upgrade: websocket (hop)]\n");
    assert_log(pair.client, "1 response 200 chunked websocket []\n1 end 4 []\n");
    assert_int_equal(pair.server->exchanges[0].received_count, 2);

    exchange->sends_more = false;
    h2_resume(pair.client->h2, exchange->id);
    pump(pair.client, pair.server);
    assert_true(exchange->is_closed);
    pair_free(&pair);
}

TEST(a_websocket_may_be_declined)
{
    struct pair pair = pair_new();

    pair.server->answer.status = 403;
    ask_for_websocket(&pair);
    pump(pair.client, pair.server);
    assert_log(pair.client, "1 response 403 length=0 end [date: now]\n");
    pair_free(&pair);
}

TEST(a_server_without_websockets_says_so)
{
    struct h2_config client_config = case_config(H2_CLIENT);
    struct h2_config server_config = case_config(H2_SERVER);
    struct pair pair;

    server_config.websockets = false;
    pair = pair_with(&client_config, &server_config);
    assert_false(h2_peer_takes_websockets(pair.client->h2));
    pair_free(&pair);
}

TESTS(UNIT(a_get_is_answered), UNIT(sessions_may_be_cut_anywhere),
      UNIT(a_request_goes_on_without_what_is_of_one_connection),
      UNIT(a_trusted_clients_forwarding_fields_are_kept),
      UNIT(a_response_goes_on_without_what_is_of_one_connection),
      UNIT(an_interim_response_comes_first), UNIT(trailers_arrive_on_both_sides),
      UNIT(large_bodies_arrive_whole_in_both_directions),
      UNIT(a_small_room_is_used_again_and_again),
      UNIT(who_does_not_consume_stops_the_sender_at_the_window),
      UNIT(the_window_of_streams_is_what_the_receiver_said),
      UNIT(a_body_that_is_not_there_yet_sleeps_until_it_is_resumed),
      UNIT(streams_over_the_peers_limit_find_no_room), UNIT(a_stream_that_is_refused_says_so),
      UNIT(a_reset_closes_both_ends),
      UNIT(a_request_that_is_taken_back_before_it_was_sent_is_closed_too),
      UNIT(an_event_may_reset_its_own_stream),
      UNIT(an_answer_to_a_stream_that_is_gone_is_forgotten),
      UNIT(a_stream_may_close_while_its_answer_is_queued),
      UNIT(sessions_that_end_early_leave_nothing_behind), UNIT(sessions_share_a_pool),
      UNIT(sessions_of_one_pool_may_be_cut_in_turns), UNIT(a_session_that_rested_goes_on_as_before),
      UNIT(a_session_with_streams_does_not_rest), UNIT(shutdown_lets_open_streams_finish),
      UNIT(a_request_that_a_goaway_overtakes_is_refused), UNIT(a_websocket_is_an_extended_connect),
      UNIT(a_websocket_may_be_declined), UNIT(a_server_without_websockets_says_so))
