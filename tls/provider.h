/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h - what we do in OpenSSL's place, by its own way of being extended. Internal to tls/.
 *
 * Why: docs/decisions/0016.
 */
#ifndef TLS_PROVIDER_H
#define TLS_PROVIDER_H

/* For SSL_CTX_new_ex(): ours where there is one, OpenSSL's for all the rest. */
#define PROVIDER_PREFERRED "?provider=fairlead"

/* Makes it known to the process's library, the first time it is called; from any thread. */
void provider_open(void);

#endif
