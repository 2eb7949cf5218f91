/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata.h - metadata of any kind: who it is, how old, which annotations.
 */
#ifndef CONTROLLER_OBJECT_METADATA_H
#define CONTROLLER_OBJECT_METADATA_H

#include "controller/object/node.h"

/* Names of Kubernetes, RFC 1123: a label, or labels joined by dots. */
#define NAME_BYTES_MAX      253
#define NAMESPACE_BYTES_MAX 63

/* A whole object as text, written by kubectl apply: large, and no business of ours. */
#define METADATA_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

bool metadata_is_label(struct bytes text);
bool metadata_is_name(struct bytes text);
/* RFC 3339, as Kubernetes writes it; fractions are dropped. STATUS_INVALID for anything else. */
enum status metadata_parse_time(struct bytes text, int64_t *seconds);

/* The namespace and name as far as they are written, unchecked: for notes. */
void metadata_peek(const json_t *json, struct bytes *ns, struct bytes *name);
/* Fill what every kind has, less `file`, `line` and `kind`. Notes in the decoding how much of it
 * could be read. */
void metadata_decode(const struct node *root, bool is_cluster_wide, struct object *loose);
/* Of a kind whose annotations nobody asks for. */
void metadata_drop_annotations(struct object *loose);

#endif
