/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_chain.c - what stands between a route and its backend, and in which order.
 */
#include "proxy/filter/filter.h"
#include "tests/unit/unit.h"

struct given {
    struct field fields[1];
    struct request request;
    struct route route;
    struct filter_request filter;
};

/* A GET for a route that forwards. */
static struct given *given(struct given *given)
{
    *given = (struct given){
        .request = {.method_id = METHOD_GET, .version_minor = 1},
        .route = {.action = ROUTE_FORWARD, .backends_count = 1},
        .filter = {.body_bytes_max = 100},
    };
    given->request.fields = given->fields;
    given->filter.request = &given->request;
    given->filter.route = &given->route;
    return given;
}

static void ask_upgrade(struct given *given, struct bytes protocol)
{
    given->fields[0] =
        (struct field){.name = BYTES("Upgrade"), .value = protocol, .id = FIELD_UPGRADE};
    given->request.fields_count = 1;
    given->request.wants_upgrade = true;
    given->request.wants_websocket = bytes_equal_nocase(protocol, BYTES("websocket"));
}

TEST(an_ordinary_request_passes)
{
    struct given it;

    assert_int_equal(filter_run(&given(&it)->filter), FILTER_CONTINUE);
}

TEST(a_route_without_a_service_keeps_its_place)
{
    struct given it;

    given(&it)->route.action = ROUTE_UNAVAILABLE;
    assert_int_equal(filter_run(&it.filter), FILTER_UNAVAILABLE);
    given(&it)->route.backends_count = 0;
    assert_int_equal(filter_run(&it.filter), FILTER_UNAVAILABLE);
}

TEST(a_redirect_comes_before_everything_else)
{
    struct given it;

    given(&it)->route.action = ROUTE_REDIRECT_HTTPS;
    it.route.backends_count = 0;
    ask_upgrade(&it, BYTES("websocket"));
    it.request.framing = BODY_LENGTH;
    it.request.content_length = 1000;
    assert_int_equal(filter_run(&it.filter), FILTER_REDIRECT_HTTPS);
}

TEST(hostile_49_a_websocket_needs_a_route_that_allows_it)
{
    struct given it;

    ask_upgrade(given(&it), BYTES("WebSocket"));
    assert_int_equal(filter_run(&it.filter), FILTER_UPGRADE_FORBIDDEN);
    it.route.websocket = true;
    assert_int_equal(filter_run(&it.filter), FILTER_CONTINUE);
}

TEST(hostile_49_a_handshake_that_is_none_is_refused)
{
    struct given it;

    ask_upgrade(given(&it), BYTES("websocket"));
    it.request.wants_websocket = false;
    it.route.websocket = true;
    assert_int_equal(filter_run(&it.filter), FILTER_UPGRADE_INVALID);
}

TEST(another_upgrade_leaves_an_ordinary_request)
{
    struct given it;

    ask_upgrade(given(&it), BYTES("foo/2"));
    assert_int_equal(filter_run(&it.filter), FILTER_CONTINUE);
}

TEST(hostile_32_a_length_over_the_limit_is_refused)
{
    struct given it;

    given(&it)->request.framing = BODY_LENGTH;
    it.request.content_length = 100;
    assert_int_equal(filter_run(&it.filter), FILTER_CONTINUE);
    it.request.content_length = 101;
    assert_int_equal(filter_run(&it.filter), FILTER_BODY_TOO_LARGE);
    it.filter.body_bytes_max = 0;
    assert_int_equal(filter_run(&it.filter), FILTER_CONTINUE);
}

TEST(chunks_are_counted_as_they_come_and_not_here)
{
    struct given it;

    given(&it)->request.framing = BODY_CHUNKED;
    it.request.content_length = UINT64_MAX;
    assert_int_equal(filter_run(&it.filter), FILTER_CONTINUE);
}

TESTS(UNIT(an_ordinary_request_passes), UNIT(a_route_without_a_service_keeps_its_place),
      UNIT(a_redirect_comes_before_everything_else),
      UNIT(hostile_49_a_websocket_needs_a_route_that_allows_it),
      UNIT(hostile_49_a_handshake_that_is_none_is_refused),
      UNIT(another_upgrade_leaves_an_ordinary_request),
      UNIT(hostile_32_a_length_over_the_limit_is_refused),
      UNIT(chunks_are_counted_as_they_come_and_not_here))
