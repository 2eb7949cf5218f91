/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority.h - is a Host field's value a host at all, and do two of them mean the same?
 *
 * The full normal form is route/normal.h's; here only what can be no host is refused.
 */
#ifndef PROXY_HTTP_AUTHORITY_H
#define PROXY_HTTP_AUTHORITY_H

#include "core/bytes.h"

/* host[:port] without userinfo, path, blanks, escapes, lists; port at most 65535; not empty.
 * Source: RFC 9110 section 7.2, RFC 3986 section 3.2; hostile-input 23, 24. */
bool authority_is_valid(struct bytes authority);

/* Equal in any case; a port that is missing is the scheme's. Both must be valid. */
bool authority_equal(struct bytes a, struct bytes b, struct bytes scheme);

#endif
