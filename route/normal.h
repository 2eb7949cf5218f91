/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normal.h - hosts and paths in the one form in which they are matched and forwarded.
 *
 * Source: hostile-input.md 24, 33-39, 43; RFC 3986 sections 6.2.2 and 5.2.4; design 5.9.
 */
#ifndef ROUTE_NORMAL_H
#define ROUTE_NORMAL_H

#include "core/bytes.h"
#include "core/status.h"

#define HOST_LENGTH_MAX 253 /* RFC 1035 section 2.3.4, without the root's dot */

enum path_fault {
    PATH_FINE,
    PATH_BAD_ESCAPE, /* % without two hex digits */
    PATH_NUL,        /* %00 */
    PATH_BACKSLASH,  /* raw or as %5C */
    PATH_ABOVE_ROOT, /* .. climbs out */
    PATH_BAD_BYTE,   /* outside 0x21-0x7E, or '#', or does not start with '/' */
};

/*
 * True when the path is in normal form already, which is the usual case and costs one pass: then
 * nothing needs to be copied.
 */
bool path_is_normal(struct bytes path);

/*
 * Write the normal form of `path` (no query) to `out`, which holds at least path.len bytes and may
 * not overlap. *normal borrows from out. On a fault nothing is written to *normal.
 *
 * Dot segments are resolved, in any mix of raw and %2e; repeated slashes become one; escapes of
 * unreserved characters are decoded, once; other escapes keep their form with upper-case digits;
 * %2F stays and separates nothing; ";x=y" is plain text.
 */
enum path_fault path_normalise(struct bytes path, char *out, struct bytes *normal);

/* True when `prefix` covers the path up to the end of a segment: /foo and /foo/ cover /foo, /foo/
 * and /foo/x, and not /foobar. Both in normal form. */
bool path_is_within(struct bytes path, struct bytes prefix);

struct host_port {
    struct bytes host; /* lower case, no trailing dot, an IPv6 literal keeps its brackets */
    uint32_t port;     /* 0 when none was given */
};

/*
 * Take a Host field value or an authority apart. `out` holds at least authority.len bytes; the
 * result borrows from out. STATUS_INVALID for anything that is not host[:port] (userinfo, path,
 * blanks, control bytes, escapes, port over 65535, longer than HOST_LENGTH_MAX) and for an empty
 * host.
 */
enum status authority_parse(struct bytes authority, char *out, struct host_port *result);

/* True for a lower-case DNS name without trailing dot, with "*." in front allowed when
 * may_wildcard: what an object may name as its host. */
bool host_is_valid(struct bytes host, bool may_wildcard);

#endif
