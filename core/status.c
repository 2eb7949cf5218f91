/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - the texts of enum status.
 */
#include "core/status.h"

const char *status_text(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_AGAIN:
        return "try again";
    case STATUS_END:
        return "end";
    case STATUS_INVALID:
        return "invalid";
    case STATUS_TOO_LARGE:
        return "too large";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_REFUSED:
        return "refused";
    case STATUS_TIMEOUT:
        return "timeout";
    case STATUS_CLOSED:
        return "closed";
    case STATUS_IO:
        return "input/output error";
    }
    return "unknown";
}
