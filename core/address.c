/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - literal addresses in and out of text and sockaddr.
 *
 * Only literal addresses are read: no names, no zones (fe80::1%eth0), no short forms (127.1), since
 * two readers that understand an address differently are how a filter is walked around.
 */
#include "core/address.h"

#include "core/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define PORT_DIGITS_MAX 5

static const uint8_t v4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_v4(struct address *address, const void *ip, uint16_t port)
{
    memset(address, 0, sizeof(*address));
    address->port = port;
    memcpy(address->ip, ip, 4);
}

static void set_v6(struct address *address, const uint8_t ip[16], uint16_t port)
{
    if (memcmp(ip, v4_mapped_prefix, sizeof(v4_mapped_prefix)) == 0) {
        set_v4(address, ip + sizeof(v4_mapped_prefix), port);
        return;
    }
    memset(address, 0, sizeof(*address));
    address->is_v6 = 1;
    address->port = port;
    memcpy(address->ip, ip, 16);
}

static enum status parse_ip_of_family(int family, struct bytes text, uint16_t port,
                                      struct address *address)
{
    char name[INET6_ADDRSTRLEN];
    uint8_t ip[16];

    if (text.len == 0 || text.len >= sizeof(name) || bytes_find(text, '\0') != BYTES_NOT_FOUND)
        return STATUS_INVALID;
    memcpy(name, text.at, text.len);
    name[text.len] = '\0';
    if (inet_pton(family, name, ip) != 1)
        return STATUS_INVALID;
    if (family == AF_INET6)
        set_v6(address, ip, port);
    else
        set_v4(address, ip, port);
    return STATUS_OK;
}

static bool is_bracketed(struct bytes text)
{
    return text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
}

enum status address_parse_ip(struct bytes text, uint16_t port, struct address *address)
{
    if (is_bracketed(text))
        return parse_ip_of_family(AF_INET6, bytes_slice(text, 1, text.len - 2), port, address);
    if (bytes_find(text, ':') != BYTES_NOT_FOUND)
        return parse_ip_of_family(AF_INET6, text, port, address);
    return parse_ip_of_family(AF_INET, text, port, address);
}

/* What stands before and after the last colon. *error is written when that can not be told. */
static enum status split_port(struct bytes text, struct bytes *host, uint16_t *port,
                              const char **error)
{
    size_t colon = bytes_find_last(text, ':');
    struct bytes digits;
    uint64_t number;

    if (colon == BYTES_NOT_FOUND || (text.len > 0 && text.at[text.len - 1] == ']')) {
        *error = "the port is missing";
        return STATUS_INVALID;
    }
    digits = bytes_skip(text, colon + 1);
    if (digits.len > PORT_DIGITS_MAX || !bytes_to_uint(digits, UINT16_MAX, &number)) {
        *error = "the port is not a number from 0 to 65535";
        return STATUS_INVALID;
    }
    *host = bytes_slice(text, 0, colon);
    *port = (uint16_t)number;
    return STATUS_OK;
}

static enum status parse_with_port(struct bytes text, struct address *address, const char **error)
{
    struct bytes host;
    uint16_t port;
    enum status status = split_port(text, &host, &port, error);

    if (status != STATUS_OK)
        return status;
    if (!is_bracketed(host) && bytes_find(host, ':') != BYTES_NOT_FOUND) {
        *error = "an IPv6 address needs brackets around it";
        return STATUS_INVALID;
    }
    if (address_parse_ip(host, port, address) != STATUS_OK) {
        *error = "not a literal IPv4 or IPv6 address";
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status address_parse(struct bytes text, struct address *address)
{
    const char *unused;

    return parse_with_port(text, address, &unused);
}

enum status address_from_sockaddr(const struct sockaddr *sockaddr, struct address *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (sockaddr->sa_family == AF_INET) {
        memcpy(&v4, sockaddr, sizeof(v4));
        set_v4(address, &v4.sin_addr, ntohs(v4.sin_port));
        return STATUS_OK;
    }
    if (sockaddr->sa_family == AF_INET6) {
        memcpy(&v6, sockaddr, sizeof(v6));
        set_v6(address, v6.sin6_addr.s6_addr, ntohs(v6.sin6_port));
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

socklen_t address_to_sockaddr(const struct address *address, struct sockaddr_storage *sockaddr)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};

    memset(sockaddr, 0, sizeof(*sockaddr));
    if (address->is_v6) {
        memcpy(v6.sin6_addr.s6_addr, address->ip, 16);
        memcpy(sockaddr, &v6, sizeof(v6));
        return sizeof(v6);
    }
    memcpy(&v4.sin_addr, address->ip, 4);
    memcpy(sockaddr, &v4, sizeof(v4));
    return sizeof(v4);
}

int address_compare(const struct address *a, const struct address *b)
{
    int order = (int)a->is_v6 - (int)b->is_v6;

    if (order == 0)
        order = memcmp(a->ip, b->ip, sizeof(a->ip));
    return order != 0 ? order : (int)a->port - (int)b->port;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

void address_add_ip(const struct address *address, struct text *out)
{
    char name[INET6_ADDRSTRLEN];
    const char *written =
        inet_ntop(address->is_v6 ? AF_INET6 : AF_INET, address->ip, name, sizeof(name));

    CHECK(written != NULL);
    text_add_str(out, name);
}

void address_add(const struct address *address, struct text *out)
{
    if (address->is_v6)
        text_add_byte(out, '[');
    address_add_ip(address, out);
    if (address->is_v6)
        text_add_byte(out, ']');
    text_add_byte(out, ':');
    text_add_uint(out, address->port);
}

const char *address_name_to_ask(const char *name)
{
    struct bytes text = bytes_of(name), suffix = BYTES(".localhost");

    if (text.len > 0 && text.at[text.len - 1] == '.')
        text.len--;
    if (bytes_equal_nocase(text, BYTES("localhost")) ||
        (text.len > suffix.len &&
         bytes_equal_nocase(bytes_skip(text, text.len - suffix.len), suffix)))
        return NULL;
    return name;
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};

    if (address->is_v6)
        return memcmp(address->ip, v6_loopback, sizeof(v6_loopback)) == 0;
    return address->ip[0] == 127;
}

bool address_is_link_local(const struct address *address)
{
    if (address->is_v6)
        return address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
    return address->ip[0] == 169 && address->ip[1] == 254;
}

bool address_is_unspecified(const struct address *address)
{
    static const uint8_t zeros[16];

    return memcmp(address->ip, zeros, sizeof(zeros)) == 0;
}

static enum status parse_unix(struct bytes path, struct listen_address *address, const char **error)
{
    if (path.len == 0) {
        *error = "the path after unix: is empty";
        return STATUS_INVALID;
    }
    if (path.len > LISTEN_PATH_MAX) {
        *error = "the path after unix: is longer than 107 bytes";
        return STATUS_INVALID;
    }
    if (bytes_find(path, '\0') != BYTES_NOT_FOUND) {
        *error = "the path after unix: holds a NUL";
        return STATUS_INVALID;
    }
    memset(address, 0, sizeof(*address));
    address->is_unix = true;
    memcpy(address->path, path.at, path.len);
    return STATUS_OK;
}

/* ":PORT" is "[::]:PORT", and that means both families. */
static enum status parse_any(struct bytes text, struct address *address, const char **error)
{
    static const uint8_t unspecified[16];
    struct bytes host;
    uint16_t port;
    enum status status = split_port(text, &host, &port, error);

    if (status == STATUS_OK)
        set_v6(address, unspecified, port);
    return status;
}

enum status listen_address_parse(struct bytes text, struct listen_address *address,
                                 const char **error)
{
    struct bytes unix_prefix = BYTES("unix:");
    struct address parsed = {0};
    enum status status;

    if (bytes_starts_with(text, unix_prefix))
        return parse_unix(bytes_skip(text, unix_prefix.len), address, error);
    if (bytes_find_last(text, ':') == 0)
        status = parse_any(text, &parsed, error);
    else
        status = parse_with_port(text, &parsed, error);
    if (status != STATUS_OK)
        return status;
    memset(address, 0, sizeof(*address));
    address->is_any = parsed.is_v6 && address_is_unspecified(&parsed);
    address->address = parsed;
    return STATUS_OK;
}

static bool is_all_of(const struct listen_address *all, const struct listen_address *one)
{
    return address_is_unspecified(&all->address) &&
           (all->is_any || all->address.is_v6 == one->address.is_v6);
}

bool listen_address_overlaps(const struct listen_address *a, const struct listen_address *b)
{
    if (a->is_unix || b->is_unix)
        return a->is_unix && b->is_unix && strcmp(a->path, b->path) == 0;
    if (a->address.port == 0 || a->address.port != b->address.port)
        return false;
    return address_equal(&a->address, &b->address) || is_all_of(a, b) || is_all_of(b, a);
}

void listen_address_add(const struct listen_address *address, struct text *out)
{
    if (address->is_unix) {
        text_add_str(out, "unix:");
        text_add_str(out, address->path);
        return;
    }
    address_add(&address->address, out);
}

static bool bit_of(const struct address *address, unsigned int at)
{
    return (address->ip[at / 8] >> (7 - at % 8) & 1) != 0;
}

enum status address_range_parse(struct bytes text, struct address_range *range)
{
    size_t slash = bytes_find(text, '/');
    struct bytes ip = slash == BYTES_NOT_FOUND ? text : bytes_slice(text, 0, slash);
    struct address_range parsed = {.bits = 0};
    unsigned int width;
    uint64_t bits;

    if (address_parse_ip(ip, 0, &parsed.address) != STATUS_OK)
        return STATUS_INVALID;
    width = parsed.address.is_v6 ? 128 : 32;
    bits = width;
    if (slash != BYTES_NOT_FOUND && !bytes_to_uint(bytes_skip(text, slash + 1), width, &bits))
        return STATUS_INVALID;
    for (unsigned int at = (unsigned int)bits; at < width; at++)
        if (bit_of(&parsed.address, at))
            return STATUS_INVALID;
    parsed.bits = (uint8_t)bits;
    *range = parsed;
    return STATUS_OK;
}

bool address_range_has(const struct address_range *range, const struct address *address)
{
    if (range->address.is_v6 != address->is_v6)
        return false;
    for (unsigned int at = 0; at < range->bits; at++)
        if (bit_of(&range->address, at) != bit_of(address, at))
            return false;
    return true;
}
