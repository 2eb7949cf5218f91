/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h - patterns over whole paths, with a limit on the work one request may cause. Internal to
 * route/; the only home of PCRE2, whose types stay in regex.c.
 *
 * Source: hostile-input 42; spec/contour.md 1.3.
 */
#ifndef ROUTE_REGEX_H
#define ROUTE_REGEX_H

#include "core/bytes.h"
#include "core/status.h"

#define REGEX_PATTERN_MAX  1024       /* bytes of a pattern */
#define REGEX_COMPILED_MAX 16384      /* bytes of a compiled one: counted repeats multiply */
#define REGEX_ERROR_MAX    160        /* room for the text of an error, NUL included */
#define REGEX_STEPS_MAX    100000     /* backtracking steps of one match */
#define REGEX_WORK_MAX     (16 << 20) /* steps times path length, all patterns of one request */

struct regex;

enum regex_result { REGEX_MATCHES, REGEX_DIFFERS, REGEX_LIMIT };

/* STATUS_INVALID when the pattern does not compile, STATUS_TOO_LARGE past the limits above; `error`
 * then holds the reason as a string. */
enum status regex_create(struct bytes pattern, struct regex **regex, char error[REGEX_ERROR_MAX]);
void regex_destroy(struct regex *regex); /* may be NULL */

/*
 * The steps each of `patterns_count` patterns may take on one path. A step can look at the whole
 * path, so long paths get fewer of them, and a host with many patterns shares what a request may
 * cost among them.
 */
uint32_t regex_steps(size_t path_len, size_t patterns_count);

/* Does the pattern match the whole path? Any thread; allocates nothing. */
enum regex_result regex_match(const struct regex *regex, struct bytes path, uint32_t steps_max);

#endif
