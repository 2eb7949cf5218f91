/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - from a Service's annotations and a Secret to a tls_upstream.
 */
#include "controller/compile/upstream.h"

#include "controller/compile/annotations.h"
#include "controller/compile/annotations_tls.h"
#include "controller/compile/backends.h"
#include "controller/compile/endpoints.h"
#include "core/address.h"
#include "route/normal.h"

static bool speaks_tls(enum cluster_protocol protocol)
{
    return protocol == CLUSTER_TLS || protocol == CLUSTER_H2;
}

static bool is_address(struct bytes written)
{
    struct address address;

    return written.len > 0 && address_parse_ip(written, 0, &address) == STATUS_OK;
}

/* A host name in `out` of HOST_LENGTH_MAX + 1 bytes; empty when it is none, or an address. */
static struct bytes normal_name(struct bytes written, char *out)
{
    if (written.len == 0 || is_address(written))
        return BYTES_NONE;
    return external_name_normalise(written, out);
}

/* A name as above, or an IP address. */
static struct bytes normal_subject(struct bytes written, char *out)
{
    return is_address(written) ? written : normal_name(written, out);
}

static struct trust *find_trust(struct pass *pass, const struct service *service,
                                const struct upstream_policy *policy, struct bytes *fault)
{
    const struct object *object = &service->object;
    struct secret_ref ref = secret_ref_parse(policy->ca_secret, object->ns);
    struct bytes sentence = BYTES("no Secret is named");
    struct trust *trust = NULL;

    if (ref.name.len > 0 && !secret_may_be_used(object->ns, &ref))
        sentence = plain_printf(pass->scratch, "Secret %.*s/%.*s is of another namespace",
                                BYTES_ARG(ref.ns), BYTES_ARG(ref.name));
    else if (ref.name.len > 0)
        trust = secret_trust(secret_list_add(&pass->dag->secrets, &pass->secrets, ref.ns, ref.name),
                             pass->cache, &sentence);
    if (trust == NULL)
        *fault = plain_printf(pass->scratch,
                              "annotation fairlead.dev/upstream-ca-secret of Service %.*s/%.*s: "
                              "%.*s",
                              BYTES_ARG(object->ns), BYTES_ARG(object->name), BYTES_ARG(sentence));
    return trust;
}

/* False when it is asked for and is no name: then nothing could be held against it. */
static bool find_subject(struct pass *pass, const struct service *service,
                         const struct upstream_policy *policy, char *room, struct bytes *subject,
                         struct bytes *fault)
{
    *subject = normal_subject(policy->subject_name, room);
    if (subject->len > 0 || policy->subject_name.at == NULL)
        return true;
    *fault = plain_printf(pass->scratch,
                          "annotation fairlead.dev/upstream-subject-name of Service %.*s/%.*s: "
                          "\"%.*s\" is no host name",
                          BYTES_ARG(service->object.ns), BYTES_ARG(service->object.name),
                          BYTES_ARG(policy->subject_name));
    return false;
}

/* What is sent as SNI; never an address (RFC 6066 section 3). */
static struct bytes server_name(const struct service *service, const struct upstream_policy *policy,
                                char *room)
{
    struct bytes name = normal_name(policy->server_name, room);

    if (name.len == 0)
        name = normal_name(policy->subject_name, room);
    if (name.len == 0 && service->is_external_name)
        name = normal_name(service->external_name, room);
    return name;
}

bool upstream_is_possible(struct pass *pass, const struct service *service,
                          enum cluster_protocol protocol, struct bytes *fault)
{
    struct upstream_policy policy;
    struct bytes subject;
    char room[HOST_LENGTH_MAX + 1];

    upstream_policy_parse(&service->object, &policy);
    if (!speaks_tls(protocol) || !policy.is_verified)
        return true;
    return find_trust(pass, service, &policy, fault) != NULL &&
           find_subject(pass, service, &policy, room, &subject, fault);
}

struct tls_upstream *upstream_create(struct pass *pass, const struct service *service,
                                     enum cluster_protocol protocol)
{
    struct tls_upstream_config config = {.is_h2 = protocol == CLUSTER_H2};
    char server_room[HOST_LENGTH_MAX + 1], subject_room[HOST_LENGTH_MAX + 1];
    struct upstream_policy policy;
    struct bytes fault;

    upstream_policy_parse(&service->object, &policy);
    config.server_name = server_name(service, &policy, server_room);
    if (policy.is_verified) {
        config.trust = find_trust(pass, service, &policy, &fault);
        if (config.trust == NULL ||
            !find_subject(pass, service, &policy, subject_room, &config.subject_name, &fault))
            return NULL;
    }
    return tls_upstream_create(&config);
}

/* Whoever asks for verified endpoints believes that TLS is spoken to them. */
static bool has_tls_port(const struct service *service)
{
    for (uint32_t i = 0; i < service->ports_count; i++) {
        if (speaks_tls(service_protocol(service, service->ports[i].number)))
            return true;
    }
    /* An ExternalName need not list its ports. */
    return service->ports_count == 0 &&
           (annotation_find(&service->object, "upstream-protocol.tls").len > 0 ||
            annotation_find(&service->object, "upstream-protocol.h2").len > 0);
}

void upstream_lint(const struct service *service, struct findings *findings)
{
    struct upstream_policy policy;
    char room[HOST_LENGTH_MAX + 1];

    upstream_policy_parse(&service->object, &policy);
    if (policy.is_verified && !has_tls_port(service))
        findings_add(
            findings, false, &service->object,
            "annotation fairlead.dev/upstream-ca-secret: no port speaks TLS, so nothing is "
            "verified: set appProtocol: https");
    if (policy.server_name.at != NULL && normal_name(policy.server_name, room).len == 0)
        findings_add(findings, false, &service->object,
                     "annotation fairlead.dev/upstream-server-name: \"%.*s\" is no host name and "
                     "counts as absent",
                     BYTES_ARG(policy.server_name));
    if (policy.ca_secret.len > 0 && policy.subject_name.len == 0)
        findings_add(findings, false, &service->object,
                     "annotation fairlead.dev/upstream-ca-secret: any certificate of this CA is "
                     "believed; name the one with fairlead.dev/upstream-subject-name");
}
