/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in_cluster.c - what a pod is told about its API server.
 */
#include "controller/kube/access.h"
#include "controller/kube/secret_file.h"

#include <stdlib.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
#define NAMESPACE_BYTES_MAX 253

static struct bytes join(struct arena *arena, const char *dir, const char *name)
{
    struct text text;
    struct bytes path;

    text_init(&text);
    text_printf(&text, "%s/%s", dir, name);
    path = arena_copy(arena, text_bytes(&text));
    text_fini(&text);
    return path;
}

/* Who may not read it still has a namespace: that of the kubeconfig rules. */
static void read_namespace(struct access *access, const char *dir)
{
    struct bytes path = join(&access->arena, dir, "namespace");
    struct text content, error;
    struct bytes name;

    text_init(&content);
    text_init(&error);
    if (secret_file_read(path.at, NAMESPACE_BYTES_MAX, &content, &error) == STATUS_OK) {
        name = bytes_trim(text_bytes(&content));
        if (bytes_ends_with(name, BYTES("\n")))
            name.len--;
        if (name.len > 0)
            access->ns = arena_copy(&access->arena, name);
    }
    text_fini(&content);
    text_fini(&error);
}

static enum status read_place(struct access *access, struct text *error)
{
    struct bytes host = bytes_of(getenv("KUBERNETES_SERVICE_HOST"));
    struct bytes port = bytes_of(getenv("KUBERNETES_SERVICE_PORT"));
    uint64_t number;

    if (host.len == 0) {
        text_add_str(error,
                     "KUBERNETES_SERVICE_HOST is not set: give --kubeconfig outside of a pod");
        return STATUS_NOT_FOUND;
    }
    if (!bytes_to_uint(port, UINT16_MAX, &number) || number == 0) {
        text_add_str(error, "KUBERNETES_SERVICE_PORT must be a port number");
        return STATUS_INVALID;
    }
    if (host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = bytes_slice(host, 1, host.len - 2);
    access->host = arena_copy(&access->arena, host);
    access->port = (uint16_t)number;
    return STATUS_OK;
}

enum status access_in_cluster(struct access *access, struct text *error)
{
    const char *dir = getenv("FAIRLEAD_SERVICE_ACCOUNT_DIR");

    *access = (struct access){.ns = BYTES("default")};
    arena_init(&access->arena, 1024);
    if (dir == NULL || dir[0] == '\0')
        dir = SERVICE_ACCOUNT_DIR;
    access->token.path = join(&access->arena, dir, "token");
    access->ca.path = join(&access->arena, dir, "ca.crt");
    read_namespace(access, dir);
    return read_place(access, error);
}
