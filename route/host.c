/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - hosts in normal form; the other half of normal.h.
 */
#include "core/address.h"
#include "route/normal.h"

#define LABEL_LENGTH_MAX 63 /* RFC 1035 section 2.3.4 */
#define PORT_DIGITS_MAX  5

static bool is_lower_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/*
 * What a client may name as its host, in lower case; 0 for all other bytes. RFC 3986 would allow
 * "!$&'()*+,;=" too: no name we could serve has them, and behind us they only do harm.
 */
/* clang-format off */
static const char host_bytes[256] = {
    ['-'] = '-', ['.'] = '.', ['_'] = '_', ['~'] = '~',
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
            'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
            'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
};
/* clang-format on */

/* Lower case, the one trailing dot gone, no empty label. */
static enum status parse_name(struct bytes name, char *out, struct bytes *host)
{
    char before = '.';

    if (bytes_ends_with(name, BYTES(".")))
        name.len--;
    if (name.len == 0 || name.len > HOST_LENGTH_MAX)
        return STATUS_INVALID;
    for (size_t i = 0; i < name.len; i++) {
        char byte = host_bytes[(unsigned char)name.at[i]];

        if (byte == 0 || (byte == '.' && before == '.'))
            return STATUS_INVALID;
        out[i] = before = byte;
    }
    if (before == '.')
        return STATUS_INVALID;
    *host = bytes_from(out, name.len);
    return STATUS_OK;
}

/* "[v6]", which ends the host. */
static enum status parse_literal(struct bytes literal, char *out, struct bytes *host)
{
    struct bytes inner = bytes_slice(literal, 1, literal.len - 2);
    struct address address;

    if (bytes_find(inner, ':') == BYTES_NOT_FOUND ||
        address_parse_ip(inner, 0, &address) != STATUS_OK)
        return STATUS_INVALID;
    for (size_t i = 0; i < literal.len; i++)
        out[i] = ascii_lower(literal.at[i]);
    *host = bytes_from(out, literal.len);
    return STATUS_OK;
}

/* Empty, or ":" and a number. RFC 3986 section 3.2.3 allows the number to be missing. */
static enum status parse_port(struct bytes text, uint32_t *port)
{
    uint64_t number = 0;
    struct bytes digits = bytes_skip(text, 1);

    if (text.len > 0 && text.at[0] != ':')
        return STATUS_INVALID;
    if (digits.len > 0 && (digits.len > PORT_DIGITS_MAX ||
                           !bytes_to_uint(digits, UINT16_MAX, &number) || number == 0))
        return STATUS_INVALID;
    *port = (uint32_t)number;
    return STATUS_OK;
}

enum status authority_parse(struct bytes authority, char *out, struct host_port *result)
{
    bool is_literal = authority.len > 0 && authority.at[0] == '[';
    size_t end = bytes_find(authority, is_literal ? ']' : ':');
    struct host_port parsed;
    enum status status;

    if (end == BYTES_NOT_FOUND) {
        if (is_literal)
            return STATUS_INVALID;
        end = authority.len;
    }
    if (is_literal)
        status = parse_literal(bytes_slice(authority, 0, end + 1), out, &parsed.host);
    else
        status = parse_name(bytes_slice(authority, 0, end), out, &parsed.host);
    if (status == STATUS_OK)
        status = parse_port(bytes_skip(authority, is_literal ? end + 1 : end), &parsed.port);
    if (status == STATUS_OK)
        *result = parsed;
    return status;
}

/* RFC 1123 section 2.1, and underscores inside, which names in use have. */
static bool label_is_valid(struct bytes label)
{
    if (label.len == 0 || label.len > LABEL_LENGTH_MAX || !is_lower_or_digit(label.at[0]) ||
        !is_lower_or_digit(label.at[label.len - 1]))
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_lower_or_digit(label.at[i]) && label.at[i] != '-' && label.at[i] != '_')
            return false;
    return true;
}

bool host_is_valid(struct bytes host, bool may_wildcard)
{
    struct bytes rest = host;
    size_t dot;

    if (host.len > HOST_LENGTH_MAX)
        return false;
    if (may_wildcard && bytes_starts_with(rest, BYTES("*.")))
        rest = bytes_skip(rest, 2);
    while ((dot = bytes_find(rest, '.')) != BYTES_NOT_FOUND) {
        if (!label_is_valid(bytes_slice(rest, 0, dot)))
            return false;
        rest = bytes_skip(rest, dot + 1);
    }
    return label_is_valid(rest);
}
