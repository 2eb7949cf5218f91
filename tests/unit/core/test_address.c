/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_address.c - literal addresses in and out of text and sockaddr.
 */
#include "core/address.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(bytes_of(text), &address), STATUS_OK);
    return address;
}

static struct address ip_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse_ip(bytes_of(text), 80, &address), STATUS_OK);
    return address;
}

static void assert_written(const char *from, const char *expected)
{
    struct address address = address_of(from);
    struct text out;

    text_init(&out);
    address_add(&address, &out);
    assert_bytes(text_bytes(&out), expected);
    text_fini(&out);
}

TEST(address_reads_and_writes_both_families)
{
    assert_written("10.0.0.1:80", "10.0.0.1:80");
    assert_written("[::1]:443", "[::1]:443");
    assert_written("[2001:DB8:0:0:0:0:0:1]:65535", "[2001:db8::1]:65535");
    assert_written("0.0.0.0:0", "0.0.0.0:0");
}

TEST(address_stores_mapped_ipv6_as_ipv4)
{
    struct address mapped = address_of("[::ffff:10.0.0.1]:80");
    struct address plain = address_of("10.0.0.1:80");

    assert_true(address_equal(&mapped, &plain));
    assert_int_equal(mapped.is_v6, 0);
}

TEST(address_refuses_all_that_is_not_a_literal_with_a_port)
{
    static const char *const wrong[] = {
        "",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:-1",
        "10.0.0.1:+1",
        "10.0.0.1: 80",
        "10.0.0.1:000080",
        "10.0.0.1:8o",
        ":80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "::1:80",
        "[]:80",
        "name:80",
        "10.0.0.256:80",
        "10.0.0:80",
        "127.1:80",
        "010.0.0.1:80",
        "0x7f.0.0.1:80",
        "[10.0.0.1]:80",
        "[fe80::1%eth0]:80",
        "[::1]]:80",
        "10.0.0.1 :80",
        "2130706433:80",
        "[::1]:80:80",
    };
    struct address address;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (address_parse(bytes_of(wrong[i]), &address) != STATUS_INVALID)
            fail_msg("accepted: %s", wrong[i]);
}

TEST(address_refuses_a_nul_inside)
{
    struct address address;

    assert_int_equal(address_parse(BYTES("127.0.0.1\0:80"), &address), STATUS_INVALID);
    assert_int_equal(address_parse_ip(BYTES("127.0.0.1\0x"), 80, &address), STATUS_INVALID);
}

TEST(address_parse_leaves_its_result_alone_on_failure)
{
    struct address address = address_of("10.0.0.1:80");
    struct address before = address;

    assert_int_equal(address_parse(BYTES("10.0.0.2:x"), &address), STATUS_INVALID);
    assert_true(address_equal(&address, &before));
}

TEST(address_parse_ip_takes_ipv6_with_and_without_brackets)
{
    struct address with = ip_of("[2001:db8::1]");
    struct address without = ip_of("2001:db8::1");

    assert_true(address_equal(&with, &without));
    assert_int_equal(with.port, 80);
}

TEST(address_goes_to_a_sockaddr_and_back_unchanged)
{
    static const char *const texts[] = {"10.1.2.3:80", "[2001:db8::5]:443"};

    for (size_t i = 0; i < 2; i++) {
        struct address address = address_of(texts[i]);
        struct sockaddr_storage storage;
        struct address back;
        socklen_t len = address_to_sockaddr(&address, &storage);

        assert_int_equal(len, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        assert_int_equal(address_from_sockaddr((struct sockaddr *)&storage, &back), STATUS_OK);
        assert_true(address_equal(&address, &back));
    }
}

TEST(address_from_sockaddr_refuses_other_families)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct address address;

    assert_int_equal(address_from_sockaddr((struct sockaddr *)&storage, &address), STATUS_INVALID);
}

TEST(address_compare_orders_by_family_then_ip_then_port)
{
    static const char *const sorted[] = {"9.0.0.1:90", "10.0.0.1:80", "10.0.0.1:8000",
                                         "10.0.0.2:1", "[::1]:1",     "[2001:db8::]:1"};
    const size_t count = sizeof(sorted) / sizeof(sorted[0]);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            struct address a = address_of(sorted[i]);
            struct address b = address_of(sorted[k]);
            int order = address_compare(&a, &b);

            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

TEST(hostile_94_loopback_link_local_and_unspecified_are_recognised)
{
    static const struct {
        const char *ip;
        bool loopback, link_local, unspecified;
    } rows[] = {
        {"127.0.0.1", true, false, false},
        {"127.255.255.254", true, false, false},
        {"::1", true, false, false},
        {"::ffff:127.0.0.1", true, false, false},
        {"169.254.169.254", false, true, false},
        {"fe80::1", false, true, false},
        {"febf::1", false, true, false},
        {"::ffff:169.254.0.1", false, true, false},
        {"0.0.0.0", false, false, true},
        {"::", false, false, true},
        {"::ffff:0.0.0.0", false, false, true},
        {"10.0.0.1", false, false, false},
        {"128.0.0.1", false, false, false},
        {"169.253.0.1", false, false, false},
        {"fec0::1", false, false, false},
        {"2001:db8::1", false, false, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = ip_of(rows[i].ip);

        assert_int_equal(address_is_loopback(&address), rows[i].loopback);
        assert_int_equal(address_is_link_local(&address), rows[i].link_local);
        assert_int_equal(address_is_unspecified(&address), rows[i].unspecified);
    }
}

static void assert_listens(const char *from, const char *expected, bool is_any)
{
    struct listen_address address;
    const char *error;
    struct text out;

    text_init(&out);
    assert_int_equal(listen_address_parse(bytes_of(from), &address, &error), STATUS_OK);
    listen_address_add(&address, &out);
    assert_bytes(text_bytes(&out), expected);
    assert_int_equal(address.is_any, is_any);
    text_fini(&out);
}

TEST(listen_address_reads_every_form_of_the_command_line)
{
    assert_listens("127.0.0.1:9080", "127.0.0.1:9080", false);
    assert_listens("[::1]:9080", "[::1]:9080", false);
    assert_listens("[::]:8080", "[::]:8080", true);
    assert_listens(":8080", "[::]:8080", true);
    assert_listens(":0", "[::]:0", true);
    assert_listens("0.0.0.0:80", "0.0.0.0:80", false);
    assert_listens("unix:/run/fairlead.sock", "unix:/run/fairlead.sock", false);
    assert_listens("unix:a:80", "unix:a:80", false);
}

TEST(listen_address_says_what_is_wrong)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "the port is missing"},
        {"127.0.0.1", "the port is missing"},
        {"[::1]", "the port is missing"},
        {":http", "the port is not a number from 0 to 65535"},
        {"127.0.0.1:70000", "the port is not a number from 0 to 65535"},
        {"::1:80", "an IPv6 address needs brackets around it"},
        {"localhost:80", "not a literal IPv4 or IPv6 address"},
        {"unix:", "the path after unix: is empty"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct listen_address address;
        const char *error = NULL;

        assert_int_equal(listen_address_parse(bytes_of(rows[i].text), &address, &error),
                         STATUS_INVALID);
        assert_string_equal(error, rows[i].error);
    }
}

TEST(listen_address_takes_a_path_as_long_as_the_system_does_and_no_longer)
{
    char text[5 + LISTEN_PATH_MAX + 1];
    struct listen_address address;
    const char *error;

    memset(text, 'p', sizeof(text));
    memcpy(text, "unix:", 5);
    assert_int_equal(listen_address_parse(bytes_from(text, 5 + LISTEN_PATH_MAX), &address, &error),
                     STATUS_OK);
    assert_int_equal(strlen(address.path), LISTEN_PATH_MAX);
    assert_int_equal(listen_address_parse(bytes_from(text, sizeof(text)), &address, &error),
                     STATUS_INVALID);
    assert_int_equal(listen_address_parse(BYTES("unix:a\0b"), &address, &error), STATUS_INVALID);
}

TEST(two_listeners_overlap_where_a_connection_could_come_in_at_either)
{
    static const struct {
        const char *one, *other;
        bool overlap;
    } cases[] = {
        {"127.0.0.1:80", "127.0.0.1:80", true},
        {"127.0.0.1:80", "127.0.0.1:81", false},
        {"127.0.0.1:80", "127.0.0.2:80", false},
        {"127.0.0.1:0", "127.0.0.1:0", false},
        {":80", ":80", true},
        {"[::]:80", "0.0.0.0:80", true},
        {":80", "10.0.0.1:80", true},
        {":80", "[2001:db8::1]:80", true},
        {"0.0.0.0:80", "10.0.0.1:80", true},
        {"0.0.0.0:80", "[::1]:80", false},
        {"[::1]:80", "127.0.0.1:80", false},
        {":0", ":0", false},
        {"unix:/a", "unix:/a", true},
        {"unix:/a", "unix:/b", false},
        {"unix:/a", ":80", false},
        {":80", ":8080", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_address one, other;
        const char *error;

        assert_int_equal(listen_address_parse(bytes_of(cases[i].one), &one, &error), STATUS_OK);
        assert_int_equal(listen_address_parse(bytes_of(cases[i].other), &other, &error), STATUS_OK);
        assert_int_equal(listen_address_overlaps(&one, &other), cases[i].overlap);
        assert_int_equal(listen_address_overlaps(&other, &one), cases[i].overlap);
    }
}

TEST(a_range_has_the_addresses_that_share_its_prefix)
{
    struct address_range range;
    struct address inside, outside;

    assert_int_equal(address_range_parse(BYTES("10.1.0.0/12"), &range), STATUS_INVALID);
    assert_int_equal(address_range_parse(BYTES("10.16.0.0/12"), &range), STATUS_OK);
    assert_int_equal(address_parse(BYTES("10.31.255.255:1"), &inside), STATUS_OK);
    assert_int_equal(address_parse(BYTES("10.32.0.0:1"), &outside), STATUS_OK);
    assert_true(address_range_has(&range, &inside));
    assert_false(address_range_has(&range, &outside));
    assert_int_equal(address_range_parse(BYTES("::1"), &range), STATUS_OK);
    assert_false(address_range_has(&range, &inside));
    assert_int_equal(address_range_parse(BYTES("0.0.0.0/0"), &range), STATUS_OK);
    assert_true(address_range_has(&range, &outside));
    assert_int_equal(address_range_parse(BYTES("10.0.0.0/33"), &range), STATUS_INVALID);
    assert_int_equal(address_range_parse(BYTES("10.0.0.0/"), &range), STATUS_INVALID);
}

TEST(localhost_is_the_loopback_whoever_is_asked)
{
    const char *const loopbacks[] = {"localhost", "LocalHost.", "db.localhost", "a.b.localhost."};
    const char *const others[] = {"localhost.test", "mylocalhost", ".localhost", ""};

    for (size_t i = 0; i < 4; i++) {
        assert_null(address_name_to_ask(loopbacks[i]));
        assert_ptr_equal(address_name_to_ask(others[i]), others[i]);
    }
}

TESTS(UNIT(localhost_is_the_loopback_whoever_is_asked),
      UNIT(address_reads_and_writes_both_families), UNIT(address_stores_mapped_ipv6_as_ipv4),
      UNIT(address_refuses_all_that_is_not_a_literal_with_a_port),
      UNIT(address_refuses_a_nul_inside), UNIT(address_parse_leaves_its_result_alone_on_failure),
      UNIT(address_parse_ip_takes_ipv6_with_and_without_brackets),
      UNIT(address_goes_to_a_sockaddr_and_back_unchanged),
      UNIT(address_from_sockaddr_refuses_other_families),
      UNIT(address_compare_orders_by_family_then_ip_then_port),
      UNIT(hostile_94_loopback_link_local_and_unspecified_are_recognised),
      UNIT(listen_address_reads_every_form_of_the_command_line),
      UNIT(listen_address_says_what_is_wrong),
      UNIT(listen_address_takes_a_path_as_long_as_the_system_does_and_no_longer),
      UNIT(two_listeners_overlap_where_a_connection_could_come_in_at_either),
      UNIT(a_range_has_the_addresses_that_share_its_prefix))
