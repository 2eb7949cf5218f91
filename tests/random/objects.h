/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects.h - one random manifest after another: few names, so that everything meets everything.
 * Most of what is made is right, much is nearly right, some is broken.
 */
#ifndef TESTS_RANDOM_OBJECTS_H
#define TESTS_RANDOM_OBJECTS_H

#include "tests/random/dice.h"
#include "tests/random/pems.h"

#define DOCUMENT_END "---\n"

static inline const char *random_namespace(struct dice *dice)
{
    return PICK(dice, "default", "default", "default", "team");
}

/* Also what is of another namespace, for whom that delegates it to. */
static inline const char *random_secret_name(struct dice *dice)
{
    return PICK(dice, "t0", "t0", "t0", "t1", "t1", "t2", "team/t0", "team/t0", "default/t0",
                "default/t1", "/t0", "gone", "''", "a/b/c");
}

static inline void add_metadata(struct text *out, struct dice *dice, const char *kind,
                                unsigned names)
{
    text_printf(out, "metadata:\n  name: %s%u\n  namespace: %s\n", kind, below(dice, names),
                random_namespace(dice));
    if (once_in(dice, 2))
        text_printf(out, "  creationTimestamp: 2020-01-0%uT00:00:00Z\n", 1 + below(dice, 4));
}

static inline void add_ingress_paths(struct text *out, struct dice *dice)
{
    unsigned count = 1 + below(dice, 3);

    for (unsigned i = 0; i < count; i++) {
        text_printf(out, "      - path: %s\n        pathType: %s\n",
                    PICK(dice, "/", "/a", "/a/", "/b", "/a//b", "/[x", "/c.*", "nope", "/../x"),
                    PICK(dice, "Prefix", "Exact", "ImplementationSpecific", "Odd"));
        text_printf(out, "        backend: {service: {name: %s, port: {%s}}}\n",
                    PICK(dice, "s0", "s1", "s2", "gone"),
                    PICK(dice, "number: 80", "number: 81", "name: web"));
    }
}

static inline void add_ingress_tls(struct text *out, struct dice *dice)
{
    unsigned count = below(dice, 3);

    text_add_str(out, count > 0 ? "  tls:\n" : "");
    for (unsigned i = 0; i < count; i++) {
        text_printf(out, "  - {hosts: [%s], ",
                    PICK(dice, "'*'", "a.example.com", "'*.example.com'",
                         "b.example.com, A.example.com", "c.example.com", "", "'not valid'"));
        text_printf(out, "secretName: %s}\n", random_secret_name(dice));
    }
}

static inline void add_ingress(struct text *out, struct dice *dice)
{
    unsigned rules = 1 + below(dice, 3);

    text_add_str(out, "apiVersion: networking.k8s.io/v1\nkind: Ingress\n");
    add_metadata(out, dice, "i", 5);
    if (once_in(dice, 2))
        text_printf(
            out, "  annotations: {%s}\n",
            PICK(dice, "projectcontour.io/response-timeout: soon",
                 "kubernetes.io/ingress.class: other", "kubernetes.io/ingress.allow-http: 'false'",
                 "ingress.kubernetes.io/force-ssl-redirect: 'true'",
                 "projectcontour.io/tls-minimum-protocol-version: '1.3'",
                 "projectcontour.io/tls-maximum-protocol-version: '1.2'",
                 "projectcontour.io/tls-cert-namespace: team", "fairlead.dev/hsts: 1h",
                 "fairlead.dev/client-ca-secret: t3", "fairlead.dev/client-certificate: optional",
                 "projectcontour.io/retry-on: '5xx,reset'"));
    text_add_str(out, "spec:\n");
    if (once_in(dice, 3))
        text_printf(out, "  ingressClassName: %s\n", PICK(dice, "c0", "c1", "fairlead"));
    if (once_in(dice, 3))
        text_printf(out, "  defaultBackend: {service: {name: %s, port: {number: 80}}}\n",
                    PICK(dice, "s0", "s1", "gone"));
    add_ingress_tls(out, dice);
    text_add_str(out, "  rules:\n");
    for (unsigned i = 0; i < rules; i++) {
        text_printf(out, "  - host: %s\n    http:\n      paths:\n",
                    PICK(dice, "a.example.com", "b.example.com", "'*.example.com'", "''",
                         "'not valid'", "A.example.com"));
        add_ingress_paths(out, dice);
    }
}

static inline void add_route_service(struct text *out, struct dice *dice)
{
    text_printf(out, "{name: %s, port: %s", PICK(dice, "s0", "s0", "s0", "s1", "s1", "s2", "gone"),
                once_in(dice, 6) ? PICK(dice, "81", "0", "70000") : "80");
    if (once_in(dice, 2))
        text_printf(out, ", weight: %s", PICK(dice, "0", "1", "10", "10", "2147483647", "-1"));
    if (once_in(dice, 3))
        text_printf(out, ", strategy: %s",
                    PICK(dice, "RoundRobin", "WeightedLeastRequest", "Random", "RingHash", "Maglev",
                         "Cookie", "Cookie", "Odd"));
    if (once_in(dice, 4))
        text_printf(out, ", healthCheck: {path: %s, intervalSeconds: %s}",
                    PICK(dice, "/h", "/h", "/h", "/h%x", "h", "''"),
                    PICK(dice, "0", "5", "-1", "2147483647"));
    if (once_in(dice, 4)) {
        text_printf(out, ", validation: {caSecret: %s, ", PICK(dice, "t3", "t3", "t0", "team/t3"));
        text_printf(out, "subjectName: %s}",
                    PICK(dice, "a.test", "a.test", "a.test", "'no name'", "''"));
    }
    text_add_str(out, "}");
}

static inline void add_route_services(struct text *out, struct dice *dice)
{
    unsigned count = 1 + below(dice, 3);

    text_add_str(out, ", services: [");
    for (unsigned i = 0; i < count; i++) {
        text_add_str(out, i > 0 ? ", " : "");
        add_route_service(out, dice);
    }
    text_add_str(out, "]");
}

/* To a child, now and then to a root, itself or nobody. */
static inline void add_delegate(struct text *out, struct dice *dice)
{
    text_printf(out, ", delegate: {name: %s",
                once_in(dice, 8) ? PICK(dice, "r0", "r1", "gone", "''", "a/b")
                                 : PICK(dice, "r3", "r4", "r5", "r6"));
    if (once_in(dice, 4))
        text_printf(out, ", namespace: %s",
                    once_in(dice, 8) ? PICK(dice, "gone", "a/b") : PICK(dice, "default", "team"));
    text_add_str(out, "}");
}

static inline void add_route_target(struct text *out, struct dice *dice)
{
    unsigned what = below(dice, 16);

    if (what < 8 || what == 15)
        add_delegate(out, dice);
    if (what > 8)
        add_route_services(out, dice);
}

static inline void add_route(struct text *out, struct dice *dice)
{
    text_printf(out, "  - {match: %s",
                once_in(dice, 12)
                    ? PICK(dice, "/ab", "/a//b", "/../x", "nope", "''", "/a/../b", "/%61",
                           "/\"\\t\"", "/a%20b")
                    : PICK(dice, "/", "/", "/", "/", "/a", "/a", "/a/", "/a/b", "/a/b/c"));
    add_route_target(out, dice);
    if (once_in(dice, 6))
        text_printf(out, ", %s",
                    PICK(dice, "enableWebsockets: true", "permitInsecure: true",
                         "prefixRewrite: /x", "prefixRewrite: x", "timeoutPolicy: {request: 90s}",
                         "timeoutPolicy: {request: soon}", "retryPolicy: {count: 1000}",
                         "retryPolicy: {count: -1, perTryTimeout: 1h}"));
    text_add_str(out, "}\n");
}

static inline void add_virtualhost(struct text *out, struct dice *dice, const char *usual)
{
    text_printf(out, "  virtualhost: {fqdn: %s",
                once_in(dice, 8) ? PICK(dice, "a.example.com", "A.example.com", "b.example.com",
                                        "'*.example.com'", "''", "' '", "'not valid'")
                                 : usual);
    switch (below(dice, 8)) {
    case 0:
    case 1:
        text_printf(out, ", tls: {secretName: %s, minimumProtocolVersion: %s}",
                    random_secret_name(dice), PICK(dice, "''", "'1.3'", "'1.1'"));
        break;
    case 2:
        text_add_str(out, ", tls: {passthrough: true}");
        break;
    case 3:
        text_add_str(out, PICK(dice, ", tls: {secretName: t0}", ", tls: {}",
                               ", tls: {passthrough: true, secretName: t0}"));
        break;
    default:
        break;
    }
    text_add_str(out, "}\n");
}

static inline void add_route_annotation(struct text *out, struct dice *dice)
{
    text_printf(out, "  annotations: {%s}\n",
                PICK(dice, "kubernetes.io/ingress.class: other", "kubernetes.io/ingress.class: c0",
                     "projectcontour.io/tls-cert-namespace: team",
                     "projectcontour.io/tls-maximum-protocol-version: '1.2'",
                     "fairlead.dev/hsts: 1h", "fairlead.dev/client-ca-secret: t3"));
}

/* r0 to r2 are roots as a rule, each with a host of its own; the others are not. */
static inline void add_ingress_route(struct text *out, struct dice *dice)
{
    static const char *const hosts[] = {"a.example.com", "b.example.com", "c.example.com",
                                        "d.example.com", "e.example.com", "f.example.com"};
    unsigned routes = 1 + below(dice, 3), number = below(dice, 7);
    const char *ns = random_namespace(dice);

    text_printf(out,
                "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"
                "metadata:\n  name: r%u\n  namespace: %s\n",
                number, ns);
    if (once_in(dice, 10))
        add_route_annotation(out, dice);
    text_add_str(out, "spec:\n  unknown: {}\n");
    if ((number < 3) != once_in(dice, 12))
        add_virtualhost(out, dice, hosts[number % 3 + (ns[0] == 't' ? 3 : 0)]);
    if (once_in(dice, 6)) {
        text_add_str(out, "  tcpproxy: {unknown: 1");
        add_route_target(out, dice);
        text_add_str(out, "}\n");
    }
    if (!once_in(dice, 12))
        text_add_str(out, "  routes:\n");
    else
        routes = 0;
    for (unsigned i = 0; i < routes; i++)
        add_route(out, dice);
}

static inline void add_grants(struct text *out, struct dice *dice)
{
    unsigned count = below(dice, 3);

    text_add_str(out, "spec:\n  delegations:\n");
    for (unsigned i = 0; i < count; i++) {
        text_printf(out, "  - {secretName: %s, ", PICK(dice, "t0", "t0", "t1", "t2", "''"));
        text_printf(out, "targetNamespaces: [%s]}\n",
                    PICK(dice, "'*'", "default", "team, default", "other, '*'", "", "''"));
    }
}

/* Of either group, often of both under one name, which are two objects. */
static inline void add_tls_delegation(struct text *out, struct dice *dice)
{
    static const char *const groups[] = {"contour.heptio.com/v1beta1", "projectcontour.io/v1"};
    unsigned number = below(dice, 2), first = below(dice, 2), count = 1 + below(dice, 2);
    const char *ns = random_namespace(dice);

    for (unsigned i = 0; i < count; i++) {
        text_printf(out,
                    "%sapiVersion: %s\nkind: TLSCertificateDelegation\n"
                    "metadata: {name: d%u, namespace: %s}\n",
                    i > 0 ? DOCUMENT_END : "", groups[(first + i) % 2], number, ns);
        add_grants(out, dice);
    }
}

static inline void add_service(struct text *out, struct dice *dice)
{
    text_add_str(out, "apiVersion: v1\nkind: Service\n");
    add_metadata(out, dice, "s", 3);
    text_printf(out, "  annotations: {projectcontour.io/max-connections: '%s'%s%s}\nspec:\n",
                PICK(dice, "0", "5", "many"),
                PICK(dice, "", "", ", fairlead.dev/upstream-ca-secret: t3",
                     ", fairlead.dev/upstream-ca-secret: ''"),
                PICK(dice, "", "", ", fairlead.dev/upstream-subject-name: a.test",
                     ", fairlead.dev/upstream-subject-name: ''",
                     ", projectcontour.io/upstream-protocol.h2: 'web,80'"));
    text_printf(out, "%s  ports: [%s]\n",
                once_in(dice, 8) ? "  type: ExternalName\n  externalName: db.example.net\n" : "",
                PICK(dice, "{port: 80}", "{port: 80}", "{name: web, port: 80}",
                     "{port: 80, name: x}, {port: 81, name: web}", "{port: 80, protocol: UDP}",
                     "{port: 80, appProtocol: https}", "{port: 80, appProtocol: https}"));
}

static inline void add_slice(struct text *out, struct dice *dice)
{
    text_add_str(out, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n");
    add_metadata(out, dice, "e", 4);
    text_printf(out, "  labels: {kubernetes.io/service-name: s%u}\naddressType: IPv4\n",
                below(dice, 3));
    text_printf(out, "ports: [{name: '%s', port: 8080}]\nendpoints:\n- addresses: [%s]\n",
                PICK(dice, "", "web", "x"), PICK(dice, "10.0.0.1", "10.0.0.2", "169.254.0.1"));
    text_printf(out, "  conditions: {ready: %s}\n", PICK(dice, "true", "true", "false"));
}

static inline void add_endpoints(struct text *out, struct dice *dice)
{
    text_printf(out, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: s%u, namespace: %s}\n",
                below(dice, 3), random_namespace(dice));
    text_printf(out, "subsets:\n- addresses: [{ip: 10.1.0.%u}]\n  ports: [{name: '%s', port: 9}]\n",
                1 + below(dice, 3), PICK(dice, "", "web"));
}

/* Now and then with a key that is another one's. */
static inline void add_secret(struct text *out, struct dice *dice, const struct pems *pems)
{
    unsigned certificate = below(dice, PEMS_COUNT - 1);
    unsigned key = once_in(dice, 5) ? below(dice, PEMS_COUNT - 1) : certificate;

    text_add_str(out, "apiVersion: v1\nkind: Secret\n");
    add_metadata(out, dice, "t", 4);
    text_add_str(out, "stringData: {tls.crt: ");
    text_add(out, text_bytes(&pems->certificates[certificate]));
    text_add_str(out, ", tls.key: ");
    text_add(out, text_bytes(&pems->keys[key]));
    text_printf(out, ", %s: ", once_in(dice, 3) ? "other" : "ca.crt");
    text_add(out, text_bytes(&pems->certificates[PEMS_COUNT - 1]));
    text_add_str(out, "}\n");
}

static inline void add_class(struct text *out, struct dice *dice)
{
    text_printf(out,
                "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: c%u\n"
                "  annotations: {ingressclass.kubernetes.io/is-default-class: '%s'}\n",
                below(dice, 2), PICK(dice, "false", "false", "true"));
    text_printf(out, "spec: {controller: %s}\n",
                PICK(dice, "fairlead.dev/ingress-controller", "example.com/other"));
}

static inline void add_object(struct text *out, struct dice *dice, const struct pems *pems)
{
    unsigned kind = below(dice, 20);

    if (kind < 9)
        add_ingress_route(out, dice);
    else if (kind < 12)
        add_service(out, dice);
    else if (kind < 14)
        add_ingress(out, dice);
    else if (kind < 16)
        add_secret(out, dice, pems);
    else if (kind < 17)
        add_tls_delegation(out, dice);
    else if (kind == 17)
        add_slice(out, dice);
    else if (kind == 18)
        add_endpoints(out, dice);
    else if (once_in(dice, 3))
        add_class(out, dice);
    else
        text_add_str(out, PICK(dice, "kind: IngressRoute\n", "apiVersion: v1\nkind: Pod\n", "{}\n",
                               "apiVersion: contour.heptio.com/v1beta1\n"
                               "kind: IngressRoute\nmetadata: {name: r0}\nspec: {routes: "
                               "[{match: /, services: [{name: s0, port: x}]}]}\n"));
}

/* The content of one file, a NUL at its end. */
static inline void add_file(struct text *out, struct dice *dice, const struct pems *pems)
{
    unsigned count = 1 + below(dice, 4);

    for (unsigned i = 0; i < count; i++) {
        text_add_str(out, i > 0 ? DOCUMENT_END : "");
        add_object(out, dice, pems);
    }
    text_add_byte(out, '\0');
}

#endif
