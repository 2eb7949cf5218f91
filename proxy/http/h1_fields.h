/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_fields.h - the lines of a head after its first.
 */
#ifndef PROXY_HTTP_H1_FIELDS_H
#define PROXY_HTTP_H1_FIELDS_H

#include "proxy/http/field_list.h"
#include "proxy/http/h1.h"

/* Parse the lines up to the empty one and take them off *lines. Names become ids, and
 * the fixed hop-by-hop names are marked. */
enum h1_fault h1_fields_parse(struct bytes *lines, const struct h1_limits *limits,
                              bool underscores_allowed, struct arena *arena,
                              struct field_list *fields);

#endif
