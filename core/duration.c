/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duration.c - Go durations without floating point, so that nothing is lost to rounding.
 */
#include "core/duration.h"

#define NS_PER_MS 1000000

struct unit {
    struct bytes name;
    int64_t ns;
};

/* Longer names first where one begins with another. */
static const struct unit units[] = {
    {{"ns", 2}, 1},
    {{"us", 2}, 1000},
    {{"\xc2\xb5s", 3}, 1000}, /* U+00B5, the micro sign */
    {{"\xce\xbcs", 3}, 1000}, /* U+03BC, the Greek letter */
    {{"ms", 2}, NS_PER_MS},
    {{"s", 1}, 1000 * (int64_t)NS_PER_MS},
    {{"m", 1}, 60000 * (int64_t)NS_PER_MS},
    {{"h", 1}, 3600000 * (int64_t)NS_PER_MS},
};

static const struct unit *unit_of(struct bytes text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (bytes_starts_with(text, units[i].name))
            return &units[i];
    }
    return NULL;
}

static bool is_digit(struct bytes text)
{
    return text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9';
}

/* The run of digits at the start of *rest, which is cut off. */
static struct bytes take_digits(struct bytes *rest)
{
    struct bytes all = *rest;

    while (is_digit(*rest))
        *rest = bytes_skip(*rest, 1);
    return bytes_slice(all, 0, all.len - rest->len);
}

static enum status whole_to_ns(struct bytes digits, int64_t unit_ns, int64_t *ns)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digits.at[i] - '0', &value))
            return STATUS_INVALID;
    }
    return __builtin_mul_overflow(value, unit_ns, ns) ? STATUS_INVALID : STATUS_OK;
}

/* The digits after the point as part of the unit; what is under a nanosecond is dropped. */
static int64_t fraction_to_ns(struct bytes digits, int64_t unit_ns)
{
    int64_t ns = 0, place_ns = unit_ns;

    for (size_t i = 0; i < digits.len && place_ns > 0; i++) {
        place_ns /= 10;
        ns += (digits.at[i] - '0') * place_ns;
    }
    return ns;
}

/* One number with its unit. */
static enum status take_term(struct bytes *rest, int64_t *ns)
{
    struct bytes whole = take_digits(rest), fraction = BYTES_NONE;
    const struct unit *unit;
    int64_t whole_ns;

    if (rest->len > 0 && rest->at[0] == '.') {
        *rest = bytes_skip(*rest, 1);
        fraction = take_digits(rest);
    }
    unit = unit_of(*rest);
    if (unit == NULL || whole.len + fraction.len == 0 ||
        whole_to_ns(whole, unit->ns, &whole_ns) != STATUS_OK)
        return STATUS_INVALID;
    *rest = bytes_skip(*rest, unit->name.len);
    return __builtin_add_overflow(whole_ns, fraction_to_ns(fraction, unit->ns), ns) ? STATUS_INVALID
                                                                                    : STATUS_OK;
}

enum status duration_parse(struct bytes text, int64_t *ns)
{
    int64_t sum = 0, term;
    bool is_negative = text.len > 0 && text.at[0] == '-';

    if (text.len > 0 && (text.at[0] == '-' || text.at[0] == '+'))
        text = bytes_skip(text, 1);
    if (text.len == 0)
        return STATUS_INVALID;
    if (bytes_equal(text, BYTES("0")))
        text = BYTES_NONE;
    while (text.len > 0) {
        if (take_term(&text, &term) != STATUS_OK || __builtin_add_overflow(sum, term, &sum))
            return STATUS_INVALID;
    }
    *ns = is_negative ? -sum : sum;
    return STATUS_OK;
}

enum status duration_parse_ms(struct bytes text, uint32_t *ms)
{
    int64_t ns, rounded;

    if (duration_parse(text, &ns) != STATUS_OK || ns < 0)
        return STATUS_INVALID;
    rounded = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
    *ms = rounded > UINT32_MAX ? UINT32_MAX : (uint32_t)rounded;
    return STATUS_OK;
}
