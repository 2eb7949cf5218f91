/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations_tls.c - annotations of Ingresses and Services about TLS.
 */
#include "controller/compile/annotations_tls.h"

#include "controller/compile/annotations.h"
#include "core/duration.h"

#include <stdio.h>

#define NS_PER_S       1000000000
#define HSTS_AGE_MAX_S INT32_MAX

#define CLIENT_CA          "fairlead.dev/client-ca-secret"
#define CLIENT_CERTIFICATE "fairlead.dev/client-certificate"
#define HSTS               "fairlead.dev/hsts"
#define UPSTREAM_CA        "fairlead.dev/upstream-ca-secret"
#define UPSTREAM_SUBJECT   "fairlead.dev/upstream-subject-name"
#define UPSTREAM_SERVER    "fairlead.dev/upstream-server-name"

static void complain(struct findings *findings, bool is_error, const struct object *object,
                     const char *name, struct bytes value, const char *what)
{
    if (findings != NULL)
        findings_add(findings, is_error, object, "annotation %s: \"%.*s\" %s", name,
                     BYTES_ARG(value), what);
}

static bool version_of(struct bytes value, enum tls_version *version)
{
    if (!bytes_equal(value, BYTES("1.2")) && !bytes_equal(value, BYTES("1.3")))
        return false;
    *version = bytes_equal(value, BYTES("1.3")) ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
    return true;
}

static void read_version_min(const struct object *object, struct ingress_tls_policy *policy,
                             struct findings *findings)
{
    struct bytes value = annotation_find(object, "tls-minimum-protocol-version");

    if (value.len > 0 && !version_of(value, &policy->version_min))
        complain(findings, false, object, "tls-minimum-protocol-version", value,
                 bytes_equal(value, BYTES("1.1")) ? "is not spoken any more, so it is 1.2"
                                                  : "is neither 1.2 nor 1.3, so it is 1.2");
}

static void read_version_max(const struct object *object, struct ingress_tls_policy *policy,
                             struct findings *findings)
{
    struct bytes value = annotation_find(object, "tls-maximum-protocol-version");
    enum tls_version version = TLS_VERSION_1_3;

    if (value.len > 0 && !version_of(value, &version))
        complain(findings, false, object, "tls-maximum-protocol-version", value,
                 "is neither 1.2 nor 1.3, so it is 1.3");
    if (version < policy->version_min)
        complain(findings, true, object, "tls-maximum-protocol-version", value,
                 "is below the minimum, so it is ignored");
    else
        policy->version_max = version;
}

/* Whoever writes one of the two wants strangers kept out: what is missing or not understood must
 * not let them in. */
static void read_client(const struct object *object, struct ingress_tls_policy *policy,
                        struct findings *findings)
{
    struct bytes ca = object_annotation(object, BYTES(CLIENT_CA));
    struct bytes mode = object_annotation(object, BYTES(CLIENT_CERTIFICATE));

    if (ca.at == NULL && mode.at == NULL)
        return;
    policy->client_ca = ca;
    policy->client_auth = TLS_CLIENT_AUTH_REQUIRED;
    if (bytes_equal(mode, BYTES("optional")))
        policy->client_auth = TLS_CLIENT_AUTH_OPTIONAL;
    else if (mode.at != NULL && !bytes_equal(mode, BYTES("required")))
        complain(findings, false, object, CLIENT_CERTIFICATE, mode,
                 "is neither required nor optional, so it is required");
}

/* Seconds, or a Go duration; fractions of a second are cut off. */
static bool read_age(struct bytes text, uint64_t *age_s)
{
    int64_t ns;

    if (bytes_to_uint(text, HSTS_AGE_MAX_S, age_s))
        return true;
    if (duration_parse(text, &ns) != STATUS_OK || ns < 0 || ns / NS_PER_S > HSTS_AGE_MAX_S)
        return false;
    *age_s = (uint64_t)(ns / NS_PER_S);
    return true;
}

/* Also as the field itself would be written: "max-age=3600; includeSubDomains". */
static bool read_hsts_parts(struct bytes rest, uint64_t *age_s, bool *subdomains, bool *preload)
{
    const struct bytes max_age = BYTES("max-age=");
    char separator = bytes_find(rest, ';') == BYTES_NOT_FOUND ? ',' : ';';
    struct bytes item;

    if (!bytes_next_item(&rest, separator, &item))
        return false;
    if (bytes_starts_with(item, max_age))
        item = bytes_skip(item, max_age.len);
    if (!read_age(item, age_s))
        return false;
    while (bytes_next_item(&rest, separator, &item)) {
        if (bytes_equal_nocase(item, BYTES("includeSubDomains")))
            *subdomains = true;
        else if (bytes_equal_nocase(item, BYTES("preload")))
            *preload = true;
        else
            return false;
    }
    return true;
}

/* Written anew from its parts: no text of an object becomes part of an answer (hostile-input 92).
 * Source: RFC 6797 section 6.1. */
static void read_hsts(const struct object *object, struct ingress_tls_policy *policy,
                      struct findings *findings)
{
    struct bytes value = object_annotation(object, BYTES(HSTS));
    bool subdomains = false, preload = false;
    uint64_t age_s = 0;
    int len;

    if (value.at == NULL)
        return;
    if (!read_hsts_parts(value, &age_s, &subdomains, &preload)) {
        complain(findings, false, object, HSTS, value,
                 "is not a max-age in seconds or as a duration, with ,includeSubDomains and "
                 ",preload behind it where wanted; there is none");
        return;
    }
    len =
        snprintf(policy->hsts, sizeof(policy->hsts), "max-age=%llu%s%s", (unsigned long long)age_s,
                 subdomains ? "; includeSubDomains" : "", preload ? "; preload" : "");
    policy->hsts_len = (size_t)len;
}

void ingress_tls_policy_parse(const struct object *object, struct ingress_tls_policy *policy,
                              struct findings *findings)
{
    *policy = (struct ingress_tls_policy){.version_min = TLS_VERSION_1_2,
                                          .version_max = TLS_VERSION_1_3,
                                          .client_auth = TLS_CLIENT_AUTH_NONE};
    if (object->annotations_count == 0)
        return;
    read_version_min(object, policy, findings);
    read_version_max(object, policy, findings);
    read_client(object, policy, findings);
    read_hsts(object, policy, findings);
    policy->secrets_ns = annotation_find(object, "tls-cert-namespace");
}

bool tls_policy_asks(const struct object *object)
{
    return object->annotations_count > 0 &&
           (object_annotation(object, BYTES(CLIENT_CA)).at != NULL ||
            object_annotation(object, BYTES(CLIENT_CERTIFICATE)).at != NULL);
}

void upstream_policy_parse(const struct object *object, struct upstream_policy *policy)
{
    *policy = (struct upstream_policy){0};
    if (object->annotations_count == 0)
        return;
    policy->ca_secret = object_annotation(object, BYTES(UPSTREAM_CA));
    policy->subject_name = object_annotation(object, BYTES(UPSTREAM_SUBJECT));
    policy->is_verified = policy->ca_secret.at != NULL || policy->subject_name.at != NULL;
    policy->server_name = object_annotation(object, BYTES(UPSTREAM_SERVER));
}

/* An empty value asks for something that cannot be had, none asks for nothing. */
static bool is_another(struct bytes a, struct bytes b)
{
    return (a.at == NULL) != (b.at == NULL) || !bytes_equal(a, b);
}

bool upstream_policies_differ(const struct object *a, const struct object *b)
{
    struct upstream_policy left, right;

    upstream_policy_parse(a, &left);
    upstream_policy_parse(b, &right);
    return is_another(left.ca_secret, right.ca_secret) ||
           is_another(left.subject_name, right.subject_name);
}
