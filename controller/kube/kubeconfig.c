/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig.c - the current context of a kubeconfig file, and the cluster and user it names.
 *
 * Fields that would weaken or change what we do are refused and never passed over in silence. What
 * kubectl keeps for itself there (preferences, extensions, colors) is not looked at.
 *
 * Source: kubernetes.io, "kubeconfig (v1)".
 */
#include "controller/kube/access.h"
#include "controller/kube/kubeconfig_exec.h"
#include "controller/kube/secret_file.h"
#include "controller/object/base64.h"
#include "core/check.h"

#include <curl/curl.h>

#include <stdlib.h>

static enum status complain(struct kubeconfig *config, const char *section, struct bytes name,
                            const char *sentence)
{
    text_printf(config->error, "%s \"", section);
    text_add_escaped(config->error, bytes_slice(name, 0, 100));
    text_printf(config->error, "\": %s", sentence);
    return STATUS_INVALID;
}

/* The entry of this name in a list of {name, KIND: {...}}; the first counts, as for kubectl. */
static struct config_node find(struct kubeconfig *config, const char *list, struct bytes name,
                               const char *kind)
{
    struct config_node entries = config_list(config->tree, config_root(config->tree), list);

    for (size_t i = 0; i < config_count(entries); i++) {
        struct config_node entry = config_item(config->tree, entries, i);

        if (bytes_equal(config_text(config->tree, entry, "name"), name))
            return config_object(config->tree, entry, kind);
    }
    return (struct config_node){NULL};
}

/* A path is relative to the folder of the kubeconfig. */
struct bytes kubeconfig_path(struct kubeconfig *config, struct bytes path)
{
    struct bytes dir = bytes_of(config->path);
    size_t slash = bytes_find_last(dir, '/');
    struct bytes whole;
    struct text text;

    if (path.len == 0 || path.at[0] == '/' || slash == BYTES_NOT_FOUND)
        return arena_copy(&config->access->arena, path);
    text_init(&text);
    text_add(&text, bytes_slice(dir, 0, slash + 1));
    text_add(&text, path);
    whole = arena_copy(&config->access->arena, text_bytes(&text));
    text_fini(&text);
    return whole;
}

/* NAME and NAME-data; the latter wins, as for kubectl. */
static enum status read_credential(struct kubeconfig *config, struct config_node up,
                                   const char *path_key, const char *data_key,
                                   struct credential *credential)
{
    struct bytes data = config_text(config->tree, up, data_key);
    struct bytes path = config_text(config->tree, up, path_key);
    char *decoded;

    if (data.len == 0) {
        if (path.len > 0)
            credential->path = kubeconfig_path(config, path);
        return STATUS_OK;
    }
    decoded = arena_alloc(&config->access->arena, BASE64_DECODED_MAX(data.len) + 1);
    if (base64_decode(data, decoded, &credential->data.len) != STATUS_OK) {
        text_printf(config->error, "%s is no base64", data_key);
        return STATUS_INVALID;
    }
    decoded[credential->data.len] = '\0';
    credential->data.at = decoded;
    return STATUS_OK;
}

static struct bytes url_part(struct kubeconfig *config, CURLU *url, CURLUPart part, unsigned flags)
{
    struct bytes copy = BYTES_NONE;
    char *text = NULL;

    if (curl_url_get(url, part, &text, flags) == CURLUE_OK)
        copy = arena_copy(&config->access->arena, bytes_of(text));
    curl_free(text);
    return copy;
}

static bool has_part(struct kubeconfig *config, CURLU *url, CURLUPart part)
{
    return url_part(config, url, part, 0).len > 0;
}

static const char *read_url(struct kubeconfig *config, CURLU *url, const char *server)
{
    struct access *access = config->access;
    struct bytes path;
    uint64_t port;

    if (curl_url_set(url, CURLUPART_URL, server, 0) != CURLUE_OK)
        return "server must be a URL such as https://10.0.0.1:6443";
    if (!bytes_equal(url_part(config, url, CURLUPART_SCHEME, 0), BYTES("https")))
        return "server must begin with https://, as the API is only ever spoken to over TLS";
    if (has_part(config, url, CURLUPART_USER) || has_part(config, url, CURLUPART_PASSWORD) ||
        has_part(config, url, CURLUPART_QUERY) || has_part(config, url, CURLUPART_FRAGMENT) ||
        has_part(config, url, CURLUPART_ZONEID))
        return "server must be no more than https://HOST:PORT/PATH";
    access->host = url_part(config, url, CURLUPART_HOST, 0);
    path = url_part(config, url, CURLUPART_PATH, 0);
    if (!bytes_to_uint(url_part(config, url, CURLUPART_PORT, CURLU_DEFAULT_PORT), UINT16_MAX,
                       &port) ||
        port == 0)
        return "server has no good port";
    access->port = (uint16_t)port;
    while (bytes_ends_with(path, BYTES("/")))
        path.len--;
    access->path = arena_copy(&access->arena, path);
    if (bytes_starts_with(access->host, BYTES("[")))
        access->host =
            arena_copy(&access->arena, bytes_slice(access->host, 1, access->host.len - 2));
    return NULL;
}

static const char *check_cluster(struct kubeconfig *config, struct config_node cluster)
{
    if (config_bool(config->tree, cluster, "insecure-skip-tls-verify"))
        return "insecure-skip-tls-verify is refused, as it would hand our credentials to anybody: "
               "give certificate-authority-data instead";
    if (config_text(config->tree, cluster, "proxy-url").len > 0)
        return "proxy-url is not supported: the API server must be reached directly";
    return NULL;
}

static enum status read_cluster(struct kubeconfig *config, struct bytes name)
{
    struct config_node cluster = find(config, "clusters", name, "cluster");
    struct bytes server = config_text(config->tree, cluster, "server");
    const char *fault = check_cluster(config, cluster);
    CURLU *url;

    if (cluster.at == NULL || server.len == 0)
        return complain(config, "cluster", name, "there is none of this name with a server");
    if (fault != NULL)
        return complain(config, "cluster", name, fault);
    url = curl_url();
    CHECK(url != NULL);
    fault = read_url(config, url, server.at);
    curl_url_cleanup(url);
    if (fault != NULL)
        return complain(config, "cluster", name, fault);
    config->access->tls_server_name =
        arena_copy(&config->access->arena, config_text(config->tree, cluster, "tls-server-name"));
    kubeconfig_exec_read_cluster(config, cluster);
    return read_credential(config, cluster, "certificate-authority", "certificate-authority-data",
                           &config->access->ca);
}

/* What would need us to be somebody else, or to send a password. */
static const char *check_user(struct config_node user)
{
    if (config_has(user, "username") || config_has(user, "password"))
        return "username and password are refused, as API servers take none: use a token, a "
               "client certificate or exec";
    if (config_has(user, "auth-provider"))
        return "auth-provider is gone from Kubernetes: use exec";
    if (config_has(user, "as") || config_has(user, "as-uid") || config_has(user, "as-groups") ||
        config_has(user, "as-user-extra"))
        return "acting as another user is not supported: take \"as\" out";
    return NULL;
}

static const char *check_pair(const struct access *access)
{
    if (credential_is_given(&access->certificate) != credential_is_given(&access->key))
        return "client-certificate and client-key must be given together";
    if (access->exec != NULL && credential_is_given(&access->token))
        return "exec and a token are given: take one of them out";
    return NULL;
}

static enum status read_user(struct kubeconfig *config, struct bytes name)
{
    struct config_node user = find(config, "users", name, "user");
    struct access *access = config->access;
    const char *fault = check_user(user);

    if (user.at == NULL)
        return complain(config, "user", name, "there is none of this name");
    if (fault != NULL)
        return complain(config, "user", name, fault);
    access->token.path = kubeconfig_path(config, config_text(config->tree, user, "tokenFile"));
    if (access->token.path.len == 0)
        access->token.data = arena_copy(&access->arena, config_text(config->tree, user, "token"));
    if (read_credential(config, user, "client-certificate", "client-certificate-data",
                        &access->certificate) != STATUS_OK ||
        read_credential(config, user, "client-key", "client-key-data", &access->key) != STATUS_OK)
        return STATUS_INVALID;
    fault = kubeconfig_exec_read(config, user);
    if (fault == NULL)
        fault = check_pair(access);
    return fault == NULL ? STATUS_OK : complain(config, "user", name, fault);
}

static enum status read_context(struct kubeconfig *config)
{
    struct bytes name = config_text(config->tree, config_root(config->tree), "current-context");
    struct config_node context;
    struct bytes ns;

    if (name.len == 0) {
        text_add_str(config->error, "current-context is not set: choose one with kubectl config "
                                    "use-context");
        return STATUS_INVALID;
    }
    context = find(config, "contexts", name, "context");
    if (context.at == NULL)
        return complain(config, "context", name, "there is none of this name");
    ns = config_text(config->tree, context, "namespace");
    if (ns.len > 0)
        config->access->ns = arena_copy(&config->access->arena, ns);
    if (read_cluster(config, config_text(config->tree, context, "cluster")) != STATUS_OK)
        return STATUS_INVALID;
    return read_user(config, config_text(config->tree, context, "user"));
}

/* A wrong type is the better answer: what it was in reads as absent. */
static enum status read_tree(struct kubeconfig *config)
{
    size_t before = config->error->len;
    enum status status = read_context(config);
    struct bytes wrong_type = config_error(config->tree);

    if (wrong_type.len == 0)
        return status;
    config->error->len = before;
    text_add(config->error, wrong_type);
    return STATUS_INVALID;
}

enum status access_from_kubeconfig(const char *path, struct access *access, struct text *error)
{
    struct kubeconfig config = {.path = path, .access = access, .error = error};
    struct text content;
    enum status status;

    *access = (struct access){.ns = BYTES("default")};
    arena_init(&access->arena, 1024);
    text_init(&content);
    status = secret_file_read(path, KUBECONFIG_BYTES_MAX, &content, error);
    if (status == STATUS_OK) {
        text_printf(error, "%s: ", path);
        status = config_tree_read(text_bytes(&content), &config.tree, error);
    }
    if (status == STATUS_OK) {
        status = read_tree(&config);
        config_tree_destroy(config.tree);
    }
    secret_text_fini(&content);
    return status;
}

void access_fini(struct access *access)
{
    arena_fini(&access->arena);
    *access = (struct access){0};
}
