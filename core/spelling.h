/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.h - which known word somebody may have meant by one that is not known.
 */
#ifndef CORE_SPELLING_H
#define CORE_SPELLING_H

#include "core/bytes.h"

#define SPELLING_BYTES_MAX       64   /* a longer word is near to none */
#define SPELLING_EDITS_BYTES_MAX 256  /* of the second text; enough for a host */
#define SPELLING_FAR             1000 /* no distance is as large */

/* How many bytes must be put in, taken out or changed to make b of a. max + 1 when there are more
 * than max, or b is longer than SPELLING_EDITS_BYTES_MAX. */
unsigned spelling_edits(struct bytes a, struct bytes b, unsigned max);
/* The same letters and digits: case, '-' and '_' do not matter. */
bool spelling_is_same(struct bytes a, struct bytes b);
/* How many letters must be put in, taken out or changed; the two count as the same where
 * spelling_is_same() says so. SPELLING_FAR for words that are too long. */
unsigned spelling_distance(struct bytes a, struct bytes b);
/* Few enough for the length of what is known: a slip, two neighbours that changed places, or a word
 * that lacks its end. */
bool spelling_is_near(struct bytes written, struct bytes known);

#endif
