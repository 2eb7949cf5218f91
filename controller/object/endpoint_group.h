/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_group.h - what EndpointSlice and Endpoints share: ports, addresses, and where they go.
 */
#ifndef CONTROLLER_OBJECT_ENDPOINT_GROUP_H
#define CONTROLLER_OBJECT_ENDPOINT_GROUP_H

#include "controller/object/layout.h"
#include "controller/object/node.h"

extern const struct layout endpoints_layout[];

/* The list `ports` of a slice or subset. */
void endpoint_group_decode_ports(const struct node *up, struct endpoint_group *group);
/* A literal address; the note belongs to the field `key` of the node, or to the node if NULL. */
void endpoint_address_decode(const struct node *node, const char *key, struct bytes text,
                             bool is_ready, struct endpoint_address *loose);

#endif
