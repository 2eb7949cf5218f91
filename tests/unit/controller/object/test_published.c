/* SPDX-License-Identifier: Apache-2.0 */
/* Where something is reached: written, and read from objects. */
#include "controller/object/published.h"
#include "controller/object/served.h"
#include "tests/unit/unit.h"

#include <stdio.h>

TEST(addresses_are_sorted_without_repeats_and_named_as_what_they_are)
{
    struct bytes list[] = {BYTES("lb.example.com"), BYTES("192.0.2.7"), BYTES(""),
                           BYTES("2001:db8::1"), BYTES("192.0.2.7")};
    struct text text;

    text_init(&text);
    published_write(list, 5, &text);
    assert_bytes(text_bytes(&text), "[{\"ip\":\"192.0.2.7\"},{\"ip\":\"2001:db8::1\"},"
                                    "{\"hostname\":\"lb.example.com\"}]");
    text_clear(&text);
    published_write(list, 0, &text);
    assert_int_equal(text.len, 0);
    text_fini(&text);
}

static void expect(enum object_kind kind, const char *api_version, const char *rest,
                   const char *expected)
{
    struct served_event event;
    struct arena arena;
    struct text line;

    text_init(&line);
    arena_init(&arena, 512);
    text_printf(&line,
                "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"%s\",\"metadata\":{\"name\":"
                "\"a\",\"namespace\":\"web\",\"resourceVersion\":\"7\"},%s}}",
                api_version, rest);
    assert_int_equal(
        served_read_event(text_bytes(&line), kind, bytes_of(api_version), &arena, NULL, &event),
        STATUS_OK);
    assert_bytes(event.item.current_status, expected);
    if (event.item.object != NULL)
        object_unref(event.item.object);
    text_fini(&line);
    arena_fini(&arena);
}

TEST(an_ingress_says_where_it_is_reached_in_the_same_form)
{
    expect(OBJECT_INGRESS, "networking.k8s.io/v1",
           "\"spec\":{},\"status\":{\"loadBalancer\":{\"ingress\":["
           "{\"hostname\":\"lb.example.com\",\"ports\":[{\"port\":80}]},"
           "{\"ip\":\"192.0.2.7\",\"ipMode\":\"VIP\"}]}}",
           "[{\"ip\":\"192.0.2.7\"},{\"hostname\":\"lb.example.com\"}]");
}

TEST(a_service_is_reached_at_its_external_addresses_too)
{
    expect(OBJECT_SERVICE, "v1",
           "\"spec\":{\"externalIPs\":[\"198.51.100.1\"]},\"status\":{\"loadBalancer\":{"
           "\"ingress\":[{\"ip\":\"192.0.2.7\"}]}}",
           "[{\"ip\":\"192.0.2.7\"},{\"ip\":\"198.51.100.1\"}]");
}

TEST(what_is_nowhere_reached_or_says_so_wrongly_has_no_addresses)
{
    expect(OBJECT_INGRESS, "networking.k8s.io/v1", "\"spec\":{}", "");
    expect(OBJECT_INGRESS, "networking.k8s.io/v1", "\"spec\":{},\"status\":[]", "");
    expect(OBJECT_INGRESS, "networking.k8s.io/v1",
           "\"spec\":{},\"status\":{\"loadBalancer\":{\"ingress\":{\"ip\":\"192.0.2.7\"}}}", "");
    expect(OBJECT_INGRESS, "networking.k8s.io/v1",
           "\"spec\":{},\"status\":{\"loadBalancer\":{\"ingress\":[7,{\"ip\":7}]}}", "");
}

TEST(more_addresses_than_are_taken_are_left_out)
{
    struct text rest;

    text_init(&rest);
    text_add_str(&rest, "\"spec\":{},\"status\":{\"loadBalancer\":{\"ingress\":[");
    for (int i = 0; i < PUBLISHED_MAX; i++)
        text_add_str(&rest, "{\"ip\":\"192.0.2.7\"},");
    text_add_str(&rest, "{\"ip\":\"192.0.2.8\"}]}}");
    text_add_byte(&rest, '\0');
    expect(OBJECT_INGRESS, "networking.k8s.io/v1", rest.at, "[{\"ip\":\"192.0.2.7\"}]");
    text_fini(&rest);
}

TESTS(UNIT(addresses_are_sorted_without_repeats_and_named_as_what_they_are),
      UNIT(an_ingress_says_where_it_is_reached_in_the_same_form),
      UNIT(a_service_is_reached_at_its_external_addresses_too),
      UNIT(what_is_nowhere_reached_or_says_so_wrongly_has_no_addresses),
      UNIT(more_addresses_than_are_taken_are_left_out))
