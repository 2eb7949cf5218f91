/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - from a Service's annotations, or what a route asks instead, and a Secret to a
 * tls_upstream.
 */
#include "controller/compile/upstream.h"

#include "controller/compile/annotations.h"
#include "controller/compile/annotations_tls.h"
#include "controller/compile/backends.h"
#include "controller/compile/endpoints.h"
#include "controller/compile/permission.h"
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

/* What is asked of the endpoints, and for people, where. */
struct wish {
    const struct service *service;
    struct upstream_policy policy;
    bool is_of_way; /* validation of an IngressRoute, else annotations of the Service */
};

static struct wish wish_of(const struct service *service, const struct way *way)
{
    struct wish wish = {.service = service, .is_of_way = way->is_verified};

    upstream_policy_parse(&service->object, &wish.policy);
    if (way->is_verified) {
        wish.policy.is_verified = true;
        wish.policy.ca_secret = way->ca_secret;
        wish.policy.subject_name = way->subject_name;
    }
    return wish;
}

static struct bytes wish_fault(struct pass *pass, const struct wish *wish, const char *field,
                               const char *annotation, struct bytes sentence)
{
    if (wish->is_of_way)
        return plain_printf(pass->scratch, "validation.%s: %.*s", field, BYTES_ARG(sentence));
    return plain_printf(pass->scratch, "annotation fairlead.dev/%s of Service %.*s/%.*s: %.*s",
                        annotation, BYTES_ARG(wish->service->object.ns),
                        BYTES_ARG(wish->service->object.name), BYTES_ARG(sentence));
}

static struct trust *find_trust(struct pass *pass, const struct wish *wish, struct bytes *fault)
{
    const struct object *object = &wish->service->object;
    const struct upstream_policy *policy = &wish->policy;
    struct secret_ref ref = secret_ref_parse(policy->ca_secret, object->ns);
    struct bytes sentence = BYTES("no Secret is named");
    struct trust *trust = NULL;

    if (ref.name.len > 0)
        trust = permitted_trust(pass, object->ns, &ref, &sentence);
    if (trust == NULL)
        *fault = wish_fault(pass, wish, "caSecret", "upstream-ca-secret", sentence);
    return trust;
}

/* False when it is asked for and is no name: then nothing could be held against it. An IngressRoute
 * always asks for one. */
static bool find_subject(struct pass *pass, const struct wish *wish, char *room,
                         struct bytes *subject, struct bytes *fault)
{
    struct bytes written = wish->policy.subject_name;

    *subject = normal_subject(written, room);
    if (subject->len > 0 || (written.at == NULL && !wish->is_of_way))
        return true;
    *fault =
        wish_fault(pass, wish, "subjectName", "upstream-subject-name",
                   plain_printf(pass->scratch, "\"%.*s\" is no host name", BYTES_ARG(written)));
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

enum backend_fault upstream_fault(struct pass *pass, const struct service *service,
                                  enum cluster_protocol protocol, const struct way *way,
                                  struct bytes *sentence)
{
    struct wish wish;
    struct bytes subject;
    char room[HOST_LENGTH_MAX + 1];

    if (!speaks_tls(protocol))
        return BACKEND_FINE;
    wish = wish_of(service, way);
    if (!wish.policy.is_verified)
        return BACKEND_FINE;
    if (find_trust(pass, &wish, sentence) == NULL)
        return BACKEND_NO_TRUST;
    return find_subject(pass, &wish, room, &subject, sentence) ? BACKEND_FINE : BACKEND_NO_SUBJECT;
}

struct tls_upstream *upstream_create(struct pass *pass, const struct service *service,
                                     enum cluster_protocol protocol, const struct way *way)
{
    struct tls_upstream_config config = {.is_h2 = protocol == CLUSTER_H2};
    char server_room[HOST_LENGTH_MAX + 1], subject_room[HOST_LENGTH_MAX + 1];
    const struct wish wish = wish_of(service, way);
    struct bytes fault;

    config.server_name = server_name(service, &wish.policy, server_room);
    if (wish.policy.is_verified) {
        config.trust = find_trust(pass, &wish, &fault);
        if (config.trust == NULL ||
            !find_subject(pass, &wish, subject_room, &config.subject_name, &fault))
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
