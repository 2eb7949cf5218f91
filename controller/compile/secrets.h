/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secrets.h - Secrets that something names: who uses them, and what was read from them.
 *
 *     host    --\
 *                secret_user --use--> secret_node -> certificate, trust
 *     Service --/
 *
 * A certificate is parsed once for its Secret and shared by all hosts and generations that show it;
 * it is dropped when the Secret changes.
 */
#ifndef CONTROLLER_COMPILE_SECRETS_H
#define CONTROLLER_COMPILE_SECRETS_H

#include "controller/compile/emit.h"
#include "tls/host.h"

struct secret_node;
struct host_node;
struct service_node;

/* One dependency on one Secret. */
struct secret_use {
    struct list link; /* in secret->uses */
    struct secret_user *user;
    struct secret_node *secret;
    bool is_shown; /* the host shows its certificate to clients */
};

/* Part of whatever depends on Secrets: of a host, or of a Service. */
struct secret_user {
    struct host_node *host;       /* or NULL */
    struct service_node *service; /* or NULL */
    struct secret_use *uses;      /* owned */
    size_t uses_count;
};

/* A Secret that something names, whether it exists or not. */
struct secret_node {
    struct list uses; /* struct secret_use */
    struct list idle; /* in secrets->idle while nothing uses it, or alone */
    bool certificate_is_read;
    bool trust_is_read;
    struct certificate *certificate; /* ref; NULL when not read or faulty */
    struct trust *trust;             /* ref; the same */
    struct text certificate_fault;   /* "Secret default/web-tls not found" */
    struct text trust_fault;
    size_t shown_count;           /* uses that show the certificate */
    struct finding_set *findings; /* about its expiry; or NULL */
    struct bytes ns;              /* both behind the struct, as "ns/name" */
    struct bytes name;
};

struct secrets {
    struct map nodes;   /* by "ns/name" */
    struct list idle;   /* nodes to be forgotten at the end of the run */
    bool shown_changed; /* which certificates are shown, or what they are */
    /* Within this span of time what is told about their ends stays true. */
    int64_t told_from_s;
    int64_t told_until_s;
};

void secrets_init(struct secrets *secrets);
void secrets_fini(struct secrets *secrets); /* users and findings are gone already */

struct bytes secret_title(const struct secret_node *secret); /* "ns/name" */
/* NULL when nothing names it. */
struct secret_node *secrets_find(const struct secrets *secrets, struct bytes ns, struct bytes name);
/* The Secret changed, came or went: forget what was read. Its users are to be compiled anew. */
void secrets_forget_content(struct secrets *secrets, struct secret_node *secret);
/* One that nothing uses any more, whose findings are to be emptied before it is destroyed; or NULL.
 */
struct secret_node *secrets_next_idle(struct secrets *secrets);
void secrets_destroy_node(struct secrets *secrets, struct secret_node *secret);

/* The uses of one user while it is compiled; they then take the place of the old ones. */
struct secret_list {
    struct secret_use *uses; /* mem_resize()d scratch */
    size_t count;
    size_t capacity;
};
void secret_list_begin(struct secret_list *list);
struct secret_node *secret_list_add(struct secrets *secrets, struct secret_list *list,
                                    struct bytes ns, struct bytes name);
/* The user shows this one's certificate; it is in the list. */
void secret_list_show(struct secret_list *list, const struct secret_node *secret);
void secret_list_end(struct secrets *secrets, struct secret_user *user, struct secret_list *list);

/* A Secret as an object names it. Borrowed from the object. */
struct secret_ref {
    struct bytes ns;
    struct bytes name;
};
/* "name" of `own_ns`, or "namespace/name". */
struct secret_ref secret_ref_parse(struct bytes written, struct bytes own_ns);

/*
 * What the Secret holds, read on first use. Borrowed from the node; NULL and *fault (borrowed too,
 * a sentence that names the Secret) when it cannot be used.
 */
struct certificate *secret_certificate(struct secret_node *secret, const struct cache *cache,
                                       struct bytes *fault);
/* Keys ca.crt and, optional, ca.crl. */
struct trust *secret_trust(struct secret_node *secret, const struct cache *cache,
                           struct bytes *fault);

#endif
