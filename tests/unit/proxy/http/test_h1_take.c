/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_h1_take.c - the quick way must accept what scan and parse accept, and mean the same by it.
 */
#include "tests/unit/proxy/http/h1_case.h"

static const struct h1_limits small_limits = {200, 40, 6, false};

static uint64_t seed = 1;

/* A few bytes changed, taken out or put in; most of them such as mean something in a head. */
static void mutate(struct text *raw, struct bytes from)
{
    static const char bytes[] = "\r\n: \t-_,;?#/aA09~\x01\x0d\x10\x1a\x7f\x80\xff";

    text_clear(raw);
    text_add(raw, from);
    for (size_t left = random_below(&seed, 4); left > 0 && raw->len > 1; left--) {
        size_t at = random_below(&seed, (uint32_t)raw->len);

        switch (random_below(&seed, 3)) {
        case 0:
            raw->at[at] = bytes[random_below(&seed, sizeof(bytes))];
            break;
        case 1:
            memmove(raw->at + at, raw->at + at + 1, raw->len - at - 1);
            raw->len--;
            break;
        default:
            text_add_byte(raw, '\n');
            memmove(raw->at + at + 1, raw->at + at, raw->len - at - 1);
            raw->at[at] = bytes[random_below(&seed, sizeof(bytes))];
        }
    }
    if (random_below(&seed, 8) == 0)
        raw->len = random_below(&seed, (uint32_t)raw->len);
}

static void assert_same_bytes(struct bytes a, struct bytes b)
{
    assert_true(bytes_equal(a, b));
}

static void assert_same_fields(const struct field *a, uint32_t count_a, const struct field *b,
                               uint32_t count_b)
{
    assert_int_equal(count_a, count_b);
    for (uint32_t i = 0; i < count_a; i++) {
        assert_same_bytes(a[i].name, b[i].name);
        assert_same_bytes(a[i].value, b[i].value);
        assert_int_equal(a[i].id, b[i].id);
        assert_int_equal(a[i].hop_by_hop, b[i].hop_by_hop);
    }
}

static void check_request(struct bytes raw, const struct h1_limits *limits)
{
    struct h1_case it;
    enum h1_fault fault = case_request(&it, raw, raw.len, limits);
    bool is_fine = fault == H1_FINE && raw.at[0] != '\r';
    struct bytes data = bytes_from(it.raw, raw.len);
    struct request request;

    assert_int_equal(h1_take_request(&data, limits, &it.arena, &request), is_fine);
    assert_int_equal(raw.len - data.len, is_fine ? it.head_len : 0);
    if (is_fine) {
        assert_same_bytes(request.method, it.request.method);
        assert_same_bytes(request.path, it.request.path);
        assert_same_bytes(request.query, it.request.query);
        assert_same_bytes(request.authority, it.request.authority);
        assert_int_equal(request.framing, it.request.framing);
        assert_int_equal(request.content_length, it.request.content_length);
        assert_int_equal(request.keep_alive, it.request.keep_alive);
        assert_int_equal(request.fields_dropped_count, it.request.fields_dropped_count);
        assert_same_fields(request.fields, request.fields_count, it.request.fields,
                           it.request.fields_count);
    }
    case_close(&it);
}

static void check_response(struct bytes raw)
{
    struct h1_case it;
    bool is_fine = case_response(&it, raw, raw.len, METHOD_GET, false) == H1_FINE;
    struct bytes data = bytes_from(it.raw, raw.len);
    struct response response;

    assert_int_equal(h1_take_response(&data, &case_limits, METHOD_GET, false, &it.arena, &response),
                     is_fine);
    assert_int_equal(raw.len - data.len, is_fine ? it.head_len : 0);
    if (is_fine) {
        assert_int_equal(response.status, it.response.status);
        assert_same_bytes(response.reason, it.response.reason);
        assert_int_equal(response.framing, it.response.framing);
        assert_int_equal(response.keep_alive, it.response.keep_alive);
        assert_same_fields(response.fields, response.fields_count, it.response.fields,
                           it.response.fields_count);
    }
    case_close(&it);
}

TEST(a_request_taken_at_once_is_what_scan_and_parse_find)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ("GET /a/b?c=d HTTP/1.1\r\nHost: a.test:80\r\nX-Forwarded-Other: 1\r\nX_A: 1\r\nTE: "
         "trailers\r\n\r\n"),
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n",
        ("PUT /p HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: chunked\r\nConnection: close, "
         "x-y\r\nx-y:\t1 \r\n\r\n"),
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    struct text raw;

    text_init(&raw);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (unsigned round = 0; round < 3000; round++) {
            mutate(&raw, bytes_of(heads[i]));
            if (raw.len == 0)
                continue;
            check_request(text_bytes(&raw), &case_limits);
            check_request(text_bytes(&raw), &small_limits);
        }
    }
    text_fini(&raw);
}

TEST(hostile_31_limits_hold_for_a_request_taken_at_once)
{
    struct text raw;

    text_init(&raw);
    for (size_t target = 30; target < 50; target++) {
        for (size_t lines = 0; lines < 12; lines++) {
            text_clear(&raw);
            text_printf(&raw, "GET /%0*d HTTP/1.1\r\nHost: a\r\n", (int)target - 1, 0);
            for (size_t i = 0; i < lines; i++)
                text_add_str(&raw, "Abcdefghijklm: nopqrstuvw\r\n");
            text_add_str(&raw, "\r\n");
            check_request(text_bytes(&raw), &small_limits);
        }
    }
    text_fini(&raw);
}

TEST(a_response_taken_at_once_is_what_scan_and_parse_find)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody",
        "HTTP/1.1 204\r\nServer: a\r\nX-Ssl-Client-Cn: b\r\n\r\n",
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n"),
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nSet-Cookie: a=b; c\r\n\r\nrest",
    };
    struct text raw;

    text_init(&raw);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (unsigned round = 0; round < 3000; round++) {
            mutate(&raw, bytes_of(heads[i]));
            if (raw.len > 0)
                check_response(text_bytes(&raw));
        }
    }
    text_fini(&raw);
}

TESTS(UNIT(a_request_taken_at_once_is_what_scan_and_parse_find),
      UNIT(hostile_31_limits_hold_for_a_request_taken_at_once),
      UNIT(a_response_taken_at_once_is_what_scan_and_parse_find))
