/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_parts.h - one explanation under way. Internal to route/: explain_request.c reads the
 * request as the proxy would, explain.c walks the table with it, explain_tls.c walks the handshake,
 * explain_tcp.c a connection that is relayed, explain_statuses.c and explain_findings.c add what
 * has been told about the objects, explain_foreign.c what is not ours, explain_missing.c says why
 * nothing is served.
 */
#ifndef ROUTE_EXPLAIN_PARTS_H
#define ROUTE_EXPLAIN_PARTS_H

#include "core/mem.h"
#include "route/explain.h"

struct explainer {
    const struct table *table;
    const struct explain_request *request;
    explain_endpoint_fn *endpoint_words; /* may be NULL */
    void *context;
    struct text *out;
    struct arena arena;
    struct bytes method;
    struct bytes authority; /* as given */
    struct bytes target;    /* as given: path and query */
    enum scheme scheme;
    struct bytes host;     /* normal */
    struct bytes path;     /* normal, without query */
    struct bytes query;    /* with its '?'; may be empty */
    bool *told;            /* of each finding, in the arena; NULL: none yet */
    uint32_t empty_count;  /* services without endpoints so far */
    bool is_left_out_told; /* something that may be what is missing */
    /* Objects that name the host were shown, which are not ours: */
    bool is_of_other_class; /* by their class */
    bool is_unwatched;      /* by their namespace */
};

/* One line. */
void explain_add_fact(struct explainer *explainer, const char *label, const char *text);
/* Speaks the verdict of an answer of our own; always false. */
bool explain_refuse(struct explainer *explainer, const char *verdict);

/* What of a route can be served at the moment. */
struct servable {
    uint32_t count;     /* backends that have an endpoint for requests */
    uint32_t weight;    /* of those together */
    uint32_t slot;      /* the cluster of one of them */
    uint32_t unhealthy; /* backends that have endpoints, and none for requests */
};
/* A service with its endpoints; counts in *served what it can serve. */
void explain_add_service(struct explainer *explainer, const struct route *route,
                         const struct route_backend *backend, struct servable *served);
/* In tenths of a percent. */
uint32_t explain_share_of(const struct route *route, uint32_t weight);

/* Fill in method, host and target from the URL. False when the verdict has been spoken. */
bool explain_walk_request(struct explainer *explainer);
/* Fill in path and query. */
bool explain_walk_path(struct explainer *explainer);
/* What has been told about an object; where `object` is empty, about a host. */
void explain_add_findings(struct explainer *explainer, struct bytes object, struct bytes host);
/* What has been told about the objects that a sentence names. */
void explain_add_named_findings(struct explainer *explainer, struct bytes sentence);
/* What has been told about a field of the object, or about all of it, but not about other routes.
 */
void explain_add_field_findings(struct explainer *explainer, struct bytes object,
                                struct bytes field);

/*
 * What is left out as a whole and may be what is missing, with a hint: files that cannot be read,
 * and objects
 *
 *   kinds     of these kinds; NULL is the last one
 *   sentence  that it names
 *
 * ..._hosts(): of the kinds that name hosts; ..._endpoints(): of those of a namespace that have
 * endpoints.
 */
void explain_add_left_out(struct explainer *explainer, const char *const *kinds);
void explain_add_left_out_named(struct explainer *explainer, struct bytes sentence);
void explain_add_left_out_hosts(struct explainer *explainer);
void explain_add_left_out_endpoints(struct explainer *explainer, struct bytes ns);

/* The delegations by which the route is reached, from the root on, one a line. */
void explain_add_way(struct explainer *explainer, const struct route *route);
/*
 * Prefixes of the path that were delegated to an IngressRoute which has no route for it, each with
 * its way and what is wrong with the IngressRoute. True when there are any.
 *
 *   found  the route that answers instead, or NULL
 */
bool explain_add_gaps(struct explainer *explainer, const struct vhost *vhost,
                      const struct route *found);
/* What is wrong with the IngressRoutes on that way, and with the route's own. */
void explain_add_way_statuses(struct explainer *explainer, const struct route *route);
/* What is wrong with the roots of the host. True when something is. */
bool explain_add_host_statuses(struct explainer *explainer);
/* IngressRoutes that nobody delegates to. */
void explain_add_orphans(struct explainer *explainer);

/* Objects that are not ours and name the host, or a wildcard for it; without these, those that have
 * rules for all hosts. */
void explain_add_foreign(struct explainer *explainer);
/* True when explain_add_foreign() has shown some. */
bool explain_names_foreign(const struct explainer *explainer);
/* What to change, so that those that were shown count. */
void explain_add_foreign_hints(struct explainer *explainer);

/* What to add or to change, so that the host is served. */
void explain_add_host_hint(struct explainer *explainer);
/* The answer where no object serves the host, or none of its paths matches; always false. */
bool explain_refuse_host(struct explainer *explainer);
bool explain_refuse_path(struct explainer *explainer, const struct vhost *vhost);

/* The handshake of a client that names the host. False when it is refused. */
bool explain_walk_handshake(struct explainer *explainer);
/* The way of a connection that is relayed instead of answered. */
bool explain_walk_tcp(struct explainer *explainer, const struct vhost *vhost);
/* Where the redirect leads to nothing, a hint. */
void explain_add_redirect_hint(struct explainer *explainer);

#endif
