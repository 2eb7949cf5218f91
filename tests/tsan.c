/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsan.c - what the thread sanitizer is told to pass over; linked into fairlead in that build only.
 *
 * closedir: the sanitizer does not see the open() inside opendir(), so it takes the new descriptor
 * for the socket that had this number before and was closed by another thread. The kernel orders
 * the two.
 */
const char *__tsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race:^closedir$\n";
}
