/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - how a call that may fail says so. STATUS_OK is 0.
 *
 * What may fail as an answer to a client is an `enum failure` instead (proxy/failures.def).
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_AGAIN,     /* not now: more input or another turn of the loop is needed */
    STATUS_END,       /* nothing more will come */
    STATUS_INVALID,   /* the input breaks its own rules */
    STATUS_TOO_LARGE, /* a named limit was reached */
    STATUS_NOT_FOUND,
    STATUS_REFUSED, /* the other side or the system said no */
    STATUS_TIMEOUT,
    STATUS_CLOSED, /* the other side is gone */
    STATUS_IO,     /* any other error of the system; errno has been logged */
};

/* A short lower-case text such as "timeout"; never NULL. */
const char *status_text(enum status status);

#endif
