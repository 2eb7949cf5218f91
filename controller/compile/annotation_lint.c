/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_lint.c - names of annotations against those that are read. What stands in their values
 * is for annotations.c and annotations_tls.c.
 */
#include "controller/compile/annotation_lint.h"

#include "controller/compile/annotations_tls.h"
#include "core/spelling.h"

#define OWN   BYTES("fairlead.dev/")
#define NGINX BYTES("nginx.ingress.kubernetes.io/")

#define SHOWN_BYTES_MAX 64 /* of a name, which may be anything in a manifest */

/* The objects that share a list of annotations. */
struct bearer {
    const char *const *names; /* closed by NULL */
    const char *title;
};

static const char *const host_names[] = {"client-ca-secret", "client-certificate", "hsts", NULL};
/* What a child asks of its host is judged where its root is known, see tree_routes.c. */
static const char *const child_names[] = {"client-ca-secret", "client-certificate", NULL};
static const char *const service_names[] = {"upstream-ca-secret", "upstream-subject-name",
                                            "upstream-server-name", "upstream-proxy-protocol",
                                            NULL};

static const struct bearer of_host = {host_names, "an Ingress or a root IngressRoute"};
static const struct bearer of_child = {child_names, "an IngressRoute"};
static const struct bearer of_service = {service_names, "a Service"};

static bool names_have(const char *const *names, struct bytes name)
{
    for (; *names != NULL; names++) {
        if (bytes_equal(name, bytes_of(*names)))
            return true;
    }
    return false;
}

static const char *names_nearest(const char *const *names, struct bytes name)
{
    const char *nearest = NULL;
    unsigned best = SPELLING_FAR;

    for (; *names != NULL; names++) {
        unsigned distance = spelling_distance(name, bytes_of(*names));

        if (distance < best && spelling_is_near(name, bytes_of(*names))) {
            nearest = *names;
            best = distance;
        }
    }
    return nearest;
}

/* What the object is for our annotations. */
static const struct bearer *bearer_of(const struct object *object)
{
    if (object->kind == OBJECT_SERVICE)
        return &of_service;
    if (object->kind == OBJECT_INGRESS_ROUTE && !as_ingress_route(object)->is_root)
        return &of_child;
    return &of_host;
}

static void tell_own(const struct object *object, struct bytes name, struct findings *findings)
{
    const struct bearer *bearer = bearer_of(object);
    const struct bearer *other = bearer == &of_host ? &of_service : &of_host;
    const char *nearest = names_nearest(bearer->names, name);

    name = bytes_slice(name, 0, SHOWN_BYTES_MAX);
    if (names_have(other->names, name))
        findings_add(findings, false, object,
                     "annotation fairlead.dev/%.*s: does nothing here; it belongs to %s",
                     BYTES_ARG(name), other->title);
    else if (nearest != NULL)
        findings_add(findings, false, object,
                     "annotation fairlead.dev/%.*s: there is no such annotation, so it does "
                     "nothing; do you mean fairlead.dev/%s?",
                     BYTES_ARG(name), nearest);
    else
        findings_add(findings, false, object,
                     "annotation fairlead.dev/%.*s: there is no such annotation, so it does "
                     "nothing",
                     BYTES_ARG(name));
}

void annotation_lint_own(const struct object *object, struct findings *findings)
{
    const struct bearer *bearer = bearer_of(object);
    unsigned count = 0;

    for (uint32_t i = 0; i < object->annotations_count; i++) {
        struct bytes name = object->annotations[i].name;

        if (!bytes_starts_with(name, OWN))
            continue;
        name = bytes_skip(name, OWN.len);
        if (!names_have(bearer->names, name) && count++ < ANNOTATIONS_TOLD_MAX)
            tell_own(object, name, findings);
    }
    if (count > ANNOTATIONS_TOLD_MAX)
        findings_add(findings, false, object,
                     "there are %u more annotations under fairlead.dev/ that do nothing",
                     count - ANNOTATIONS_TOLD_MAX);
}

/* Whether ingress-nginx would keep somebody out by it; *name loses the prefix. */
static bool is_guard(const struct annotation *annotation, struct bytes *name)
{
    static const char *const guards[] = {"whitelist-source-range", "denylist-source-range",
                                         "satisfy", NULL};

    if (!bytes_starts_with(annotation->name, NGINX))
        return false;
    *name = bytes_skip(annotation->name, NGINX.len);
    if (bytes_equal(*name, BYTES("enable-modsecurity")))
        return !bytes_equal(annotation->value, BYTES("false"));
    return bytes_starts_with(*name, BYTES("auth-")) || bytes_starts_with(*name, BYTES("limit-")) ||
           names_have(guards, *name);
}

/* Who asks for client certificates in our words has kept those of ingress-nginx to go back. */
static bool is_replaced(const struct object *object, struct bytes name)
{
    return bytes_starts_with(name, BYTES("auth-tls-")) && tls_policy_asks(object);
}

static unsigned list_guards(const struct object *object, struct text *list)
{
    unsigned count = 0;
    struct bytes name;

    for (uint32_t i = 0; i < object->annotations_count; i++) {
        if (!is_guard(&object->annotations[i], &name) || is_replaced(object, name) ||
            count++ >= ANNOTATIONS_TOLD_MAX)
            continue;
        text_add_str(list, count > 1 ? ", " : "");
        text_add(list, bytes_slice(name, 0, SHOWN_BYTES_MAX));
    }
    if (count > ANNOTATIONS_TOLD_MAX)
        text_printf(list, " and %u more", count - ANNOTATIONS_TOLD_MAX);
    return count;
}

void annotation_lint_guards(const struct object *object, struct findings *findings)
{
    struct text list;

    text_init(&list);
    if (list_guards(object, &list) > 0)
        findings_add(findings, false, object,
                     "annotations nginx.ingress.kubernetes.io/%.*s: access control that has no "
                     "effect here",
                     BYTES_ARG(text_bytes(&list)));
    text_fini(&list);
}
