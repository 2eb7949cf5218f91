/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_name.h - the name in a ClientHello's server_name extension. Pure; internal to tls/.
 *
 * Source: RFC 6066 section 3.
 */
#ifndef TLS_SERVER_NAME_H
#define TLS_SERVER_NAME_H

#include "core/bytes.h"
#include "core/status.h"
#include "tls/tls.h"

/*
 * Read the extension's content and write the name to `name` (TLS_SERVER_NAME_MAX bytes) and its
 * length to *length: in lower case, without a trailing dot.
 *
 * STATUS_INVALID when the extension is not well-formed; STATUS_REFUSED when it is and the name is
 * no host name: an address, an empty label, a byte that has no place there.
 */
enum status server_name_read(struct bytes extension, char *name, size_t *length);

#endif
