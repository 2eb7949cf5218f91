/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - one GET to the admin port of a running Fairlead.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "core/address.h"

#define ASK_TIMEOUT_S 10
#define ASK_BYTES_MAX (1024u * 1024 * 1024) /* of an answer */

/* Blocks. The body is appended to *body. On an error one line is on stderr. */
enum status ask_admin(const struct listen_address *admin, struct bytes target, uint16_t *code,
                      struct text *body);

#endif
