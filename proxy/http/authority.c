/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority.c - host[:port], looked at from the left and cut from the right.
 */
#include "proxy/http/authority.h"

#include "proxy/http/syntax.h"

#define PORT_MAX           65535
#define PORT_LENGTH_MAX    5
#define DEFAULT_PORT_HTTP  80
#define DEFAULT_PORT_HTTPS 443

static bool is_ip_literal_byte(char byte)
{
    char lower = ascii_lower(byte);

    return syntax_is_digit(byte) || (lower >= 'a' && lower <= 'f') || byte == ':' || byte == '.';
}

/* Length of the host in front: a name, or an IPv6 address in brackets; 0 when it is neither. */
static size_t host_length(struct bytes authority)
{
    size_t len = 0;

    if (authority.len == 0 || authority.at[0] != '[') {
        while (len < authority.len && syntax_is(authority.at[len], SYNTAX_HOST))
            len++;
        return len;
    }
    for (len = 1; len < authority.len && is_ip_literal_byte(authority.at[len]); len++)
        ;
    return len < authority.len && len > 2 && authority.at[len] == ']' ? len + 1 : 0;
}

static bool port_is_valid(struct bytes port)
{
    uint64_t number;

    return port.len <= PORT_LENGTH_MAX && bytes_to_uint(port, PORT_MAX, &number);
}

bool authority_is_valid(struct bytes authority)
{
    size_t host = host_length(authority);

    if (host == 0)
        return false;
    if (host == authority.len)
        return true;
    return authority.at[host] == ':' && port_is_valid(bytes_skip(authority, host + 1));
}

static uint64_t port_of(struct bytes authority, size_t host, struct bytes scheme)
{
    uint64_t port =
        bytes_equal_nocase(scheme, BYTES("https")) ? DEFAULT_PORT_HTTPS : DEFAULT_PORT_HTTP;

    (void)bytes_to_uint(bytes_skip(authority, host + 1), PORT_MAX, &port);
    return port;
}

bool authority_equal(struct bytes a, struct bytes b, struct bytes scheme)
{
    size_t host_a = host_length(a);
    size_t host_b = host_length(b);

    return bytes_equal_nocase(bytes_slice(a, 0, host_a), bytes_slice(b, 0, host_b)) &&
           port_of(a, host_a, scheme) == port_of(b, host_b, scheme);
}
