/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proxy_header.c - PROXY protocol headers; hostile-input.md 48.
 */
#include "core/mem.h"
#include "proxy/http/proxy_header.h"
#include "tests/unit/unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK  "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x34\x01\xbb"

/* Parse from memory of exactly this length; every shorter start must ask for more. */
static enum status parse(struct bytes data, struct proxy_header *header, size_t *used)
{
    enum status status = STATUS_AGAIN;

    for (size_t len = 0; len <= data.len; len++) {
        char *copy = mem_alloc(len > 0 ? len : 1);

        if (len > 0)
            memcpy(copy, data.at, len);
        status = proxy_header_parse(bytes_from(copy, len), header, used);
        mem_free(copy);
        if (status != STATUS_AGAIN)
            break;
    }
    return status;
}

static void assert_address(const struct address *address, const char *expected)
{
    struct text text;

    text_init(&text);
    address_add(address, &text);
    assert_bytes(text_bytes(&text), expected);
    text_fini(&text);
}

static void assert_parsed(struct bytes data, const char *source, const char *destination)
{
    struct proxy_header header;
    size_t used = 0;

    assert_int_equal(parse(data, &header, &used), STATUS_OK);
    assert_int_equal(used, data.len);
    assert_int_equal(header.has_address, source != NULL);
    if (source != NULL) {
        assert_address(&header.source, source);
        assert_address(&header.destination, destination);
    }
}

static void assert_refused(struct bytes data)
{
    struct proxy_header header;
    size_t used = 0;

    assert_int_equal(parse(data, &header, &used), STATUS_INVALID);
}

TEST(a_version_1_header_names_both_ends)
{
    assert_parsed(BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n"), "192.0.2.1:4660",
                  "198.51.100.2:443");
    assert_parsed(BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), "[2001:db8::1]:1",
                  "[2001:db8::2]:65535");
}

TEST(a_version_1_header_may_not_know)
{
    assert_parsed(BYTES("PROXY UNKNOWN\r\n"), NULL, NULL);
    assert_parsed(BYTES("PROXY UNKNOWN ffff::1 whatever\r\n"), NULL, NULL);
}

TEST(a_version_2_header_names_both_ends)
{
    assert_parsed(BYTES(SIGNATURE "\x21\x11\x00\x0c" V4_BLOCK), "192.0.2.1:4660",
                  "198.51.100.2:443");
    assert_parsed(BYTES(SIGNATURE "\x21\x21\x00\x24"
                                  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                                  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\xff\xff"),
                  "[2001:db8::1]:1", "[2001:db8::2]:65535");
}

TEST(a_version_2_header_may_not_know)
{
    assert_parsed(BYTES(SIGNATURE "\x20\x00\x00\x00"), NULL, NULL); /* LOCAL */
    assert_parsed(BYTES(SIGNATURE "\x20\x11\x00\x0c" V4_BLOCK), NULL, NULL);
    assert_parsed(BYTES(SIGNATURE "\x21\x00\x00\x02xx"), NULL, NULL); /* UNSPEC */
}

TEST(version_2_extras_are_skipped_when_they_fit)
{
    assert_parsed(BYTES(SIGNATURE "\x21\x11\x00\x13" V4_BLOCK "\x04\x00\x01x\x05\x00\x00"),
                  "192.0.2.1:4660", "198.51.100.2:443");
    assert_refused(BYTES(SIGNATURE "\x21\x11\x00\x10" V4_BLOCK "\x04\x00\x02x"));
    assert_refused(BYTES(SIGNATURE "\x21\x11\x00\x0e" V4_BLOCK "\x04\x00"));
}

TEST(what_follows_the_header_is_left_alone)
{
    struct proxy_header header;
    size_t used = 0;

    assert_int_equal(
        proxy_header_parse(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nGET /"), &header, &used),
        STATUS_OK);
    assert_int_equal(used, 32);
}

TEST(hostile_48_a_bad_header_is_refused)
{
    assert_refused(BYTES("GET / HTTP/1.1\r\n"));
    assert_refused(BYTES("\r\n\r\nx"));
    assert_refused(BYTES("PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n"));
    assert_refused(BYTES("PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 ::1 ::2 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP6 [::1] [::2] 1 2\r\n"));
    assert_refused(BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"));
    assert_refused(BYTES("PROXY \r\n"));
    assert_refused(BYTES(SIGNATURE "\x11\x11\x00\x0c" V4_BLOCK));
    assert_refused(BYTES(SIGNATURE "\x22\x11\x00\x0c" V4_BLOCK));
    assert_refused(BYTES(SIGNATURE "\x21\x41\x00\x0c" V4_BLOCK));
    assert_refused(BYTES(SIGNATURE "\x21\x13\x00\x0c" V4_BLOCK));
    assert_refused(BYTES(SIGNATURE "\x21\x11\x00\x0b" V4_BLOCK));
    assert_refused(BYTES(SIGNATURE "\x21\x21\x00\x0c" V4_BLOCK));
}

TEST(hostile_48_an_oversized_header_is_refused_before_it_is_read)
{
    char line[200];

    memset(line, ' ', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_refused(bytes_from(line, sizeof(line)));
    assert_refused(BYTES(SIGNATURE "\x21\x11\x02\x09"));
    assert_int_equal(proxy_header_parse(BYTES(SIGNATURE "\x21\x11\x02\x08"),
                                        &(struct proxy_header){0}, &(size_t){0}),
                     STATUS_AGAIN); /* 536 in all */
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(bytes_of(text), &address), STATUS_OK);
    return address;
}

/* What is written is what is read, and nothing but that. */
static void assert_written(const char *source, const char *destination, const char *read_source,
                           const char *read_destination, size_t length)
{
    const struct proxy_header header = {true, address_of(source), address_of(destination)};
    struct text out;

    text_init(&out);
    proxy_header_write(&header, &out);
    assert_int_equal(out.len, length);
    assert_parsed(text_bytes(&out), read_source, read_destination);
    text_fini(&out);
}

TEST(what_is_written_names_both_ends)
{
    struct proxy_header header = {true, address_of("192.0.2.1:4660"),
                                  address_of("198.51.100.2:443")};
    struct bytes expected = BYTES(SIGNATURE "\x21\x11\x00\x0c" V4_BLOCK);
    struct text out;

    text_init(&out);
    proxy_header_write(&header, &out);
    assert_true(bytes_equal(text_bytes(&out), expected));
    text_fini(&out);
    assert_written("[2001:db8::1]:1", "[2001:db8::2]:65535", "[2001:db8::1]:1",
                   "[2001:db8::2]:65535", 52);
}

/* Reading turns a mapped address back, so the bytes are looked at too. */
TEST(ends_of_two_families_are_written_as_of_version_6)
{
    const struct proxy_header header = {true, address_of("192.0.2.1:1"), address_of("[::1]:2")};
    struct bytes mapped = BYTES("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01");
    struct text out;

    text_init(&out);
    proxy_header_write(&header, &out);
    assert_true(bytes_equal(bytes_slice(text_bytes(&out), 16, 16), mapped));
    text_fini(&out);
    assert_written("192.0.2.1:1", "[::1]:2", "192.0.2.1:1", "[::1]:2", 52);
    assert_written("[::1]:2", "192.0.2.1:1", "[::1]:2", "192.0.2.1:1", 52);
}

TEST(who_has_no_address_is_written_as_local)
{
    const struct proxy_header header = {.has_address = false};
    struct text out;

    text_init(&out);
    text_add(&out, BYTES("before"));
    proxy_header_write(&header, &out);
    assert_true(bytes_equal(text_bytes(&out), BYTES("before" SIGNATURE "\x20\x00\x00\x00")));
    text_fini(&out);
}

TESTS(UNIT(a_version_1_header_names_both_ends), UNIT(a_version_1_header_may_not_know),
      UNIT(a_version_2_header_names_both_ends), UNIT(a_version_2_header_may_not_know),
      UNIT(version_2_extras_are_skipped_when_they_fit), UNIT(what_follows_the_header_is_left_alone),
      UNIT(hostile_48_a_bad_header_is_refused),
      UNIT(hostile_48_an_oversized_header_is_refused_before_it_is_read),
      UNIT(what_is_written_names_both_ends), UNIT(ends_of_two_families_are_written_as_of_version_6),
      UNIT(who_has_no_address_is_written_as_local))
