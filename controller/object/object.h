/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - Kubernetes objects as plain structs: what the compiler needs of them, no more.
 *
 * An object is decoded once, is immutable afterwards, and is one block of memory: text and arrays
 * stand behind the struct. References are counted atomically; objects move between threads.
 * Source: Kubernetes API reference v1.31 for each kind; spec/contour.md section 1.
 */
#ifndef CONTROLLER_OBJECT_OBJECT_H
#define CONTROLLER_OBJECT_OBJECT_H

#include "core/address.h"
#include "core/bytes.h"

enum object_kind {
    OBJECT_INGRESS,        /* networking.k8s.io/v1, v1beta1, extensions/v1beta1 */
    OBJECT_INGRESS_CLASS,  /* networking.k8s.io/v1, v1beta1; no namespace */
    OBJECT_SERVICE,        /* v1 */
    OBJECT_ENDPOINT_SLICE, /* discovery.k8s.io/v1, v1beta1 */
    OBJECT_ENDPOINTS,      /* v1 */
    OBJECT_SECRET,         /* v1 */
    OBJECT_CONFIG_MAP,     /* v1; no struct: nothing of it is used yet */
    OBJECT_INGRESS_ROUTE,  /* contour.heptio.com/v1beta1 */
    /* TLSCertificateDelegation is a kind of two groups, so one name may stand for two objects: */
    OBJECT_TLS_DELEGATION,                /* contour.heptio.com/v1beta1 */
    OBJECT_PROJECTCONTOUR_TLS_DELEGATION, /* projectcontour.io/v1 */
    OBJECT_KINDS_COUNT,
    /* v1; nothing that is served comes of them, and they have no structs: whereabouts.h */
    OBJECT_POD,
    OBJECT_NODE
};

/* "Ingress", "IngressClass"...; never NULL. Not of a Pod or a Node. */
const char *object_kind_name(enum object_kind kind);
/* "projectcontour.io/v1", where a kind of another group has the same name; else NULL. */
const char *object_kind_group(enum object_kind kind);

struct annotation {
    struct bytes name;
    struct bytes value;
};

#define CREATED_UNKNOWN INT64_MAX /* no creationTimestamp: younger than all that have one */

/* What every kind has. First field of each kind's struct. */
struct object {
    uint32_t refs; /* atomic */
    enum object_kind kind;
    struct bytes ns; /* "default" when the manifest names none; empty for cluster-wide kinds */
    struct bytes name;
    int64_t created_s;                    /* Unix seconds, or CREATED_UNKNOWN */
    const struct annotation *annotations; /* sorted by name */
    uint32_t annotations_count;
    uint32_t line;     /* of the document in its file; 0 when it came from an API server */
    struct bytes file; /* path as found; empty when it came from an API server */
};

struct object *object_ref(struct object *object); /* returns its argument */
void object_unref(struct object *object);
/* Order by kind, namespace, name. */
int object_compare(const struct object *a, const struct object *b);
/* Older first: created_s, then namespace/name (design 1). */
int object_compare_age(const struct object *a, const struct object *b);
/* Same content apart from where it was read: the table cannot differ by it. */
bool object_is_same(const struct object *a, const struct object *b);
/* It only stands for an object that cannot be read (kind.h). */
bool object_is_stand_in(const struct object *object);
/* The value, or BYTES_NONE with at == NULL when there is no such annotation. */
struct bytes object_annotation(const struct object *object, struct bytes name);

/* An object whose kind is known, as what it is; NULL stays NULL. */
#define AS_KIND(name)                                                                              \
    static inline const struct name *as_##name(const struct object *object)                        \
    {                                                                                              \
        return (const struct name *)(const void *)object;                                          \
    }
AS_KIND(ingress)
AS_KIND(ingress_class)
AS_KIND(ingress_route)
AS_KIND(service)
AS_KIND(endpoints)
AS_KIND(secret)
AS_KIND(tls_delegation)

/* A Service port as an object writes it: by number or by name. */
struct port_ref {
    struct bytes name; /* empty when it is a number; the text as written otherwise */
    int32_t number;    /* 0 when it is a name */
};

struct ingress_backend {
    struct bytes service; /* empty when the backend is absent or is no Service */
    struct port_ref port;
    bool is_present;
    bool is_resource; /* backend.resource: a kind we do not serve */
};

enum ingress_path_type {
    INGRESS_PATH_UNSET,
    INGRESS_PATH_EXACT,
    INGRESS_PATH_PREFIX,
    INGRESS_PATH_IMPLEMENTATION,
    INGRESS_PATH_UNKNOWN
};

struct ingress_path {
    struct bytes path; /* as written, may be empty */
    enum ingress_path_type type;
    struct ingress_backend backend;
};

struct ingress_rule {
    struct bytes host; /* as written, may be empty */
    bool has_http;
    uint32_t paths_count;
    const struct ingress_path *paths;
};

struct ingress_tls {
    struct bytes secret;
    uint32_t hosts_count;
    const struct bytes *hosts;
};

struct ingress {
    struct object object;
    struct bytes class_name; /* spec.ingressClassName */
    struct ingress_backend default_backend;
    uint32_t rules_count;
    const struct ingress_rule *rules;
    uint32_t tls_count;
    const struct ingress_tls *tls;
};

struct ingress_class {
    struct object object;
    struct bytes controller;
    bool is_default; /* annotation ingressclass.kubernetes.io/is-default-class: "true" */
};

/* Seconds and counts as written; 0 asks for the default (spec/contour.md 2.6). */
struct ingress_route_health_check {
    struct bytes path;
    struct bytes host;
    int32_t interval_s;
    int32_t timeout_s;
    int32_t unhealthy_count;
    int32_t healthy_count;
};

/* A Service in the IngressRoute's own namespace. Numbers may be out of range. */
struct ingress_route_service {
    struct bytes name;
    int32_t port;
    int32_t weight; /* 0 when absent */
    struct bytes strategy;
    bool has_health_check;
    struct ingress_route_health_check health_check;
    bool has_validation;
    struct bytes ca_secret;
    struct bytes subject_name;
};

struct ingress_route_delegate {
    bool is_present;
    struct bytes name;
    struct bytes ns; /* empty: the IngressRoute's own */
};

struct ingress_route_route {
    struct bytes match; /* as written, may be empty */
    uint32_t services_count;
    const struct ingress_route_service *services;
    struct ingress_route_delegate delegate;
    bool enable_websockets;
    bool permit_insecure;
    struct bytes prefix_rewrite;
    struct bytes request_timeout; /* timeoutPolicy.request, as written */
    bool has_retry_policy;
    int32_t retry_count;
    struct bytes per_try_timeout; /* as written */
};

struct ingress_route {
    struct object object;
    struct bytes fault;    /* why it cannot be read: it stands for one that has a status and serves
                            * nothing; beside this at most root and fqdn are set. Empty: it was read */
    bool is_class_unknown; /* with a fault: its annotations could not be read either */
    bool is_root;          /* has spec.virtualhost */
    struct bytes fqdn;     /* as written, may be empty */
    bool has_tls;
    struct bytes tls_secret;      /* "name" or "namespace/name" */
    struct bytes tls_version_min; /* as written */
    bool tls_passthrough;
    uint32_t routes_count;
    uint32_t routes_looks; /* what it takes to find one: for each 1, and 1 more for each 64 bytes */
    const struct ingress_route_route *routes;
    bool has_tcpproxy;
    uint32_t tcp_services_count;
    const struct ingress_route_service *tcp_services;
    struct ingress_route_delegate tcp_delegate;
};

/* One Secret of the delegation's own namespace, and who may use it. */
struct tls_grant {
    struct bytes secret;
    uint32_t namespaces_count;
    const struct bytes *namespaces; /* "*" stands for all */
};

struct tls_delegation {
    struct object object;
    uint32_t grants_count;
    const struct tls_grant *grants;
};

struct service_port {
    struct bytes name; /* may be empty */
    int32_t number;
    struct bytes protocol;     /* "TCP" when absent */
    struct bytes app_protocol; /* may be empty */
    struct port_ref target;    /* number 0 and no name: same as number */
};

struct service {
    struct object object;
    struct bytes external_name; /* empty unless type ExternalName */
    bool is_external_name;
    bool has_selector; /* of Pods, which only a cluster has */
    uint32_t ports_count;
    const struct service_port *ports;
};

/* One run of addresses that share their ports: an EndpointSlice, or one subset of Endpoints. */
struct endpoint_port {
    struct bytes name; /* may be empty */
    int32_t number;
    struct bytes protocol;
};
struct endpoint_address {
    uint8_t is_v6;
    uint8_t ip[16];
    bool is_ready; /* conditions.ready nil or true; in `addresses`, not in `notReadyAddresses` */
};
struct endpoint_group {
    uint32_t ports_count;
    const struct endpoint_port *ports;
    uint32_t addresses_count;
    const struct endpoint_address *addresses;
};

/* Both EndpointSlice and Endpoints. */
struct endpoints {
    struct object object;
    struct bytes service; /* label kubernetes.io/service-name, or the Endpoints' own name */
    uint32_t groups_count;
    const struct endpoint_group *groups;
};

#define SECRET_PEM_BYTES_MAX    (1024 * 1024) /* what an API server takes for a whole Secret */
#define SECRET_STAPLE_BYTES_MAX (32 * 1024)   /* it is part of each handshake */

/* What a Secret may be asked for. */
enum secret_key {
#define SECRET_KEY(name, key, bytes_max) SECRET_##name,
#include "controller/object/secret_keys.def"
#undef SECRET_KEY
    SECRET_KEYS_COUNT
};

/* "tls.crt" */
const char *secret_key_name(enum secret_key key);
/* The limit of its value. */
size_t secret_key_bytes_max(enum secret_key key);

/* Values are wiped before they are freed. What nobody may ask for is not in it, annotations
 * neither: one that has nothing else is known to exist. */
struct secret {
    struct object object;
    struct bytes type;                      /* "Opaque" when absent */
    struct bytes values[SECRET_KEYS_COUNT]; /* decoded; at == NULL: there is none */
    bool is_too_large[SECRET_KEYS_COUNT];   /* there is one over its limit, which was not kept */
};

#endif
