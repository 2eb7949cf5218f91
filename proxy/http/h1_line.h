/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_line.h - the first line of a head, read by our own strict code.
 *
 * Both take the line off *rest, with its line end, and write only what the line says.
 */
#ifndef PROXY_HTTP_H1_LINE_H
#define PROXY_HTTP_H1_LINE_H

#include "proxy/http/h1.h"

#define METHOD_LENGTH_MAX 32 /* hostile-input 27 */

/*
 * Exactly method SP target SP HTTP/1.x. Sets method, method_id, path, query, scheme, version_minor;
 * authority only for an absolute-form target. Source: RFC 9112 section 3; hostile-input 25-30.
 */
enum h1_fault h1_request_line(struct bytes *rest, const struct h1_limits *limits,
                              struct request *request);

/* HTTP/1.x SP 3DIGIT [SP reason]. Sets status, reason, version_minor. RFC 9112 section 4. */
enum h1_fault h1_status_line(struct bytes *rest, struct response *response);

#endif
