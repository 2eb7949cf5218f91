/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_credential.h - what is said to a credential plugin, and what it answers. Pure.
 *
 * Source: client.authentication.k8s.io/v1, ExecCredential.
 */
#ifndef CONTROLLER_KUBE_EXEC_CREDENTIAL_H
#define CONTROLLER_KUBE_EXEC_CREDENTIAL_H

#include "controller/kube/identity.h"

/* The value of KUBERNETES_EXEC_INFO. `ca` is what the access has as its CA, PEM. */
void exec_info_add(const struct access *access, struct bytes ca, struct text *out);

/*
 * Read an ExecCredential: its token and client certificate go into *identity, which keeps what the
 * answer does not have. *expires_at is in seconds since 1970, INT64_MAX when it does not say. On
 * STATUS_INVALID a sentence has been appended to *error, which never quotes the answer.
 */
enum status exec_credential_read(struct bytes answer, const struct exec_config *exec,
                                 struct identity *identity, int64_t *expires_at,
                                 struct text *error);

/* RFC 3339 in seconds since 1970, fractions dropped. */
enum status exec_time_parse(struct bytes text, int64_t *seconds);

#endif
