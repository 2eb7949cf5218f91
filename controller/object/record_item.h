/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_item.h - an object as a line of a snapshot. Internal to controller/object, as jansson's
 * types are.
 */
#ifndef CONTROLLER_OBJECT_RECORD_ITEM_H
#define CONTROLLER_OBJECT_RECORD_ITEM_H

#include "controller/object/object.h"
#include "core/text.h"

#include <jansson.h>

/* Appends the line to *out. Takes out of the tree what is not written. An object that is deleted,
 * or of which nothing is left that could be served, is written as one that went. */
void record_item(struct text *out, struct bytes list, enum object_kind kind, json_t *object,
                 bool is_deleted);

#endif
