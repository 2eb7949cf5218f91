/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - where to connect and where to listen.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include "core/bytes.h"
#include "core/status.h"
#include "core/text.h"

#include <sys/socket.h>

/* An IP address and port, compact enough to keep by the hundred thousand. Equal addresses are equal
 * byte for byte. IPv4-mapped IPv6 addresses are stored as IPv4. */
struct address {
    uint8_t is_v6;   /* 0 or 1 */
    uint8_t zero[1]; /* always 0, so that memcmp() compares */
    uint16_t port;   /* host byte order */
    uint8_t ip[16];  /* network byte order; an IPv4 address uses the first four, the rest is 0 */
};

/* ADDR:PORT with a literal IPv4 address, or [v6]:PORT; no names. */
enum status address_parse(struct bytes text, struct address *address);
/* A literal address without a port, brackets or not. */
enum status address_parse_ip(struct bytes text, uint16_t port, struct address *address);
/* STATUS_INVALID for a family other than AF_INET and AF_INET6. */
enum status address_from_sockaddr(const struct sockaddr *sockaddr, struct address *address);
/* Returns the length for connect(). */
socklen_t address_to_sockaddr(const struct address *address, struct sockaddr_storage *sockaddr);
int address_compare(const struct address *a, const struct address *b); /* v4 first, ip, port */
bool address_equal(const struct address *a, const struct address *b);
void address_add(const struct address *address, struct text *out);    /* 10.0.0.1:80, [::1]:80 */
void address_add_ip(const struct address *address, struct text *out); /* 10.0.0.1, ::1 */
bool address_is_loopback(const struct address *address);
bool address_is_link_local(const struct address *address); /* 169.254/16, fe80::/10 */
bool address_is_unspecified(const struct address *address);

/*
 * What getaddrinfo() is to be asked for a name, with the service "0": the name, or NULL, which is
 * the loopback, for localhost and what ends in .localhost: no file and no DNS server is asked for
 * these.
 *
 * Source: RFC 6761 section 6.3
 */
const char *address_name_to_ask(const char *name);

/* All addresses that share their first bits. */
struct address_range {
    struct address address; /* port 0; bits after the first `bits` are 0 */
    uint8_t bits;
};

/* 10.0.0.0/8, 2001:db8::/32 or one literal address (RFC 4632 section 3.1). STATUS_INVALID also when
 * bits after the prefix are set, which is most often a slip. */
enum status address_range_parse(struct bytes text, struct address_range *range);
bool address_range_has(const struct address_range *range, const struct address *address);

#define LISTEN_PATH_MAX 107 /* sun_path less its NUL, unix(7) */

/* Where to listen: an address, or a unix socket. */
struct listen_address {
    bool is_unix;
    bool is_any; /* ":PORT" and "[::]:PORT": both families on one socket */
    struct address address;
    char path[LISTEN_PATH_MAX + 1];
};

/*
 * ADDR:PORT, [v6]:PORT, :PORT (all addresses, both families) or unix:PATH. On STATUS_INVALID *error
 * is a static sentence that says what is wrong. Port 0 is allowed: the system chooses.
 */
enum status listen_address_parse(struct bytes text, struct listen_address *address,
                                 const char **error);
/* One place: a connection could come in at either. Port 0 is another one each time; an address on
 * all of a family, or of both, is also each of them. */
bool listen_address_overlaps(const struct listen_address *a, const struct listen_address *b);
void listen_address_add(const struct listen_address *address, struct text *out);

#endif
