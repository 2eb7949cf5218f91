/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duration.h - lengths of time as people write them in flags and annotations.
 */
#ifndef CORE_DURATION_H
#define CORE_DURATION_H

#include "core/bytes.h"
#include "core/status.h"

/*
 * A Go duration: an optional sign, then one or more of a decimal number and its unit (ns, us, µs,
 * ms, s, m, h), or a bare 0: "90s", "1m30s", "1.5h". STATUS_INVALID for anything else ("10", "10
 * s", ""), and for what does not fit into 63 bits of nanoseconds.
 *
 * Source: Go package time, ParseDuration; spec/contour.md 1.5.
 */
enum status duration_parse(struct bytes text, int64_t *ns);

/*
 * As milliseconds. Part of a millisecond counts as a whole one, for 0 often means "no limit" and a
 * short limit must not become none; what is over 32 bits (49 days) becomes the most that fits.
 * STATUS_INVALID for negative ones too.
 */
enum status duration_parse_ms(struct bytes text, uint32_t *ms);

#endif
