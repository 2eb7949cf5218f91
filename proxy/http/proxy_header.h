/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_header.h - the PROXY protocol's header, version 1 and 2: who is really calling.
 *
 * Read only on listeners that ask for it (hostile-input 48). Written, in version 2, to endpoints of
 * tcp routes whose Service asks for it.
 * Source: haproxy doc/proxy-protocol.txt, revision 2020/03/05, sections 2.1 and 2.2.
 */
#ifndef PROXY_HTTP_PROXY_HEADER_H
#define PROXY_HTTP_PROXY_HEADER_H

#include "core/address.h"

#define PROXY_HEADER_BYTES_MAX 536

struct proxy_header {
    bool has_address; /* false for LOCAL, UNKNOWN and families without ports: use the peer's own */
    struct address source;
    struct address destination;
};

/*
 * `data` is what came so far, from the first byte of the connection. STATUS_OK: *header is filled
 * and the first *used bytes are the header. STATUS_AGAIN: more is needed. STATUS_INVALID: close,
 * also when it would be longer than PROXY_HEADER_BYTES_MAX. Out-parameters are written only on
 * success.
 */
enum status proxy_header_parse(struct bytes data, struct proxy_header *header, size_t *used);

/*
 * Append the header in version 2, for TCP: LOCAL without an address. An IPv4 address beside an IPv6
 * one is written as a mapped one (RFC 4291 section 2.5.5.2), for both are of one family.
 */
void proxy_header_write(const struct proxy_header *header, struct text *out);

#endif
