/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_name.c - reading the server_name extension, and what counts as a host name in it.
 *
 *     list length (2) | type (1), 0 for a host name | name length (2) | name
 *
 * RFC 6066 allows one name of each type and has one type, so there is one entry.
 */
#include "tls/server_name.h"

#define ENTRY_HEAD_BYTES 5
#define LABEL_LENGTH_MAX 63
#define HOST_LENGTH_MAX  253 /* RFC 1035 section 2.3.4, without the root */

static size_t uint16_at(struct bytes text, size_t at)
{
    return (size_t)(((unsigned char)text.at[at] << 8) | (unsigned char)text.at[at + 1]);
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_';
}

static bool is_label(struct bytes label)
{
    if (label.len == 0 || label.len > LABEL_LENGTH_MAX)
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_name_byte(label.at[i]))
            return false;
    return true;
}

/* No top-level domain is a number, but the end of each IPv4 address is one. */
static bool is_number(struct bytes label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.at[i] < '0' || label.at[i] > '9')
            return false;
    return true;
}

static bool is_host_name(struct bytes name)
{
    struct bytes rest = name;
    size_t dot;

    if (name.len > HOST_LENGTH_MAX)
        return false;
    while ((dot = bytes_find(rest, '.')) != BYTES_NOT_FOUND) {
        if (!is_label(bytes_slice(rest, 0, dot)))
            return false;
        rest = bytes_skip(rest, dot + 1);
    }
    return is_label(rest) && !is_number(rest);
}

enum status server_name_read(struct bytes extension, char *name, size_t *length)
{
    struct bytes given;

    if (extension.len < ENTRY_HEAD_BYTES || uint16_at(extension, 0) != extension.len - 2 ||
        extension.at[2] != 0 || uint16_at(extension, 3) != extension.len - ENTRY_HEAD_BYTES)
        return STATUS_INVALID;
    given = bytes_skip(extension, ENTRY_HEAD_BYTES);
    if (given.len == 0 || given.len > TLS_SERVER_NAME_MAX)
        return STATUS_INVALID;
    if (given.at[given.len - 1] == '.')
        given.len--;
    for (size_t i = 0; i < given.len; i++)
        name[i] = ascii_lower(given.at[i]);
    *length = given.len;
    return is_host_name(bytes_from(name, given.len)) ? STATUS_OK : STATUS_REFUSED;
}
