/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind.h - one entry for each kind: its name, its struct, how it is read. The entries stand in the
 * files named after the kinds.
 *
 * As to Kubernetes, a kind belongs to a group: a name that two groups have is two kinds, and what
 * one of them calls a/b is another object than what the other one does. Ingress is no such case:
 * its groups came one after the other, and show the same objects.
 */
#ifndef CONTROLLER_OBJECT_KIND_H
#define CONTROLLER_OBJECT_KIND_H

#include "controller/object/layout.h"
#include "controller/object/node.h"

struct kind {
    const char *name;
    const char *version; /* the apiVersion to recommend */
    bool shares_name;    /* with a kind of another group */
    bool is_cluster_wide;
    bool is_secret; /* its values are never shown, and wiped when they are freed */
    size_t size;
    const struct layout *layout;
    /*
     * Read the fields of `root` into a zeroed struct of this kind whose metadata is read already.
     * Texts may borrow from the tree; arrays come from the arena of the node.
     */
    void (*decode)(const struct node *root, struct bytes api_version, struct object *loose);
    /*
     * Or NULL: an object that cannot be read is left out. Else, where its name is known: leave of
     * the loose one what stands for it.
     *
     *   fault              why it cannot be read; borrowed
     *   knows_annotations  else there are none
     */
    void (*stand_in)(struct object *loose, struct bytes fault, bool knows_annotations);
};

extern const struct kind kind_ingress;
extern const struct kind kind_ingress_class;
extern const struct kind kind_service;
extern const struct kind kind_endpoint_slice;
extern const struct kind kind_endpoints;
extern const struct kind kind_secret;
extern const struct kind kind_config_map;
extern const struct kind kind_ingress_route;
extern const struct kind kind_tls_delegation;
extern const struct kind kind_projectcontour_tls_delegation;

const struct kind *kind_of(enum object_kind kind);
/* The kind that has this name in this version; STATUS_NOT_FOUND if there is none. */
enum status kind_find(struct bytes name, struct bytes api_version, enum object_kind *kind);
/* The apiVersion to recommend for a kind of that name; NULL if there is none. */
const char *kind_find_version(struct bytes name);

/* What has been read, as one block with one reference. After a failure: what stands for it, or NULL
 * where nothing does. */
struct object *kind_pack(const struct kind *kind, const struct decoding *decoding,
                         struct object *loose);
/* The group of this apiVersion, whatever its version, has kinds that are served. A Service of
 * Knative is no Service of ours. */
bool kind_is_of_our_group(struct bytes api_version);

/* Overwrite the values of a Secret, packed or loose, before its memory goes. */
void secret_wipe(const struct secret *secret);
/* Overwrite all texts of a tree. */
void secret_wipe_tree(const json_t *json);

#endif
