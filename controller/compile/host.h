/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - one host while it is compiled. Shared by host.c, claims.c, tree.c, host_tls.c and
 * host_certificates.c.
 */
#ifndef CONTROLLER_COMPILE_HOST_H
#define CONTROLLER_COMPILE_HOST_H

#include "controller/compile/annotations.h"
#include "controller/compile/annotations_tls.h"
#include "controller/compile/pass.h"
#include "controller/compile/tree.h"

/* An Ingress, or the IngressRoute that is the root, as far as this host is concerned. */
struct origin {
    const struct object *object;
    const struct ingress *ingress; /* NULL for an IngressRoute */
    struct bytes title;            /* "Ingress default/web" */
    struct ingress_policy policy;  /* all defaults for an IngressRoute */
    struct ingress_tls_policy tls;
};

/* One path that wants a place in this host: of a rule of an Ingress, or of a tree of IngressRoutes.
 */
struct claim {
    struct bytes path; /* normal form, or the pattern */
    enum path_kind kind;
    uint32_t order; /* among all claims of this host: the tree, then the oldest Ingress, then as
                     * written */
    const struct leaf *leaf; /* NULL for an Ingress; the rest is NULL and 0 for a leaf */
    const struct origin *origin;
    uint32_t rule;
    uint32_t index; /* in the rule's paths */
};

/* All but pass, node and findings is in the pass's scratch. */
struct host_pass {
    struct pass *pass;
    struct host_node *node;
    struct findings findings;
    const struct origin **origins; /* of node->rules, by their index */
    struct tree tree;
    /* Of one scheme, then of the other: */
    enum scheme scheme;
    struct bytes tls_ns; /* the namespace that holds the host's certificates; only over HTTPS */
    struct vhost_builder *vhost;
    struct claim *claims; /* each of a place of its own, in order of the places */
    uint32_t claims_count;
};

struct origin *origin_create(struct pass *pass, const struct object *object);

/* True when what an Ingress says of the host counts for the scheme. */
bool host_serves(const struct host_pass *host, const struct origin *origin);
/* Fill in the claims of the host for its scheme; who loses a place is told. */
void claims_gather(struct host_pass *host);
const struct ingress_path *claim_path(const struct claim *claim); /* of an Ingress */
const struct object *claim_object(const struct claim *claim);
struct bytes claim_field(const struct host_pass *host, const struct claim *claim);

/* An entry of spec.tls that names the host, or the tls of the root. */
struct tls_source {
    const struct object *object;
    struct bytes secret; /* as written */
    struct bytes field;  /* "spec.tls[0]" */
};

/* Where the certificates of a host come from. */
struct tls_sources {
    uint32_t count;
    struct tls_source list[]; /* the root alone, else the oldest Ingress first */
};
/* NULL when no certificate is asked for. In scratch. */
const struct tls_sources *host_tls_sources(struct host_pass *host);

/*
 * Fill in one certificate of each kind, borrowed from the Secrets, which are noted in
 * pass->secrets. False when there is none. *secrets: for people, what is shown or should be.
 */
bool host_certificates_choose(struct host_pass *host, const struct tls_sources *sources,
                              struct certificate **by_kind, struct bytes *secrets);

/* How handshakes for the host are answered. */
struct host_tls {
    struct tls_host *tls; /* ref for the caller; NULL: they are refused */
    struct bytes secret;  /* for people */
};
/* Notes the Secrets in pass->secrets, sets host->tls_ns. */
struct host_tls host_tls_resolve(struct host_pass *host, const struct tls_sources *sources);
/* True when objects of `ns` may be served by the certificate of the root: it is theirs, or a
 * TLSCertificateDelegation gives it to them. */
bool host_tls_lends(const struct host_pass *host, struct bytes ns);
/* True when an entry of the Ingress's spec.tls names the host, or a wildcard over it. */
bool host_tls_asks(const struct host_pass *host, const struct ingress *ingress);
/* The Secret that an entry names. */
struct secret_ref tls_source_ref(const struct tls_source *source);
/* True when the Ingress asks for client certificates and cannot have them: its routes are not
 * served over HTTPS. */
bool host_tls_bars(const struct host_pass *host, const struct origin *origin);

/* The default certificate, for the table; what is wrong with it goes to the host's findings. */
struct host_tls host_tls_default(struct host_pass *host);

#endif
