/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - names as Kubernetes takes them, so that a flag that cannot be meant is refused at once.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "core/bytes.h"

bool name_is_namespace(struct bytes name);
/* A DNS subdomain, as names of objects are. */
bool name_is_host(struct bytes value);
/* "namespace/name" */
bool name_is_object(struct bytes value);
/* "name=value" or "domain/name=value" */
bool name_is_label(struct bytes label);

#endif
