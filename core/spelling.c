/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.c - the distance of Levenshtein. A table may have a hundred thousand hosts, so a
 * comparison gives up as soon as two texts are known to be far apart.
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

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * The next row of the table of edits between all beginnings of two texts, in place: row[j] is how
 * many there are from a[0, i) to b[0, j). Beyond `far` columns from the diagonal there are `far` at
 * least, so nobody looks there. Returns the least of the row.
 */
static unsigned next_row(unsigned *row, size_t i, char byte, struct bytes b, unsigned far)
{
    size_t from = i > far ? i - far : 1;
    size_t to = i + far < b.len ? i + far : b.len;
    unsigned diagonal = row[from - 1];
    unsigned lowest;

    row[from - 1] = from == 1 ? (unsigned)i : far;
    lowest = row[from - 1];
    for (size_t j = from; j <= to; j++) {
        unsigned above = row[j];

        row[j] = least(diagonal + (byte != b.at[j - 1]), least(above, row[j - 1]) + 1);
        diagonal = above;
        lowest = least(lowest, row[j]);
    }
    return lowest;
}

unsigned spelling_edits(struct bytes a, struct bytes b, unsigned max)
{
    unsigned row[SPELLING_EDITS_BYTES_MAX + 1];
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;

    if (gap > max || b.len > SPELLING_EDITS_BYTES_MAX)
        return max + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = least((unsigned)j, max + 1);
    for (size_t i = 1; i <= a.len; i++)
        if (next_row(row, i, a.at[i - 1], b, max + 1) > max)
            return max + 1;
    return least(row[b.len], max + 1);
}

static struct bytes text_of(const struct plain *plain)
{
    return bytes_from(plain->text, plain->len);
}

unsigned spelling_distance(struct bytes a, struct bytes b)
{
    struct plain left, right;

    if (!plain_of(a, &left) || !plain_of(b, &right))
        return SPELLING_FAR;
    return spelling_edits(text_of(&left), text_of(&right), SPELLING_BYTES_MAX);
}

bool spelling_is_same(struct bytes a, struct bytes b)
{
    struct plain left, right;

    return plain_of(a, &left) && plain_of(b, &right) &&
           bytes_equal(text_of(&left), text_of(&right));
}

/* Two neighbours have changed places, and nothing else. */
static bool is_swapped(struct bytes a, struct bytes b)
{
    size_t at = 0;

    if (a.len != b.len)
        return false;
    while (at < a.len && a.at[at] == b.at[at])
        at++;
    return at + 1 < a.len && a.at[at] == b.at[at + 1] && a.at[at + 1] == b.at[at] &&
           bytes_equal(bytes_skip(a, at + 2), bytes_skip(b, at + 2));
}

bool spelling_is_near(struct bytes written, struct bytes known)
{
    if (written.len >= CUT_BYTES_MIN && written.len <= SPELLING_BYTES_MAX &&
        bytes_starts_with(known, written))
        return true;
    return is_swapped(written, known) || spelling_distance(written, known) <= known.len / 4;
}
