/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_case.h - one message on its way through scan and parse, for the tests of this folder.
 *
 * The bytes are copied to memory of exactly their length, so that reading past them is seen.
 */
#ifndef TESTS_UNIT_PROXY_HTTP_H1_CASE_H
#define TESTS_UNIT_PROXY_HTTP_H1_CASE_H

#include "core/text.h"
#include "proxy/http/h1.h"
#include "tests/unit/unit.h"

#define HEAD_INCOMPLETE ((enum h1_fault) - 1)

static const struct h1_limits case_limits = {65536, 16384, 100, false};

struct h1_case {
    struct arena arena;
    struct request request;
    struct response response;
    size_t head_len;
    char *raw;
};

static inline void case_open(struct h1_case *it, struct bytes raw)
{
    memset(it, 0, sizeof(*it));
    arena_init(&it->arena, 4096);
    it->raw = mem_alloc(raw.len > 0 ? raw.len : 1);
    if (raw.len > 0)
        memcpy(it->raw, raw.at, raw.len);
}

static inline void case_close(struct h1_case *it)
{
    mem_free(it->raw);
    arena_fini(&it->arena);
}

/* Scan in pieces of `step` bytes, then parse. HEAD_INCOMPLETE when no head ends in `raw`. */
static inline enum h1_fault case_request(struct h1_case *it, struct bytes raw, size_t step,
                                         const struct h1_limits *limits)
{
    struct h1_scan scan = {0};
    enum h1_fault fault = H1_FINE;

    case_open(it, raw);
    for (size_t len = step < raw.len ? step : raw.len;; len += step) {
        enum status status;

        if (len > raw.len)
            len = raw.len;
        status = h1_scan_request(&scan, bytes_from(it->raw, len), limits, &it->head_len, &fault);
        if (status == STATUS_INVALID)
            return fault;
        if (status == STATUS_OK)
            return h1_parse_request(bytes_from(it->raw, it->head_len), limits, &it->arena,
                                    &it->request);
        if (len == raw.len)
            return HEAD_INCOMPLETE;
    }
}

static inline enum h1_fault case_response(struct h1_case *it, struct bytes raw, size_t step,
                                          enum method_id method, bool wants_upgrade)
{
    struct h1_scan scan = {0};
    enum h1_fault fault = H1_FINE;

    case_open(it, raw);
    for (size_t len = step < raw.len ? step : raw.len;; len += step) {
        enum status status;

        if (len > raw.len)
            len = raw.len;
        status =
            h1_scan_response(&scan, bytes_from(it->raw, len), &case_limits, &it->head_len, &fault);
        if (status == STATUS_INVALID)
            return fault;
        if (status == STATUS_OK)
            return h1_parse_response(bytes_from(it->raw, it->head_len), &case_limits, method,
                                     wants_upgrade, &it->arena, &it->response);
        if (len == raw.len)
            return HEAD_INCOMPLETE;
    }
}

static inline enum h1_fault request_fault(struct bytes raw)
{
    struct h1_case it;
    enum h1_fault fault = case_request(&it, raw, raw.len, &case_limits);

    case_close(&it);
    return fault;
}

static inline enum h1_fault response_fault(struct bytes raw)
{
    struct h1_case it;
    enum h1_fault fault = case_response(&it, raw, raw.len, METHOD_GET, false);

    case_close(&it);
    return fault;
}

static inline const char *case_reason(enum h1_fault fault)
{
    return fault == HEAD_INCOMPLETE ? "incomplete" : h1_fault_reason(fault);
}

/* HEAD_INCOMPLETE has no code. */
static inline int case_code(enum h1_fault fault)
{
    return fault == HEAD_INCOMPLETE ? -1 : h1_fault_code(fault);
}

/* A request that is fine but for the lines `extra`. */
#define GET_WITH(extra)  "GET / HTTP/1.1\r\nHost: a.example\r\n" extra "\r\n"
#define POST_WITH(extra) "POST / HTTP/1.1\r\nHost: a.example\r\n" extra "\r\n"
#define OK_WITH(extra)   "HTTP/1.1 200 OK\r\n" extra "\r\n"

#define REFUSED(raw, fault)                                                                        \
    assert_string_equal(case_reason(request_fault(BYTES(raw))), h1_fault_reason(fault))
#define ACCEPTED(raw) REFUSED(raw, H1_FINE)
#define RESPONSE_REFUSED(raw, fault)                                                               \
    assert_string_equal(case_reason(response_fault(BYTES(raw))), h1_fault_reason(fault))

/* The same, but the code is what counts. */
#define ANSWERED(raw, code) assert_int_equal(case_code(request_fault(BYTES(raw))), code)

#endif
