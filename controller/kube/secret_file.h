/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_file.h - small files that hold credentials, read whole. Blocking.
 */
#ifndef CONTROLLER_KUBE_SECRET_FILE_H
#define CONTROLLER_KUBE_SECRET_FILE_H

#include "core/status.h"
#include "core/text.h"

#define CREDENTIAL_BYTES_MAX (1024u * 1024) /* a token, a key, a bundle of certificates */

/* Appends to *content. On failure "PATH: why" has been appended to *error. Never waits on what is
 * no regular file. */
enum status secret_file_read(const char *path, size_t bytes_max, struct text *content,
                             struct text *error);
/* Overwrite what was secret, then free it. */
void secret_text_fini(struct text *text);

#endif
