/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - RFC 4648 section 4, with its padding; line ends inside are skipped, as Go does.
 */
#ifndef CONTROLLER_OBJECT_BASE64_H
#define CONTROLLER_OBJECT_BASE64_H

#include "core/bytes.h"
#include "core/status.h"
#include "core/text.h"

/* Room that is enough for the decoded text. */
#define BASE64_DECODED_MAX(text_bytes) ((text_bytes) / 4 * 3 + 3)

/* STATUS_INVALID when the text is no base64; *decoded_bytes is what was written to `decoded`. */
enum status base64_decode(struct bytes text, char *decoded, size_t *decoded_bytes);
/* Appends the text of `data`, without line ends. */
void base64_add(struct bytes data, struct text *out);

#endif
