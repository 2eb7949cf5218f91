/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar.h - what a YAML scalar stands for.
 *
 * As kubectl sees it, that is sigs.k8s.io/yaml, which goes by YAML 1.1: yes, no, on, off, y and n
 * are booleans, 010 is eight, 1_000 a thousand; no base 60. Dates stay text.
 */
#ifndef CONTROLLER_OBJECT_SCALAR_H
#define CONTROLLER_OBJECT_SCALAR_H

#include "core/status.h"
#include "core/text.h"

#include <jansson.h>

/*
 * The node for a scalar, in *node with one reference.
 *
 *   tag       as libyaml gives it, or NULL
 *   is_plain  written without quotes and not as a block
 *
 * STATUS_INVALID: a tag we do not know, a text that the tag does not allow, or a number that JSON
 * can not hold.
 */
enum status scalar_resolve(struct bytes text, const char *tag, bool is_plain, json_t **node);
/* The scalar as the name of a field: true becomes "true", 0x10 becomes "16". Appends to *key. */
enum status scalar_key(const json_t *node, struct text *key);

#endif
