/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.c - the distance of Levenshtein over letters and digits.
 */
#include "core/spelling.h"

#define CUT_BYTES_MIN 3 /* a shorter beginning says nothing */

/* A word as it is compared. */
struct plain {
    char text[SPELLING_BYTES_MAX];
    size_t len;
};

/* False when the word is too long. */
static bool plain_of(struct bytes word, struct plain *plain)
{
    plain->len = 0;
    if (word.len > SPELLING_BYTES_MAX)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] != '-' && word.at[i] != '_')
            plain->text[plain->len++] = ascii_lower(word.at[i]);
    return true;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned both = a < b ? a : b;

    return both < c ? both : c;
}

static unsigned distance(const struct plain *a, const struct plain *b)
{
    unsigned row[SPELLING_BYTES_MAX + 1];

    for (unsigned j = 0; j <= b->len; j++)
        row[j] = j;
    for (unsigned i = 0; i < a->len; i++) {
        unsigned corner = row[0];

        row[0] = i + 1;
        for (unsigned j = 0; j < b->len; j++) {
            unsigned changed = corner + (a->text[i] != b->text[j]);

            corner = row[j + 1];
            row[j + 1] = least(changed, row[j] + 1, corner + 1);
        }
    }
    return row[b->len];
}

unsigned spelling_distance(struct bytes a, struct bytes b)
{
    struct plain left, right;

    return plain_of(a, &left) && plain_of(b, &right) ? distance(&left, &right) : SPELLING_FAR;
}

bool spelling_is_same(struct bytes a, struct bytes b)
{
    return spelling_distance(a, b) == 0;
}

bool spelling_is_near(struct bytes written, struct bytes known)
{
    if (written.len >= CUT_BYTES_MIN && written.len <= SPELLING_BYTES_MAX &&
        bytes_starts_with(known, written))
        return true;
    return spelling_distance(written, known) <= known.len / 4;
}
