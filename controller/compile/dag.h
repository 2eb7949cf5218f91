/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dag.h - what depends on what, so that a change costs what it touches.
 *
 *     Ingress rules, tls --contributor--> host --use--> service --> clusters (one a way to use it)
 *     root IngressRoute -------/          |  \            |  \----> external name
 *                                         |   \-> Secret <-/
 *                                         \--visit--> IngressRoutes of its tree
 *
 * An Ingress changed: its hosts are dirty. An IngressRoute changed: the hosts whose trees reach it
 * are. A TLSCertificateDelegation changed: those that name its Secrets. A Service's ports changed:
 * the hosts that use it are dirty. Its endpoints changed: its clusters are, and no host. A Secret
 * changed: the hosts and Services that use it are. Dirty things wait in two lists for the run.
 */
#ifndef CONTROLLER_COMPILE_DAG_H
#define CONTROLLER_COMPILE_DAG_H

#include "controller/compile/grants.h"
#include "controller/compile/secrets.h"
#include "controller/compile/visits.h"
#include "controller/compile/way.h"

/* How an object can name a host: an Ingress in a rule (at the fallback host: by its default
 * backend) or in an entry of spec.tls, an IngressRoute as the fqdn of a root. */
enum contribution { CONTRIBUTION_RULE, CONTRIBUTION_TLS, CONTRIBUTION_ROOT };

struct contributor {
    const struct object *object; /* ref */
    uint32_t index;              /* in rules or tls of an Ingress; else 0 */
};

/* Oldest object first, then by index. */
struct contributors {
    struct contributor *list; /* owned */
    uint32_t count;
    uint32_t capacity;
};

/* A name with rules or a certificate: "app.example.com", "*.example.com", "*" for rules without a
 * host. The fallback host has the empty name and gathers the default backends. */
struct host_node {
    struct list dirty;         /* in dag->dirty_hosts, or alone */
    struct contributors rules; /* CONTRIBUTION_RULE */
    struct contributors tls;   /* CONTRIBUTION_TLS */
    struct contributors roots; /* CONTRIBUTION_ROOT; more than one is a conflict */
    struct use *uses;          /* owned; where its routes lead */
    uint32_t uses_count;
    struct secret_user secrets;   /* its certificates, and CAs */
    struct host_visits visits;    /* the IngressRoutes of its tree */
    struct finding_set *findings; /* or NULL */
    struct bytes name;            /* behind the struct */
};

/* One port of a Service that some route forwards to, in one way. */
struct cluster_node {
    struct cluster_node *next; /* of the same Service */
    uint32_t uses_count;
    uint32_t slot;
    uint32_t stamp; /* of the host that used it last, see dag->stamp */
    int32_t port;
    bool is_put;           /* the table has its spec */
    const struct way *way; /* owned, or the usual one */
    struct bytes words;    /* way_add_words(), behind the port behind the struct */
};
/* "ns/name/80" and its words, in the arena. */
struct bytes cluster_node_key(struct arena *arena, struct bytes ns, struct bytes name,
                              const struct cluster_node *cluster);
/* Takes the cluster out of what it is found by; of a Service's list it is gone already. */
void cluster_node_destroy(struct service_node *service, struct cluster_node *cluster);

/* A Service that some Ingress names, whether it exists or not. */
struct service_node {
    struct list dirty;             /* in dag->dirty_services, or alone */
    struct list uses;              /* struct use */
    struct list external_link;     /* in external->services, or alone */
    struct cluster_node *clusters; /* owned; in no order */
    struct map by_way;             /* of them, once they are too many to look through */
    struct external *external;     /* the DNS name it stands for, or NULL */
    struct secret_user secrets;    /* its CA */
    struct finding_set *findings;  /* or NULL */
    uint32_t stamp;
    bool is_changed; /* its clusters must be compiled, not just be looked through for unused ones */
    struct bytes ns; /* both behind the struct, as "ns/name" */
    struct bytes name;
};

/* One host's dependency on one Service, and on one cluster of it if the port exists. */
struct use {
    struct list link; /* in service->uses */
    struct host_node *host;
    struct service_node *service;
    struct cluster_node *cluster; /* or NULL */
};

/* A DNS name that ExternalName Services in use stand for, and what it resolves to. */
struct external {
    struct list services;      /* struct service_node */
    struct address *addresses; /* owned; sorted, without repeats */
    size_t addresses_count;
    struct bytes name; /* behind the struct; lower case, without a trailing dot */
};

struct dag {
    struct map hosts;     /* by name */
    struct map services;  /* by "ns/name" */
    struct map externals; /* by name */
    struct secrets secrets;
    struct trees trees;
    struct grants grants;
    struct host_node *fallback;    /* owned; not in hosts */
    struct host_node *default_tls; /* the same: who we are for server names nobody serves */
    struct list dirty_hosts;
    struct list dirty_services;
    uint32_t stamp;          /* a new one for each host compiled: has it used this already? */
    bool externals_changed;  /* a name came or went */
    const struct map *known; /* borrowed; answers of another dag's externals, or NULL */
};

void dag_init(struct dag *dag, const struct map *known);
void dag_fini(struct dag *dag); /* findings are emit's to free */

/* For dag_fini(). */
void service_node_destroy(struct service_node *service);
void external_destroy(struct external *external);

/* Hosts. A contributor that is there already is not added again; one that is not is not removed. */
void dag_add_contributor(struct dag *dag, struct bytes host, enum contribution contribution,
                         const struct object *object, uint32_t index);
void dag_remove_contributor(struct dag *dag, struct bytes host, enum contribution contribution,
                            const struct object *object, uint32_t index);
void dag_clear_contributors(struct dag *dag); /* of all hosts; all are dirty then */
void dag_mark_host(struct dag *dag, struct host_node *host);
bool host_has_contributors(const struct host_node *host);
void dag_forget_host(struct dag *dag, struct host_node *host); /* without contributors or uses */

/* The Secret changed, came or went: whoever uses it is dirty. */
void dag_mark_secret(struct dag *dag, struct bytes ns, struct bytes name);
/* Others may use it, or may no more. */
void dag_mark_secret_users(struct dag *dag, struct bytes ns, struct bytes name);

/* The IngressRoute changed, came or went: hosts whose trees reach it are dirty, its status is too.
 */
void dag_mark_ingress_route(struct dag *dag, struct bytes ns, struct bytes name);

/* Services. NULL when no route leads there. */
struct service_node *dag_service(const struct dag *dag, struct bytes ns, struct bytes name);
/* What of the Service changed: its clusters, and also the routes that name its ports? */
void dag_mark_service(struct dag *dag, struct service_node *service, bool hosts_too);

/*
 * The uses of one host are gathered anew while it is compiled and then take the place of the old
 * ones, so that a cluster that is used before and after keeps its slot.
 */
struct use_list {
    struct use *uses; /* mem_resize()d scratch */
    size_t count;
    size_t capacity;
};
void use_list_begin(struct dag *dag, struct use_list *list);
/* port: 0 when the Service has no such port. Returns the cluster, NULL for port 0. */
struct cluster_node *use_list_add(struct dag *dag, struct use_list *list, struct bytes ns,
                                  struct bytes service, int32_t port, const struct way *way);
void use_list_end(struct dag *dag, struct host_node *host, struct use_list *list);

/* Frees it when nothing uses it any more; its clusters must be gone. True when it went. */
bool dag_forget_unused_service(struct dag *dag, struct service_node *service);

/* Let the Service stand for this DNS name from now on; an empty name for none. */
void dag_set_external(struct dag *dag, struct service_node *service, struct bytes name);
void dag_forget_unused_externals(struct dag *dag);
/* True when the answer differs from the last one; then the Services are marked. */
bool dag_resolve(struct dag *dag, struct bytes name, const struct address *addresses, size_t count);

#endif
