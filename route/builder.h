/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder.h - makes the next table from the last one. Used by the compiler, from one thread at a
 * time; no loop, no sockets.
 *
 *     builder_create(previous) -> put and remove vhosts and clusters -> builder_finish()
 *
 * What is neither put nor removed is shared with `previous`. Building one change among 100,000
 * routes costs a page of the index, not the index.
 */
#ifndef ROUTE_BUILDER_H
#define ROUTE_BUILDER_H

#include "core/status.h"
#include "route/table.h"

struct builder;

/* previous: NULL for an empty start; a reference is held until the builder is finished or dropped.
 */
struct builder *builder_create(struct table *previous);
void builder_destroy(struct builder *builder); /* without finishing; only for errors */

#define ROUTE_PATH_MAX 16384 /* bytes; no request target is longer (hostile-input 31) */

/*
 * The form in which a rule's path is kept, so that equal rules have equal paths: PATH_PREFIX loses
 * its trailing slashes, an empty path is "/". vhost_builder_add() does it too. A slice of `path`
 * or a constant.
 */
struct bytes route_path_of_rule(enum path_kind kind, struct bytes path);

/*
 * A vhost being built; belongs to the caller until builder_put_vhost(). Adding a route whose kind
 * and path the vhost has already is a mistake of the caller (CHECKed when it is put): conflicts are
 * the compiler's to settle.
 */
struct vhost_builder;
struct vhost_builder *vhost_builder_create(struct bytes name, enum scheme scheme);
/*
 * How handshakes for this vhost are answered; only for SCHEME_HTTPS. A ref to `host` is taken; NULL
 * (also without this call): they are refused. secret: for people, where the certificate stands or
 * should stand.
 */
void vhost_builder_set_tls(struct vhost_builder *vhost, struct tls_host *host, struct bytes secret);
/* Relay the connections to this route's backends instead of speaking HTTP; only for SCHEME_HTTPS.
 * Copied. */
void vhost_builder_set_tcp(struct vhost_builder *vhost, const struct route *route);
/*
 * Copies the route with its texts and backends; weights_sum is computed. For PATH_REGEX the pattern
 * is compiled here. STATUS_INVALID when it does not compile or is too large, or when a path is
 * longer than ROUTE_PATH_MAX: then nothing is added and *error says why (static or in the
 * vhost_builder, valid until the next call).
 */
enum status vhost_builder_add(struct vhost_builder *vhost, const struct route *route,
                              const char **error);
void vhost_builder_set_default(struct vhost_builder *vhost, const struct route *route);
/* Copied; only explain looks at them. */
void vhost_builder_add_gap(struct vhost_builder *vhost, const struct delegation_gap *gap);
/* True when it has neither routes nor a default nor a tcp route. */
bool vhost_builder_is_empty(const struct vhost_builder *vhost);
void vhost_builder_destroy(struct vhost_builder *vhost);

/* Freezes the vhost and puts it under its scheme and name, in place of an earlier one. Consumes
 * `vhost`. */
void builder_put_vhost(struct builder *builder, struct vhost_builder *vhost);
void builder_remove_vhost(struct builder *builder, enum scheme scheme, struct bytes name);

/*
 * The route for hosts that nobody claims when there are no host-less rules that match (design 5.13:
 * the oldest default backend). NULL takes it away. Copied.
 */
void builder_set_default(struct builder *builder, const struct route *route);

/*
 * Who to be for clients that name a server nobody serves, or none. A ref is taken; NULL takes it
 * away. secret: "namespace/name", for people.
 */
void builder_set_default_tls(struct builder *builder, struct tls_host *host, struct bytes secret);

/*
 * The slot of a cluster key, given out on first use and kept until builder_release_slot(). The
 * caller may put the spec later, in this or a later generation; until then table_cluster() is NULL.
 */
uint32_t builder_cluster_slot(struct builder *builder, struct bytes key);
/* Copies `spec` (key, endpoints and all, with a ref to its tls); refs, slot and generation are set
 * here. If an equal spec is there already nothing changes. */
void builder_put_cluster(struct builder *builder, uint32_t slot, const struct cluster_spec *spec);
void builder_release_slot(struct builder *builder, uint32_t slot);

/* Copied, sorted by location (path, then line as a number), then object, then text. Without this
 * call the findings of `previous` stay. */
void builder_set_findings(struct builder *builder, const struct finding *findings, size_t count);

/* Copied and sorted. Without this call the statuses of `previous` stay. */
void builder_set_statuses(struct builder *builder, const struct object_status *list, size_t count);

/* Copied and sorted; at most FOREIGN_HOSTS_MAX of them, and how many there were beyond. Without
 * this call those of `previous` stay. */
void builder_set_foreign_hosts(struct builder *builder, const struct foreign_host *list,
                               size_t count, uint64_t left_out);

/* Copied and sorted. Without this call the certificates of `previous` stay. */
void builder_set_certificates(struct builder *builder, const struct served_certificate *list,
                              size_t count);

/* Freezes. Consumes the builder. The caller owns one reference. Its generation is one more than
 * the previous table's, 1 for the first. */
struct table *builder_finish(struct builder *builder);

/* True when something differs from the previous table; else builder_destroy() saves a swap. Putting
 * what is there already is no difference. */
bool builder_is_changed(const struct builder *builder);

#endif
