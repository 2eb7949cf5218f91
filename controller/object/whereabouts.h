/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whereabouts.h - what of a Pod and of a Node says where we are reached. Nothing else of them is
 * read, and no struct is made of them.
 */
#ifndef CONTROLLER_OBJECT_WHEREABOUTS_H
#define CONTROLLER_OBJECT_WHEREABOUTS_H

#include "controller/object/object.h"
#include "core/mem.h"

#include <jansson.h>

/*
 * Of a Pod: the name of its node, while it is ready and nobody has asked it to end. Of a Node: its
 * addresses of type ExternalIP, else those of type InternalIP, a blank between two. Else empty. A
 * copy in the arena.
 */
struct bytes whereabouts_read(enum object_kind kind, const json_t *json, struct arena *arena);

#endif
