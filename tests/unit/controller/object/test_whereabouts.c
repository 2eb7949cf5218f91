/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_whereabouts.c - what Pods and Nodes say of where we are reached.
 */
#include "controller/object/served.h"
#include "tests/unit/unit.h"

static void assert_says(enum object_kind kind, const char *object, const char *expected)
{
    struct served_event event;
    struct arena arena;
    struct text line;

    arena_init(&arena, 1024);
    text_init(&line);
    text_printf(&line, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"},%s}}",
                object);
    assert_int_equal(served_read_event(text_bytes(&line), kind, BYTES("v1"), &arena, NULL, &event),
                     STATUS_OK);
    assert_bytes(event.item.name, "x");
    assert_bytes(event.item.current_status, expected);
    assert_null(event.item.object);
    text_fini(&line);
    arena_fini(&arena);
}

#define READY(status)                                                                              \
    "\"status\":{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\"},"                 \
    "{\"type\":\"Ready\",\"status\":\"" status "\"}]}"

TEST(a_pod_is_on_its_node_while_it_is_ready)
{
    assert_says(OBJECT_POD, "\"spec\":{\"nodeName\":\"n\"}," READY("True"), "n");
    assert_says(OBJECT_POD, "\"spec\":{\"nodeName\":\"n\"}," READY("False"), "");
    assert_says(OBJECT_POD, "\"spec\":{\"nodeName\":\"n\"}," READY("Unknown"), "");
    assert_says(OBJECT_POD, "\"spec\":{\"nodeName\":\"n\"},\"status\":{}", "");
    assert_says(OBJECT_POD, "\"spec\":{}," READY("True"), "");
}

TEST(a_pod_that_is_told_to_end_is_nowhere)
{
    assert_says(OBJECT_POD,
                "\"metadata\":{\"name\":\"x\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},"
                "\"spec\":{\"nodeName\":\"n\"}," READY("True"),
                "");
}

#define ADDRESS(type, address) "{\"type\":\"" type "\",\"address\":\"" address "\"}"

TEST(a_node_is_at_its_external_addresses_else_at_its_internal_ones)
{
    assert_says(OBJECT_NODE,
                "\"status\":{\"addresses\":[" ADDRESS("InternalIP", "10.0.0.1") "," ADDRESS(
                    "ExternalIP", "192.0.2.1") "," ADDRESS("ExternalIP", "2001:db8::1") "]}",
                "192.0.2.1 2001:db8::1");
    assert_says(OBJECT_NODE,
                "\"status\":{\"addresses\":[" ADDRESS("Hostname", "n") "," ADDRESS(
                    "InternalIP", "10.0.0.1") "," ADDRESS("InternalIP", "10.0.0.2") "]}",
                "10.0.0.1 10.0.0.2");
}

TEST(what_is_no_address_is_none)
{
    assert_says(OBJECT_NODE,
                "\"status\":{\"addresses\":[" ADDRESS("ExternalIP", "host one") "," ADDRESS(
                    "InternalIP", "10.0.0.1") ",7,{\"type\":3}]}",
                "10.0.0.1");
    assert_says(OBJECT_NODE, "\"status\":{\"addresses\":{}}", "");
    assert_says(OBJECT_NODE, "\"status\":7", "");
    assert_says(OBJECT_POD, "\"spec\":[],\"status\":{\"conditions\":[7,null]}", "");
}

TESTS(UNIT(a_pod_is_on_its_node_while_it_is_ready), UNIT(a_pod_that_is_told_to_end_is_nowhere),
      UNIT(a_node_is_at_its_external_addresses_else_at_its_internal_ones),
      UNIT(what_is_no_address_is_none))
