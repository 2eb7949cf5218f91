/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_server_name.c - the server_name extension, byte for byte.
 */
#include "core/mem.h"
#include "core/text.h"
#include "tests/unit/unit.h"
#include "tls/server_name.h"

static enum status read_name(struct bytes extension, struct text *name)
{
    char buffer[TLS_SERVER_NAME_MAX];
    size_t length = 0;
    enum status status = server_name_read(extension, buffer, &length);

    text_clear(name);
    if (status == STATUS_OK)
        text_add(name, bytes_from(buffer, length));
    return status;
}

/* An extension around a name. */
static void wrap(struct bytes name, struct text *out)
{
    text_clear(out);
    text_add_byte(out, (char)((name.len + 3) >> 8));
    text_add_byte(out, (char)(name.len + 3));
    text_add_byte(out, 0);
    text_add_byte(out, (char)(name.len >> 8));
    text_add_byte(out, (char)name.len);
    text_add(out, name);
}

static void assert_name(struct bytes given, enum status expected_status, struct bytes expected)
{
    struct text extension, name;

    text_init(&extension);
    text_init(&name);
    wrap(given, &extension);
    assert_int_equal(read_name(text_bytes(&extension), &name), expected_status);
    assert_true(bytes_equal(text_bytes(&name), expected));
    text_fini(&extension);
    text_fini(&name);
}

static void assert_read(struct bytes given, enum status expected_status, const char *expected)
{
    assert_name(given, expected_status, bytes_of(expected));
}

TEST(a_host_name_comes_out_in_lower_case_without_its_root)
{
    assert_read(BYTES("app.example.com"), STATUS_OK, "app.example.com");
    assert_read(BYTES("App.EXAMPLE.com."), STATUS_OK, "app.example.com");
    assert_read(BYTES("localhost"), STATUS_OK, "localhost");
    assert_read(BYTES("_dmarc.xn--bcher-kva.test"), STATUS_OK, "_dmarc.xn--bcher-kva.test");
    assert_read(BYTES("1.2.3.4.test"), STATUS_OK, "1.2.3.4.test");
}

TEST(hostile_79_what_is_no_host_name_is_refused)
{
    assert_read(BYTES("10.0.0.1"), STATUS_REFUSED, "");
    assert_read(BYTES("10.0.0.1."), STATUS_REFUSED, "");
    assert_read(BYTES("1"), STATUS_REFUSED, "");
    assert_read(BYTES("::1"), STATUS_REFUSED, "");
    assert_read(BYTES("[::1]"), STATUS_REFUSED, "");
    assert_read(BYTES("a..test"), STATUS_REFUSED, "");
    assert_read(BYTES("a.test.."), STATUS_REFUSED, "");
    assert_read(BYTES(".test"), STATUS_REFUSED, "");
    assert_read(BYTES("."), STATUS_REFUSED, "");
    assert_read(BYTES("*.test"), STATUS_REFUSED, "");
    assert_read(BYTES("a.test:443"), STATUS_REFUSED, "");
    assert_read(BYTES("a.test\0.b"), STATUS_REFUSED, "");
    assert_read(BYTES("a\xff.test"), STATUS_REFUSED, "");
}

TEST(labels_and_names_have_their_longest)
{
    struct text name;

    text_init(&name);
    for (int i = 0; i < 63; i++)
        text_add_byte(&name, 'a');
    assert_name(text_bytes(&name), STATUS_OK, text_bytes(&name));
    text_add_byte(&name, 'a');
    assert_read(text_bytes(&name), STATUS_REFUSED, "");
    text_clear(&name);
    for (int i = 0; i < 127; i++)
        text_add_str(&name, "a.");
    assert_int_equal(name.len, 254);
    name.len = 253;
    assert_name(text_bytes(&name), STATUS_OK, text_bytes(&name));
    text_add_str(&name, "bb");
    assert_read(text_bytes(&name), STATUS_REFUSED, "");
    text_add_str(&name, "b");
    assert_read(text_bytes(&name), STATUS_INVALID, "");
    text_fini(&name);
}

TEST(an_extension_that_does_not_add_up_is_invalid_at_every_length)
{
    struct text extension, name;

    text_init(&extension);
    text_init(&name);
    wrap(BYTES("a.test"), &extension);
    for (size_t length = 0; length < extension.len; length++)
        assert_int_equal(read_name(bytes_from(extension.at, length), &name), STATUS_INVALID);
    text_add_byte(&extension, 'x');
    assert_int_equal(read_name(text_bytes(&extension), &name), STATUS_INVALID);
    wrap(BYTES("a.test"), &extension);
    extension.at[2] = 1; /* another type of name */
    assert_int_equal(read_name(text_bytes(&extension), &name), STATUS_INVALID);
    wrap(BYTES_NONE, &extension);
    assert_int_equal(read_name(text_bytes(&extension), &name), STATUS_INVALID);
    text_fini(&extension);
    text_fini(&name);
}

TEST(two_names_are_invalid)
{
    struct text name;

    text_init(&name);
    assert_int_equal(read_name(BYTES("\0\x08\0\0\x01"
                                     "a\0\0\x01"
                                     "b"),
                               &name),
                     STATUS_INVALID);
    text_fini(&name);
}

TESTS(UNIT(a_host_name_comes_out_in_lower_case_without_its_root),
      UNIT(hostile_79_what_is_no_host_name_is_refused), UNIT(labels_and_names_have_their_longest),
      UNIT(an_extension_that_does_not_add_up_is_invalid_at_every_length),
      UNIT(two_names_are_invalid))
