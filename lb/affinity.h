/* SPDX-License-Identifier: Apache-2.0 */
/*
 * affinity.h - the keys that strategies by hash are given, and the session cookie. Pure.
 *
 * A key is the same in every worker and pod, so a client that comes back by another way gets the
 * same endpoint. Who chooses a cookie's value can choose the endpoint; that is what a session
 * cookie is for, and all it can be used for.
 *
 * Source: spec/contour.md 2.5 and 4.4.
 */
#ifndef LB_AFFINITY_H
#define LB_AFFINITY_H

#include "core/address.h"

#define AFFINITY_COOKIE            "X-Contour-Session-Affinity"
#define AFFINITY_VALUE_LENGTH      16
#define AFFINITY_SET_COOKIE_LENGTH (sizeof(AFFINITY_COOKIE "=\"\"; Path=/; HttpOnly") - 1 + 16)

/*
 * Look for the session cookie in the value of one Cookie field. True with *value borrowed from it,
 * without quotes, when one is there whose value is not empty: the first of several. Any bytes will
 * do, they are only hashed. Names of cookies are compared case-sensitively (RFC 6265 section 5.3).
 */
bool affinity_find(struct bytes cookies, struct bytes *value);

/* A new session: the value of Set-Cookie, with 16 hex digits that affinity_find() finds in it. */
void affinity_make(uint64_t random, char out[AFFINITY_SET_COOKIE_LENGTH]);

uint64_t affinity_key_of_value(struct bytes value);
/* Of a client without a session: its address counts, its port does not. */
uint64_t affinity_key_of_client(const struct address *client);

#endif
