/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - what must be true of our own code.
 *
 * CHECK() stays on in release: a program whose own state is wrong must not go on serving. Bytes
 * from outside are never CHECKed, they yield a status.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

/* Prints one line to stderr and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function);

#endif
