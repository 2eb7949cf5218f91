/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_normal.c - hosts and paths in normal form.
 */
#include "route/normal.h"
#include "tests/unit/route/make.h"

static void assert_path(const char *from, const char *to)
{
    struct bytes path = bytes_of(from);
    char *room = mem_alloc(path.len); /* exactly: a byte more would be caught */
    struct bytes normal;

    assert_int_equal(path_normalise(path, room, &normal), PATH_FINE);
    assert_bytes(normal, to);
    assert_true(path_is_normal(normal));
    assert_int_equal(path_is_normal(path), strcmp(from, to) == 0);
    mem_free(room);
}

static void assert_fault(const char *from, enum path_fault fault)
{
    struct bytes path = bytes_of(from);
    char *room = mem_alloc(path.len + 1);
    struct bytes normal = BYTES("untouched");

    assert_int_equal(path_normalise(path, room, &normal), fault);
    assert_bytes(normal, "untouched");
    assert_false(path_is_normal(path));
    mem_free(room);
}

TEST(a_normal_path_stays_as_it_is)
{
    assert_path("/", "/");
    assert_path("/a", "/a");
    assert_path("/a/b/", "/a/b/");
    assert_path("/.well-known/acme-challenge/x-y_z~", "/.well-known/acme-challenge/x-y_z~");
    assert_path("/a.b/..c/d../...", "/a.b/..c/d../...");
    assert_path("/%E2%82%AC/%20", "/%E2%82%AC/%20");
    assert_path("/!$&'()*+,;=:@\"<>[]^`{|}", "/!$&'()*+,;=:@\"<>[]^`{|}");
}

TEST(hostile_29_bytes_outside_the_printable_range_and_hash_are_faults)
{
    assert_fault("", PATH_BAD_BYTE);
    assert_fault("a", PATH_BAD_BYTE);
    assert_fault("*", PATH_BAD_BYTE);
    assert_fault("/a b", PATH_BAD_BYTE);
    assert_fault("/a\tb", PATH_BAD_BYTE);
    assert_fault("/a\x7f", PATH_BAD_BYTE);
    assert_fault("/\xc3\xa9", PATH_BAD_BYTE);
    assert_fault("/a#b", PATH_BAD_BYTE);
    assert_fault("/a?b", PATH_BAD_BYTE);
}

TEST(hostile_33_a_percent_without_two_hex_digits_is_a_fault)
{
    assert_fault("/%", PATH_BAD_ESCAPE);
    assert_fault("/%4", PATH_BAD_ESCAPE);
    assert_fault("/%zz", PATH_BAD_ESCAPE);
    assert_fault("/%u002f", PATH_BAD_ESCAPE);
    assert_fault("/a%4/b", PATH_BAD_ESCAPE);
    assert_fault("/%%32e", PATH_BAD_ESCAPE);
}

TEST(hostile_34_an_escaped_nul_is_a_fault)
{
    assert_fault("/a%00", PATH_NUL);
    assert_fault("/%00/b", PATH_NUL);
}

TEST(hostile_35_an_escaped_slash_stays_and_separates_nothing)
{
    assert_path("/a%2Fb", "/a%2Fb");
    assert_path("/a%2fb", "/a%2Fb");
    assert_path("/a%2f..%2fb", "/a%2F..%2Fb");
    assert_path("/a/%2f../b", "/a/%2F../b");
    assert_path("/..%2fb", "/..%2Fb");
}

TEST(hostile_35_a_backslash_is_a_fault_raw_and_escaped)
{
    assert_fault("/a\\b", PATH_BACKSLASH);
    assert_fault("/a%5cb", PATH_BACKSLASH);
    assert_fault("/a%5C..%5Cb", PATH_BACKSLASH);
}

TEST(hostile_36_dot_segments_are_resolved_in_any_mix_of_raw_and_escaped)
{
    assert_path("/a/../b", "/b");
    assert_path("/a/./b", "/a/b");
    assert_path("/a/%2e%2e/b", "/b");
    assert_path("/a/.%2E/b", "/b");
    assert_path("/a/%2e./b", "/b");
    assert_path("/a/%2e/b", "/a/b");
    assert_path("/a/b/../../c", "/c");
    assert_path("/a/b/..", "/a/");
    assert_path("/a/b/.", "/a/b/");
    assert_path("/.", "/");
    assert_path("/a/..", "/");
    assert_path("/a/%2e%2e", "/");
}

TEST(hostile_36_climbing_above_the_root_is_a_fault)
{
    assert_fault("/..", PATH_ABOVE_ROOT);
    assert_fault("/../a", PATH_ABOVE_ROOT);
    assert_fault("/a/../..", PATH_ABOVE_ROOT);
    assert_fault("/%2e%2e/a", PATH_ABOVE_ROOT);
    assert_fault("/a//../../b", PATH_ABOVE_ROOT);
    assert_fault("/./../a", PATH_ABOVE_ROOT);
}

TEST(hostile_37_only_unreserved_bytes_are_decoded_and_digits_go_to_upper_case)
{
    assert_path("/%61%5A%30%2D%2e%5f%7E", "/aZ0-._~");
    assert_path("/%3a%3b", "/%3A%3B");
    assert_path("/%2b", "/%2B");
    assert_path("/%e2%82%ac", "/%E2%82%AC");
}

TEST(hostile_37_nothing_is_decoded_twice)
{
    assert_path("/%2561", "/%2561");
    assert_path("/%252e%252e/a", "/%252e%252e/a");
    assert_path("/%25%36%31", "/%2561");
    assert_path("/a/%252fb", "/a/%252fb");
}

TEST(hostile_38_repeated_slashes_become_one)
{
    assert_path("//", "/");
    assert_path("//a///b//", "/a/b/");
    assert_path("/a//../b", "/b");
    assert_path("/a/.//b", "/a/b");
    assert_path("/a/..//b", "/b");
}

TEST(a_prefix_covers_paths_up_to_the_end_of_a_segment)
{
    static const struct {
        const char *prefix, *path;
        bool is_within;
    } cases[] = {
        {"/foo", "/foo", true},     {"/foo", "/foo/", true},  {"/foo", "/foo/x", true},
        {"/foo/", "/foo", true},    {"/foo/", "/foo/", true}, {"/foo/", "/foo/x", true},
        {"/foo", "/foobar", false}, {"/foo", "/fo", false},   {"/foo/", "/foobar", false},
        {"/", "/", true},           {"/", "/foo", true},      {"/foo/x", "/foo", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(path_is_within(bytes_of(cases[i].path), bytes_of(cases[i].prefix)),
                         cases[i].is_within);
}

TEST(hostile_39_path_parameters_are_plain_text)
{
    assert_path("/a/..;/b", "/a/..;/b");
    assert_path("/a/..;x=y/b", "/a/..;x=y/b");
    assert_path("/a;x=y/../b", "/b");
    assert_path("/a/.;/b", "/a/.;/b");
}

TEST(the_quick_test_agrees_with_the_rewrite_on_random_paths)
{
    static const char *const pieces[] = {"/",   "/",   ".",   "..",  "a", "%2e", "%2E",
                                         "%2f", "%2F", "%41", "%25", ";", "%e2", "%E2",
                                         "%5c", "%",   "\\",  "b",   "~", "%00"};
    uint64_t state = 1;

    for (int i = 0; i < 200000; i++) {
        char path[64] = "/";
        char room[64];
        struct bytes normal;
        size_t count = random_below(&state, 9);

        for (size_t j = 0; j < count; j++)
            strcat(path, pieces[random_below(&state, sizeof(pieces) / sizeof(pieces[0]))]);
        if (path_normalise(bytes_of(path), room, &normal) != PATH_FINE) {
            assert_false(path_is_normal(bytes_of(path)));
            continue;
        }
        assert_true(path_is_normal(normal));
        assert_int_equal(path_is_normal(bytes_of(path)), bytes_equal(normal, bytes_of(path)));
    }
}

static void assert_authority(const char *from, const char *host, uint32_t port)
{
    char room[300];
    struct host_port parsed;

    assert_int_equal(authority_parse(bytes_of(from), room, &parsed), STATUS_OK);
    assert_bytes(parsed.host, host);
    assert_int_equal(parsed.port, port);
}

static void assert_no_authority(const char *from)
{
    char room[600];
    struct host_port parsed;

    assert_int_equal(authority_parse(bytes_of(from), room, &parsed), STATUS_INVALID);
}

TEST(hostile_43_a_host_is_lower_case_without_trailing_dot_and_port)
{
    assert_authority("example.com", "example.com", 0);
    assert_authority("Example.COM", "example.com", 0);
    assert_authority("example.com.", "example.com", 0);
    assert_authority("EXAMPLE.com.:8080", "example.com", 8080);
    assert_authority("example.com:80", "example.com", 80);
    assert_authority("example.com:65535", "example.com", 65535);
    assert_authority("example.com:", "example.com", 0);
    assert_authority("a_b-c.example", "a_b-c.example", 0);
    assert_authority("10.0.0.1:80", "10.0.0.1", 80);
    assert_authority("[::1]", "[::1]", 0);
    assert_authority("[2001:DB8::1]:443", "[2001:db8::1]", 443);
}

TEST(hostile_24_what_is_not_a_host_and_port_is_refused)
{
    static const char *const bad[] = {
        "",
        ":80",
        ".",
        "..",
        ".example.com",
        "a..b",
        "a.b..",
        "user@host",
        "user:p@host",
        "host/path",
        "host?x",
        "host#x",
        "a b",
        " host",
        "host ",
        "host\t",
        "a\x01",
        "a\x7f",
        "h%6fst",
        "host:99999",
        "host:65536",
        "host:0",
        "host:-1",
        "host:+80",
        "host:80:80",
        "host:8a",
        "host: 80",
        "a,b",
        "http://host",
        "[::1",
        "[]",
        "[::1]80",
        "[::1]:x",
        "[1.2.3.4]",
        "[v1.x]",
        "[::1%25eth0]",
        "::1",
        "[::g]",
        "\xc3\xa9.example",
        "*.example.com",
        "*",
        "a\\b",
        "[::1]]",
        "host:000080",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_no_authority(bad[i]);
}

TEST(hostile_24_a_host_longer_than_a_dns_name_is_refused)
{
    struct host_port parsed;
    char name[600];

    memset(name, 'a', sizeof(name));
    name[HOST_LENGTH_MAX] = '\0';
    assert_authority(name, name, 0);
    name[HOST_LENGTH_MAX] = 'a';
    name[HOST_LENGTH_MAX + 1] = '\0';
    assert_no_authority(name);
    name[HOST_LENGTH_MAX] = '.'; /* the root's dot does not count */
    assert_int_equal(strlen(name), HOST_LENGTH_MAX + 1);
    assert_int_equal(authority_parse(bytes_of(name), name + 300, &parsed), STATUS_OK);
    assert_int_equal(parsed.host.len, HOST_LENGTH_MAX);
}

TEST(an_object_may_name_dns_names_and_wildcards_only)
{
    assert_true(host_is_valid(BYTES("example.com"), false));
    assert_true(host_is_valid(BYTES("localhost"), false));
    assert_true(host_is_valid(BYTES("a-b.c_d.e1"), false));
    assert_true(host_is_valid(BYTES("*.example.com"), true));
    assert_false(host_is_valid(BYTES("*.example.com"), false));
    assert_false(host_is_valid(BYTES(""), true));
    assert_false(host_is_valid(BYTES("*"), true));
    assert_false(host_is_valid(BYTES("*."), true));
    assert_false(host_is_valid(BYTES("*.*.com"), true));
    assert_false(host_is_valid(BYTES("a.*.com"), true));
    assert_false(host_is_valid(BYTES("Example.com"), true));
    assert_false(host_is_valid(BYTES("example.com."), true));
    assert_false(host_is_valid(BYTES(".example.com"), true));
    assert_false(host_is_valid(BYTES("a..b"), true));
    assert_false(host_is_valid(BYTES("-a.com"), true));
    assert_false(host_is_valid(BYTES("a-.com"), true));
    assert_false(host_is_valid(BYTES("a b"), true));
    assert_false(host_is_valid(BYTES("a.com:80"), true));
}

TESTS(UNIT(a_normal_path_stays_as_it_is),
      UNIT(hostile_29_bytes_outside_the_printable_range_and_hash_are_faults),
      UNIT(hostile_33_a_percent_without_two_hex_digits_is_a_fault),
      UNIT(hostile_34_an_escaped_nul_is_a_fault),
      UNIT(hostile_35_an_escaped_slash_stays_and_separates_nothing),
      UNIT(hostile_35_a_backslash_is_a_fault_raw_and_escaped),
      UNIT(hostile_36_dot_segments_are_resolved_in_any_mix_of_raw_and_escaped),
      UNIT(hostile_36_climbing_above_the_root_is_a_fault),
      UNIT(hostile_37_only_unreserved_bytes_are_decoded_and_digits_go_to_upper_case),
      UNIT(hostile_37_nothing_is_decoded_twice), UNIT(hostile_38_repeated_slashes_become_one),
      UNIT(a_prefix_covers_paths_up_to_the_end_of_a_segment),
      UNIT(hostile_39_path_parameters_are_plain_text),
      UNIT(the_quick_test_agrees_with_the_rewrite_on_random_paths),
      UNIT(hostile_43_a_host_is_lower_case_without_trailing_dot_and_port),
      UNIT(hostile_24_what_is_not_a_host_and_port_is_refused),
      UNIT(hostile_24_a_host_longer_than_a_dns_name_is_refused),
      UNIT(an_object_may_name_dns_names_and_wildcards_only))
