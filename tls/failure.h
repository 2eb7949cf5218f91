/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.h - OpenSSL's errors as one of ours. Internal to tls/.
 */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include "tls/tls.h"

/* What the error queue says, which is emptied; TLS_FAILURE_OTHER when it says nothing known. */
enum tls_failure failure_of_errors(void);

#endif
