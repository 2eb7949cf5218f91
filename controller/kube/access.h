/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - where an API server is and who we are to it, as it is configured: by a kubeconfig
 * (kubeconfig.c), or by the pod we run in (in_cluster.c). What is in files is read later, and again
 * and again, by auth.c.
 */
#ifndef CONTROLLER_KUBE_ACCESS_H
#define CONTROLLER_KUBE_ACCESS_H

#include "core/mem.h"
#include "core/status.h"
#include "core/text.h"

#define KUBECONFIG_BYTES_MAX (4u * 1024 * 1024)
#define EXEC_ARGS_MAX        1000 /* of a credential plugin; its variables likewise */

/* Something that may stand in the configuration or in a file of its own. */
struct credential {
    struct bytes data; /* what it is; empty: it is in the file, or not given */
    struct bytes path; /* followed by a NUL */
};

static inline bool credential_is_given(const struct credential *credential)
{
    return credential->data.len > 0 || credential->path.len > 0;
}

struct exec_variable {
    struct bytes name;
    struct bytes value;
};

/* A credential plugin. Source: client.authentication.k8s.io, v1 and v1beta1. */
struct exec_config {
    struct bytes command; /* followed by a NUL, as are the others */
    struct bytes *args;
    size_t args_count;
    struct exec_variable *variables;
    size_t variables_count;
    struct bytes api_version;
    struct bytes install_hint;
    struct bytes cluster_config; /* JSON of the extension for it, or empty */
    bool provides_cluster_info;
};

/* All texts are in the arena, each followed by a NUL that is not counted. */
struct access {
    struct arena arena;
    struct bytes host; /* a name or a literal address, without brackets */
    uint16_t port;
    struct bytes path;            /* before all paths; empty or "/prefix" */
    struct bytes tls_server_name; /* empty: the host */
    struct bytes ns;              /* ours, or that of the context; "default" if not said */
    struct credential ca;         /* not given: the roots of the system */
    struct credential token;
    struct credential certificate;
    struct credential key;
    struct exec_config *exec; /* in the arena, or NULL */
};

/*
 * The current context of a kubeconfig. On failure a sentence has been appended to *error: the
 * field, what is wrong, the remedy. *access is to be ended in every case.
 */
enum status access_from_kubeconfig(const char *path, struct access *access, struct text *error);

/*
 * KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, and the files of the service account: below
 * FAIRLEAD_SERVICE_ACCOUNT_DIR where that is set. STATUS_NOT_FOUND when we run in no pod.
 */
enum status access_in_cluster(struct access *access, struct text *error);

void access_fini(struct access *access);

#endif
