/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - the routing table: what the compiler says and the proxy obeys. Immutable.
 *
 *     table -> index of plain vhosts -\
 *          \-> index of TLS vhosts ----> vhost -> path_tree -> route -> cluster slots
 *          \-> index of clusters, by slot -> cluster_spec -> endpoint_spec
 *
 * A host that is served over TLS is a second vhost under the same name
 * (docs/decisions/0014-tls-hosts-are-vhosts.md).
 *
 * Everything reachable from a `const struct table *` is frozen and shared between generations:
 * a new generation copies only the index pages it changes and refs the rest. A route names its
 * clusters by slot, a small number that stays with a cluster's key as long as the key is in use, so
 * a change of endpoints makes one new cluster_spec and touches no route.
 *
 * A table belongs to whoever holds a reference; references are counted atomically, once per worker
 * and generation and never per request (see current.h).
 */
#ifndef ROUTE_TABLE_H
#define ROUTE_TABLE_H

#include "core/address.h"
#include "core/bytes.h"
#include "core/text.h"
#include "tls/host.h"

#define CLUSTER_SLOT_NONE UINT32_MAX

/* What a client speaks to us. */
enum scheme { SCHEME_HTTP, SCHEME_HTTPS };
#define SCHEMES_COUNT 2

/* docs/decisions: path kinds in falling order of precedence, then by length of the path. */
enum path_kind {
    PATH_EXACT,
    PATH_REGEX,         /* matches the whole path; PCRE2 with a step limit */
    PATH_PREFIX,        /* whole segments: /foo matches /foo, /foo/ and /foo/x */
    PATH_STRING_PREFIX, /* plain text: /foo matches /foobar too */
};

enum route_action {
    ROUTE_FORWARD,        /* to one of the backends, by weight */
    ROUTE_REDIRECT_HTTPS, /* 301 to https, same host, path and query */
    ROUTE_UNAVAILABLE,    /* keeps its place and answers 503; `unavailable` says why */
};

/* Conditions of retry-on, a set of bits (spec/contour.md 1.6, Envoy's names). */
enum retry_on {
    RETRY_ON_5XX = 1 << 0,
    RETRY_ON_GATEWAY_ERROR = 1 << 1, /* 502, 503, 504 */
    RETRY_ON_CONNECT_FAILURE = 1 << 2,
    RETRY_ON_RETRIABLE_4XX = 1 << 3, /* 409 */
    RETRY_ON_RESET = 1 << 4,         /* closed before a response head */
    RETRY_ON_REFUSED_STREAM = 1 << 5,
};

struct retry_policy {
    uint32_t on;                 /* set of enum retry_on; 0 = only what design 5.11 does unasked */
    uint32_t retries_max;        /* attempts after the first */
    uint32_t per_try_timeout_ms; /* 0 = none */
};

struct route_backend {
    uint32_t cluster_slot;
    uint32_t weight; /* > 0 */
};

/*
 * What to do with the requests that match one path of one vhost. Exposed: reading it is the
 * interface. All text is owned by the vhost.
 */
struct route {
    struct bytes path;        /* as matched: normalised; "/" for everything */
    struct bytes object;      /* for people: "Ingress default/web" */
    struct bytes field;       /* for people: "spec.rules[0].http.paths[1]" */
    struct bytes unavailable; /* a sentence without full stop; empty unless ROUTE_UNAVAILABLE */
    struct bytes hsts;        /* Strict-Transport-Security for answers over TLS; empty for none */
    enum path_kind path_kind;
    enum route_action action;
    uint32_t response_timeout_ms; /* whole response, from the end of the request; 0 = no limit */
    struct retry_policy retry;
    struct bytes via;            /* for people: how a delegated route is reached, from the root on:
                                  * "IngressRoute web/root spec.routes[1].delegate"; else empty */
    struct bytes prefix_rewrite; /* takes the place of `path` in what is forwarded; else empty */
    bool websocket;              /* Upgrade: websocket is allowed */
    bool has_affinity_cookie;    /* hashing clusters hash X-Contour-Session-Affinity, which is set
                                  * where    it is missing; else they hash the client's address */
    uint16_t backends_count;
    uint32_t weights_sum;
    const struct route_backend *backends; /* in the object's order */
};

enum cluster_protocol { CLUSTER_HTTP1, CLUSTER_TLS, CLUSTER_H2C, CLUSTER_H2 };
enum cluster_policy {
    CLUSTER_ROUND_ROBIN,
    CLUSTER_LEAST_REQUEST,
    CLUSTER_RANDOM,
    CLUSTER_RING_HASH,
    CLUSTER_MAGLEV,
};

const char *cluster_policy_word(enum cluster_policy policy); /* "round_robin", ... */

/* Circuit breakers of one cluster, whole process (spec/contour.md 1.7, 4.3). */
struct cluster_limits {
    uint32_t connections_max; /* default 1024 */
    uint32_t pending_max;     /* default 1024; requests waiting for a connection */
    uint32_t requests_max;    /* default 1024 */
    uint32_t retries_max;     /* default 3; at the same time */
};

/* How endpoints are probed (spec/contour.md 2.6). */
enum health_check_kind {
    HEALTH_CHECK_HTTP, /* GET path, in the cluster's own protocol; 200 is healthy, 503 unhealthy at
                        * once */
    HEALTH_CHECK_TCP,  /* a connect that succeeds is healthy */
};

struct health_check {
    enum health_check_kind kind;
    struct bytes path; /* HEALTH_CHECK_HTTP: with its query */
    struct bytes host; /* the same; "contour-envoy-healthcheck" by default */
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t unhealthy_threshold; /* failures in a row; >= 1 */
    uint32_t healthy_threshold;   /* successes in a row; >= 1 */
};

struct endpoint_spec {
    struct address address;
    uint32_t weight; /* >= 1 */
};

/*
 * One port of one Service, in one way of using it. Its key is "namespace/name/port" with the
 * Service port's number, and what a route asks beyond the usual follows after a blank:
 * "default/web/80 random health=/ready". So two routes that use a Service differently have clusters
 * of their own (docs/decisions/0020-a-cluster-is-a-way-to-use-a-port.md).
 */
struct cluster_spec {
    _Atomic uint32_t refs; /* cluster_spec_ref()/_unref() */
    uint32_t slot;
    struct bytes key;
    uint64_t generation; /* of the table that first held this spec */
    enum cluster_protocol protocol;
    enum cluster_policy policy;
    bool sends_proxy_header; /* connections open with a PROXY protocol v2 header; only for tcp */
    const struct tls_upstream *tls;    /* ref; for CLUSTER_TLS and CLUSTER_H2, else NULL */
    const struct health_check *health; /* NULL: every endpoint counts as healthy */
    struct cluster_limits limits;
    struct bytes why_empty; /* for people: why there are no endpoints and what to do; else empty */
    uint32_t endpoints_count;              /* ready ones; may be 0: every request answers 503 */
    const struct endpoint_spec *endpoints; /* sorted by address, without repeats */
};

/*
 * Hold a spec beyond the table it came from, from any thread. A slot may be given to another key
 * once its own is out of use, so whoever keeps live state by slot compares the key too.
 */
const struct cluster_spec *cluster_spec_ref(const struct cluster_spec *spec);
void cluster_spec_unref(const struct cluster_spec *spec);

struct path_tree;

/* For people: a prefix that was delegated to an IngressRoute which has no route for all of it, so
 * that what is missing there may be served by a shorter prefix, or by none. */
struct delegation_gap {
    struct bytes prefix; /* normalised */
    struct bytes via;    /* from the root on, as of a route */
    struct bytes object; /* "IngressRoute team/child" */
};

/* One host name (or wildcard, or the host-less rules) with its paths, for one scheme. */
struct vhost {
    _Atomic uint32_t refs; /* vhost_ref()/_unref() */
    uint32_t routes_count;
    enum scheme scheme;
    struct bytes name; /* lower case; "*.example.com" for a wildcard, "*" for the host-less rules */
    const struct path_tree *paths;
    const struct route *routes;        /* in dump order */
    const struct route *default_route; /* when no path matches; NULL = 404. Not among routes. */
    const struct tls_host *tls; /* ref; only for SCHEME_HTTPS, NULL: the handshake is refused, or
                                 * with `tcp` not ours to make */
    struct bytes tls_secret;    /* for people: "default/web-tls", or empty */
    /* Only for SCHEME_HTTPS: all bytes of a connection go to one of its backends, and no HTTP is
     * spoken. Without `tls` they are passed on as they come, the ClientHello first. ROUTE_FORWARD
     * or ROUTE_UNAVAILABLE; not among routes. */
    const struct route *tcp;
    uint32_t gaps_count;
    const struct delegation_gap *gaps; /* in the order of the walk */
};

struct table; /* opaque: ask with match.h, dump.h, explain.h and the calls below */

struct table *table_ref(struct table *table); /* returns its argument */
/* The last one out frees it, which may take milliseconds for a large table: not on a loop. */
void table_unref(struct table *table);

uint64_t table_generation(const struct table *table);
/* A host that is served over both schemes counts twice, and so do its routes. */
size_t table_hosts_count(const struct table *table);
size_t table_routes_count(const struct table *table);
size_t table_clusters_count(const struct table *table);
/* Tables alive in this process, for the metric that shows that old generations go. */
size_t table_live_count(void);

/* The spec in this slot, borrowed from the table; NULL when the slot is empty. O(1). */
const struct cluster_spec *table_cluster(const struct table *table, uint32_t slot);
/* Slots from here on are empty. */
uint32_t table_slots_end(const struct table *table);

/*
 * What people are told about objects, kept with the table so that /table, check and explain speak
 * of the same generation. Sorted; immutable; one text block per table, shared when unchanged.
 */
struct finding {
    bool is_error;         /* else a warning */
    struct bytes location; /* "FILE:LINE", or empty for objects from an API server */
    struct bytes object;   /* "Ingress default/web", or empty for findings about a file */
    struct bytes text;
    bool is_left_out; /* nothing of the file, or of the object, counts: it cannot be read, or is the
                       * second one of its name */
};
size_t table_findings_count(const struct table *table);
const struct finding *table_finding(const struct table *table, size_t index);

/* What an object that has a status is told (spec/contour.md 2.9), sorted by object. */
enum object_state { OBJECT_VALID, OBJECT_INVALID, OBJECT_ORPHANED };
const char *object_state_word(enum object_state state); /* "valid", "invalid", "orphaned" */

struct object_status {
    struct bytes object;      /* "IngressRoute default/web" */
    struct bytes host;        /* the fqdn of a root, lower case; else empty */
    struct bytes description; /* "valid IngressRoute" */
    enum object_state state;
};
size_t table_statuses_count(const struct table *table);
const struct object_status *table_status(const struct table *table, size_t index);

/*
 * A host that an object names which is not ours: kept for explain, so that who asks about the host
 * hears of the object. Sorted by host, then object. Of more than FOREIGN_HOSTS_MAX the first in
 * that order are kept, and the rest is counted.
 */
#define FOREIGN_HOSTS_MAX 10000

struct foreign_host {
    struct bytes host;   /* lower case; "*.example.com"; "*" where it has rules without a host */
    struct bytes object; /* "Ingress default/web" */
    struct bytes why;    /* what follows "it": "is of class ..." */
    bool is_unwatched;   /* by its namespace; else by its class */
};
/* qsort(): the order of the list. */
int foreign_host_compare(const void *a, const void *b);
size_t table_foreign_hosts_count(const struct table *table);
const struct foreign_host *table_foreign_host(const struct table *table, size_t index);
uint64_t table_foreign_hosts_left_out(const struct table *table);

/*
 * A certificate that some host serves, or that is the default one, once however many hosts serve
 * it: for the metric of its end and for people. Sorted by Secret; shared between generations when
 * unchanged, so that the same address of the first one means the same list.
 */
struct served_certificate {
    struct bytes secret;  /* "default/web-tls" */
    struct bytes subject; /* "CN=app.example.com" */
    int64_t not_after_s;  /* Unix seconds; the earliest end in the chain */
};
size_t table_certificates_count(const struct table *table);
const struct served_certificate *table_certificate(const struct table *table, size_t index);

#endif
