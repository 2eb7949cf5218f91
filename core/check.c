/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - the last words of a program that found its own state wrong.
 */
#include "core/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "fairlead: CHECK(%s) failed in %s, %s:%d\n", condition, function, file, line);
    abort();
}
