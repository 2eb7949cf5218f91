/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_header.c - the PROXY protocol's two forms: one line of text, or a binary block.
 */
#include "proxy/http/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define V1_START         BYTES("PROXY ")
#define V1_LENGTH_MAX    107 /* with CR LF */
#define V2_SIGNATURE     BYTES("\r\n\r\n\0\r\nQUIT\n")
#define V2_VERSION       (2 << 4)
#define V2_FIXED_LENGTH  16
#define V2_INET_LENGTH   12
#define V2_INET6_LENGTH  36
#define V2_UNIX_LENGTH   216
#define V2_TLV_HEAD      3
#define V2_STREAM        1
#define V2_TRANSPORT_MAX 2 /* UNSPEC, STREAM, DGRAM */
#define MAPPED_LENGTH    12
#define PORT_LENGTH_MAX  5
#define PORT_MAX         65535

enum v2_command { V2_LOCAL, V2_PROXY };
enum v2_family { V2_UNSPEC, V2_INET, V2_INET6, V2_UNIX };

/* ---- version 1 ---- */

/* Words are parted by exactly one blank. */
static struct bytes take_word(struct bytes *rest)
{
    struct bytes word = bytes_slice(*rest, 0, bytes_find(*rest, ' '));

    *rest = bytes_skip(*rest, word.len + 1);
    return word;
}

static bool read_port(struct bytes word, uint16_t *port)
{
    uint64_t number;

    if (word.len > PORT_LENGTH_MAX || (word.len > 1 && word.at[0] == '0') ||
        !bytes_to_uint(word, PORT_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* The family is the word's: address_parse_ip() takes brackets and both families. */
static bool read_ip(struct bytes word, bool is_v6, uint16_t port, struct address *address)
{
    bool has_colon = bytes_find(word, ':') != BYTES_NOT_FOUND;

    if (has_colon != is_v6 || bytes_starts_with(word, BYTES("[")))
        return false;
    return address_parse_ip(word, port, address) == STATUS_OK;
}

/* What stands between "PROXY " and CR LF. */
static enum status read_v1(struct bytes rest, struct proxy_header *header)
{
    struct proxy_header found = {.has_address = true};
    struct bytes family = take_word(&rest);
    bool is_v6 = bytes_equal(family, BYTES("TCP6"));
    struct bytes source, destination;
    uint16_t source_port, destination_port;

    if (bytes_equal(family, BYTES("UNKNOWN"))) { /* whatever follows is to be ignored */
        *header = (struct proxy_header){.has_address = false};
        return STATUS_OK;
    }
    if (!is_v6 && !bytes_equal(family, BYTES("TCP4")))
        return STATUS_INVALID;
    source = take_word(&rest);
    destination = take_word(&rest);
    if (!read_port(take_word(&rest), &source_port) || !read_port(rest, &destination_port) ||
        !read_ip(source, is_v6, source_port, &found.source) ||
        !read_ip(destination, is_v6, destination_port, &found.destination))
        return STATUS_INVALID;
    *header = found;
    return STATUS_OK;
}

static enum status parse_v1(struct bytes data, struct proxy_header *header, size_t *used)
{
    size_t lf = bytes_find(bytes_slice(data, 0, V1_LENGTH_MAX), '\n');
    enum status status;

    if (lf == BYTES_NOT_FOUND)
        return data.len < V1_LENGTH_MAX ? STATUS_AGAIN : STATUS_INVALID;
    if (data.at[lf - 1] != '\r')
        return STATUS_INVALID;
    status = read_v1(bytes_skip(bytes_slice(data, 0, lf - 1), V1_START.len), header);
    if (status == STATUS_OK)
        *used = lf + 1;
    return status;
}

/* ---- version 2 ---- */

static uint16_t read_u16(const char *at)
{
    return (uint16_t)(((uint8_t)at[0] << 8) | (uint8_t)at[1]);
}

static bool read_inet(struct bytes block, struct proxy_header *header)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct sockaddr_in destination = {.sin_family = AF_INET};

    memcpy(&source.sin_addr, block.at, 4);
    memcpy(&destination.sin_addr, block.at + 4, 4);
    memcpy(&source.sin_port, block.at + 8, 2);
    memcpy(&destination.sin_port, block.at + 10, 2);
    return address_from_sockaddr((struct sockaddr *)&source, &header->source) == STATUS_OK &&
           address_from_sockaddr((struct sockaddr *)&destination, &header->destination) ==
               STATUS_OK;
}

static bool read_inet6(struct bytes block, struct proxy_header *header)
{
    struct sockaddr_in6 source = {.sin6_family = AF_INET6};
    struct sockaddr_in6 destination = {.sin6_family = AF_INET6};

    memcpy(&source.sin6_addr, block.at, 16);
    memcpy(&destination.sin6_addr, block.at + 16, 16);
    memcpy(&source.sin6_port, block.at + 32, 2);
    memcpy(&destination.sin6_port, block.at + 34, 2);
    return address_from_sockaddr((struct sockaddr *)&source, &header->source) == STATUS_OK &&
           address_from_sockaddr((struct sockaddr *)&destination, &header->destination) ==
               STATUS_OK;
}

/* Type-length-values are skipped, but they must fill the block exactly. */
static bool tlvs_are_whole(struct bytes rest)
{
    while (rest.len > 0) {
        size_t len;

        if (rest.len < V2_TLV_HEAD)
            return false;
        len = V2_TLV_HEAD + (size_t)read_u16(rest.at + 1);
        if (len > rest.len)
            return false;
        rest = bytes_skip(rest, len);
    }
    return true;
}

static size_t addresses_length(unsigned family)
{
    static const size_t lengths[] = {
        [V2_UNSPEC] = 0,
        [V2_INET] = V2_INET_LENGTH,
        [V2_INET6] = V2_INET6_LENGTH,
        [V2_UNIX] = V2_UNIX_LENGTH,
    };

    return lengths[family];
}

/* The block after the fixed part, of a connection that is passed on for somebody. */
static bool read_v2_block(unsigned family, struct bytes block, struct proxy_header *header)
{
    size_t len = addresses_length(family);

    if (block.len < len)
        return false;
    /* Without a family the block has no known shape, and is skipped whole. */
    if (family != V2_UNSPEC && !tlvs_are_whole(bytes_skip(block, len)))
        return false;
    header->has_address = family == V2_INET || family == V2_INET6;
    if (family == V2_INET)
        return read_inet(block, header);
    return family != V2_INET6 || read_inet6(block, header);
}

static enum status parse_v2(struct bytes data, struct proxy_header *header, size_t *used)
{
    struct proxy_header found = {.has_address = false};
    unsigned version, command, family, transport;
    size_t len;

    if (data.len < V2_FIXED_LENGTH)
        return STATUS_AGAIN;
    version = (uint8_t)data.at[12] >> 4;
    command = (uint8_t)data.at[12] & 0x0F;
    family = (uint8_t)data.at[13] >> 4;
    transport = (uint8_t)data.at[13] & 0x0F;
    len = V2_FIXED_LENGTH + (size_t)read_u16(data.at + 14);
    if (version != 2 || command > V2_PROXY || len > PROXY_HEADER_BYTES_MAX || family > V2_UNIX ||
        transport > V2_TRANSPORT_MAX)
        return STATUS_INVALID;
    if (data.len < len)
        return STATUS_AGAIN;
    if (command == V2_PROXY &&
        !read_v2_block(family, bytes_slice(data, V2_FIXED_LENGTH, len - V2_FIXED_LENGTH), &found))
        return STATUS_INVALID;
    *header = found;
    *used = len;
    return STATUS_OK;
}

/* ---- writing version 2 ---- */

static void add_u16(struct text *out, size_t number)
{
    text_add_byte(out, (char)(number >> 8));
    text_add_byte(out, (char)(number & 0xff));
}

static void add_ip(struct text *out, const struct address *address, bool as_v6)
{
    static const char mapped[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

    if (as_v6 && address->is_v6 == 0)
        text_add(out, bytes_from(mapped, MAPPED_LENGTH));
    text_add(out, bytes_from((const char *)address->ip, address->is_v6 != 0 ? 16 : 4));
}

void proxy_header_write(const struct proxy_header *header, struct text *out)
{
    const struct address *source = &header->source;
    const struct address *destination = &header->destination;
    bool as_v6 = source->is_v6 != 0 || destination->is_v6 != 0;

    text_add(out, V2_SIGNATURE);
    if (!header->has_address) {
        text_add_byte(out, (char)(V2_VERSION | V2_LOCAL));
        text_add_byte(out, V2_UNSPEC);
        add_u16(out, 0);
        return;
    }
    text_add_byte(out, (char)(V2_VERSION | V2_PROXY));
    text_add_byte(out, (char)((as_v6 ? V2_INET6 : V2_INET) << 4 | V2_STREAM));
    add_u16(out, as_v6 ? V2_INET6_LENGTH : V2_INET_LENGTH);
    add_ip(out, source, as_v6);
    add_ip(out, destination, as_v6);
    add_u16(out, source->port);
    add_u16(out, destination->port);
}

/* ---- either ---- */

/* `data` may still be shorter than the start. */
static bool may_start_with(struct bytes data, struct bytes start)
{
    return bytes_starts_with(start, bytes_slice(data, 0, start.len));
}

enum status proxy_header_parse(struct bytes data, struct proxy_header *header, size_t *used)
{
    bool is_v1 = may_start_with(data, V1_START);
    bool is_v2 = may_start_with(data, V2_SIGNATURE);

    if (!is_v1 && !is_v2)
        return STATUS_INVALID;
    if (data.len < V1_START.len)
        return STATUS_AGAIN;
    return is_v1 ? parse_v1(data, header, used) : parse_v2(data, header, used);
}
