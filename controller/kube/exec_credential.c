/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_credential.c - JSON to a plugin, JSON from it.
 */
#include "controller/kube/exec_credential.h"

#include "controller/object/base64.h"
#include "controller/object/config_tree.h"

#include <time.h>

static void add_server(const struct access *access, struct text *out)
{
    bool is_v6 = bytes_find(access->host, ':') != BYTES_NOT_FOUND;
    struct text url;

    text_init(&url);
    text_printf(&url, is_v6 ? "https://[%s]:%u%s" : "https://%s:%u%s", access->host.at,
                access->port, access->path.len > 0 ? access->path.at : "");
    text_add_json_string(out, text_bytes(&url));
    text_fini(&url);
}

static void add_cluster(const struct access *access, struct bytes ca, struct text *out)
{
    text_add_str(out, ",\"cluster\":{\"server\":");
    add_server(access, out);
    if (access->tls_server_name.len > 0) {
        text_add_str(out, ",\"tls-server-name\":");
        text_add_json_string(out, access->tls_server_name);
    }
    if (ca.len > 0) {
        text_add_str(out, ",\"certificate-authority-data\":\"");
        base64_add(ca, out);
        text_add_str(out, "\"");
    }
    if (access->exec->cluster_config.len > 0) {
        text_add_str(out, ",\"config\":");
        text_add(out, access->exec->cluster_config);
    }
    text_add_str(out, "}");
}

void exec_info_add(const struct access *access, struct bytes ca, struct text *out)
{
    text_add_str(out, "{\"apiVersion\":");
    text_add_json_string(out, access->exec->api_version);
    text_add_str(out, ",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false");
    if (access->exec->provides_cluster_info)
        add_cluster(access, ca, out);
    text_add_str(out, "}}");
}

/* strptime(3) takes blanks and signs that RFC 3339 does not have, which no plugin will print. */
enum status exec_time_parse(struct bytes text, int64_t *seconds)
{
    char copy[64];
    struct tm tm = {0};
    const char *rest;

    if (text.len == 0 || text.len >= sizeof(copy))
        return STATUS_INVALID;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        return STATUS_INVALID;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "Z") != 0) {
        struct tm zone = {0};

        rest = strptime(rest, "%z", &zone);
        if (rest == NULL || *rest != '\0')
            return STATUS_INVALID;
        *seconds = (int64_t)timegm(&tm) - zone.tm_gmtoff;
        return STATUS_OK;
    }
    *seconds = (int64_t)timegm(&tm);
    return STATUS_OK;
}

static const char *read_certificate(struct bytes certificate, struct bytes key,
                                    struct identity *identity)
{
    if ((certificate.len > 0) != (key.len > 0))
        return "has only one of clientCertificateData and clientKeyData";
    if (certificate.len == 0)
        return NULL;
    text_clear(&identity->certificate);
    text_add(&identity->certificate, certificate);
    text_clear(&identity->key);
    text_add(&identity->key, key);
    return NULL;
}

static const char *read_status(struct config_tree *tree, struct config_node status,
                               struct identity *identity, int64_t *expires_at)
{
    struct bytes token = config_text(tree, status, "token");
    struct bytes certificate = config_text(tree, status, "clientCertificateData");
    struct bytes expires = config_text(tree, status, "expirationTimestamp");
    int64_t at = INT64_MAX;

    if (token.len == 0 && certificate.len == 0)
        return "has neither a token nor a client certificate";
    if (token.len > 0 && identity_set_token(identity, token) != STATUS_OK)
        return "has a token with blanks or control bytes";
    if (expires.len > 0 && exec_time_parse(expires, &at) != STATUS_OK)
        return "has an expirationTimestamp that is no RFC 3339 time";
    *expires_at = at;
    return read_certificate(certificate, config_text(tree, status, "clientKeyData"), identity);
}

static const char *read_answer(struct config_tree *tree, const struct exec_config *exec,
                               struct identity *identity, int64_t *expires_at)
{
    struct config_node root = config_root(tree);
    const char *fault;

    if (!bytes_equal(config_text(tree, root, "kind"), BYTES("ExecCredential")))
        return "is no ExecCredential";
    if (!bytes_equal(config_text(tree, root, "apiVersion"), exec->api_version))
        return "has another apiVersion than the kubeconfig asks for";
    fault = read_status(tree, config_object(tree, root, "status"), identity, expires_at);
    return config_error(tree).len > 0 ? config_error(tree).at : fault;
}

enum status exec_credential_read(struct bytes answer, const struct exec_config *exec,
                                 struct identity *identity, int64_t *expires_at, struct text *error)
{
    struct config_tree *tree;
    const char *fault;

    text_add_str(error, "what the credential plugin printed ");
    if (config_tree_read(answer, &tree, error) != STATUS_OK)
        return STATUS_INVALID;
    fault = read_answer(tree, exec, identity, expires_at);
    if (fault != NULL)
        text_add_str(error, fault);
    config_tree_destroy(tree);
    return fault == NULL ? STATUS_OK : STATUS_INVALID;
}
