/* SPDX-License-Identifier: Apache-2.0 */
/* Where an object is on an API server. */
#include "controller/api_path.h"
#include "tests/unit/unit.h"

static void expect(const char *ns, const char *name, const char *expected)
{
    struct text path;

    text_init(&path);
    api_path_add_object(&path, "/apis/g/v1", bytes_of(ns), "things", bytes_of(name));
    assert_bytes(text_bytes(&path), expected);
    text_fini(&path);
}

TEST(a_path_names_namespace_and_object)
{
    expect("web", "a.b-c", "/apis/g/v1/namespaces/web/things/a.b-c");
}

TEST(no_name_leads_elsewhere)
{
    expect("web", "a/b?c#d e\r\n", "/apis/g/v1/namespaces/web/things/a%2Fb%3Fc%23d%20e%0D%0A");
    expect("..", ".", "/apis/g/v1/namespaces/%2E%2E%00/things/%2E%00");
    expect("\xc3\xbc", "%2F", "/apis/g/v1/namespaces/%C3%BC/things/%252F");
}

TEST(a_time_has_microseconds)
{
    struct text text;

    text_init(&text);
    api_path_add_time(&text, 1767323045000042);
    assert_bytes(text_bytes(&text), "2026-01-02T03:04:05.000042Z");
    text_fini(&text);
}

TESTS(UNIT(a_path_names_namespace_and_object), UNIT(no_name_leads_elsewhere),
      UNIT(a_time_has_microseconds))
