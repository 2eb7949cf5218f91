/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pod_nodes.c - from pods and nodes to addresses.
 */
#include "controller/kube/pod_nodes.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static void note(struct pod_nodes *nodes, enum object_kind kind, const char *name, const char *says,
                 bool is_gone)
{
    const struct served_item item = {.ns = kind == OBJECT_POD ? BYTES("edge") : BYTES_NONE,
                                     .name = bytes_of(name),
                                     .current_status = bytes_of(says)};

    pod_nodes_note(nodes, kind, &item, is_gone);
}

static void pod(struct pod_nodes *nodes, const char *name, const char *node)
{
    note(nodes, OBJECT_POD, name, node, false);
}

static void node(struct pod_nodes *nodes, const char *name, const char *addresses)
{
    note(nodes, OBJECT_NODE, name, addresses, false);
}

static void assert_gathers(struct pod_nodes *nodes, const char *expected)
{
    assert_true(pod_nodes_gather(nodes));
    assert_bytes(text_bytes(&nodes->addresses), expected);
}

TEST(addresses_are_those_of_nodes_with_a_ready_pod_sorted_and_each_once)
{
    struct pod_nodes nodes;

    pod_nodes_init(&nodes);
    node(&nodes, "c", "192.0.2.3");
    node(&nodes, "b", "192.0.2.2 2001:db8::2");
    node(&nodes, "a", "192.0.2.1");
    pod(&nodes, "p3", "c");
    pod(&nodes, "p2", "b");
    pod(&nodes, "p2-next", "b");
    pod(&nodes, "waiting", "");
    assert_gathers(&nodes, "[{\"ip\":\"192.0.2.2\"},{\"ip\":\"192.0.2.3\"},"
                           "{\"ip\":\"2001:db8::2\"}]");
    assert_int_equal(nodes.left_out, 0);
    pod_nodes_fini(&nodes);
}

TEST(a_pod_and_its_node_may_come_in_either_order)
{
    struct pod_nodes nodes;

    pod_nodes_init(&nodes);
    pod(&nodes, "p", "a");
    assert_false(pod_nodes_gather(&nodes));
    node(&nodes, "a", "192.0.2.1");
    assert_gathers(&nodes, "[{\"ip\":\"192.0.2.1\"}]");
    pod_nodes_fini(&nodes);
}

TEST(a_pod_or_a_node_that_goes_takes_its_addresses_along)
{
    struct pod_nodes nodes;

    pod_nodes_init(&nodes);
    node(&nodes, "a", "192.0.2.1");
    node(&nodes, "b", "192.0.2.2");
    node(&nodes, "c", "192.0.2.3");
    pod(&nodes, "pa", "a");
    pod(&nodes, "pb", "b");
    pod(&nodes, "pc", "c");
    assert_true(pod_nodes_gather(&nodes));
    note(&nodes, OBJECT_POD, "pa", "", true);
    assert_gathers(&nodes, "[{\"ip\":\"192.0.2.2\"},{\"ip\":\"192.0.2.3\"}]");
    note(&nodes, OBJECT_NODE, "b", "", true);
    assert_gathers(&nodes, "[{\"ip\":\"192.0.2.3\"}]");
    pod(&nodes, "pc", ""); /* ready no more */
    assert_gathers(&nodes, "");
    pod(&nodes, "pc", "c");
    assert_gathers(&nodes, "[{\"ip\":\"192.0.2.3\"}]");
    pod_nodes_fini(&nodes);
}

TEST(what_changes_no_address_is_no_news)
{
    struct pod_nodes nodes;

    pod_nodes_init(&nodes);
    node(&nodes, "a", "192.0.2.1");
    pod(&nodes, "p", "a");
    assert_true(pod_nodes_gather(&nodes));
    assert_false(pod_nodes_gather(&nodes));
    node(&nodes, "a", "192.0.2.1");
    pod(&nodes, "p", "a");
    assert_false(nodes.is_stale);
    pod(&nodes, "p-next", "a"); /* a rolling update: the next one, then the last one goes */
    assert_false(pod_nodes_gather(&nodes));
    note(&nodes, OBJECT_POD, "p", "", true);
    assert_false(pod_nodes_gather(&nodes));
    note(&nodes, OBJECT_POD, "never-was", "", true);
    assert_false(nodes.is_stale);
    pod_nodes_fini(&nodes);
}

TEST(addresses_past_the_limit_are_left_out_and_counted)
{
    struct pod_nodes nodes;
    char name[16], address[32];

    pod_nodes_init(&nodes);
    for (int i = PUBLISHED_MAX + 2; i >= 0; i--) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        (void)snprintf(address, sizeof(address), "10.0.%d.%d", i / 200, 50 + i % 200);
        node(&nodes, name, address);
        pod(&nodes, name, name);
    }
    assert_true(pod_nodes_gather(&nodes));
    assert_int_equal(nodes.left_out, 3);
    assert_true(bytes_starts_with(text_bytes(&nodes.addresses), BYTES("[{\"ip\":\"10.0.0.100\"}")));
    pod_nodes_fini(&nodes);
}

TESTS(UNIT(addresses_are_those_of_nodes_with_a_ready_pod_sorted_and_each_once),
      UNIT(a_pod_and_its_node_may_come_in_either_order),
      UNIT(a_pod_or_a_node_that_goes_takes_its_addresses_along),
      UNIT(what_changes_no_address_is_no_news),
      UNIT(addresses_past_the_limit_are_left_out_and_counted))
