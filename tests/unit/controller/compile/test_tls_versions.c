/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls_versions.c - whose word counts for the lowest TLS version of a host.
 */
#include "tests/unit/controller/compile/secret_manifests.h"

#define ASKS_1_3 "projectcontour.io/tls-minimum-protocol-version: '1.3'"
#define ENTRY    "  tls: [{hosts: [a.example.com], secretName: a-tls}]\n"
#define WILDCARD "  tls: [{hosts: ['*.example.com'], secretName: a-tls}]\n"

/* An Ingress with one path of a.example.com; `tls` may be empty. */
#define VERSIONS_INGRESS(ns, name, annotations, tls)                                               \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {namespace: " ns ", name: " name   \
    ", annotations: {" annotations "}}\nspec:\n" tls "  rules:\n  - host: a.example.com\n"         \
    "    http: {paths: [{path: /" name ", pathType: Prefix, backend: {service: {name: web, port: " \
    "{number: 80}}}}]}\n"

#define ROOT(version)                                                                              \
    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: root}\nspec:\n"  \
    "  virtualhost: {fqdn: a.example.com, tls: {secretName: a-tls" version "}}\n"                  \
    "  routes: [{match: /, services: [{name: web, port: 80}]}]\n"

#define GRANT                                                                                      \
    "apiVersion: contour.heptio.com/v1beta1\nkind: TLSCertificateDelegation\nmetadata: {name: "    \
    "d}\nspec: {delegations: [{secretName: a-tls, targetNamespaces: [team]}]}\n"

#define ABOUT(title, owner)                                                                        \
    "warning " title ".yaml:1 Ingress " title ": annotation tls-minimum-protocol-version: it has " \
    "no effect on host a.example.com, whose TLS is that of " owner "\n"
#define OF_ROOT    "IngressRoute default/root: set spec.virtualhost.tls.minimumProtocolVersion there"
#define OF_INGRESS "Ingress default/a: set the annotation there"

static void open_versions(struct world *world)
{
    world_open(world);
    put_secret(world, "a-tls", "app", "app");
}

/* Compiled, the same as from scratch, with this minimum and so many warnings about it. */
static const char *assert_minimum(struct world *world, const char *version, size_t warnings)
{
    char wanted[96];
    const char *at;
    size_t found = 0;

    assert_same_as_fresh(world);
    (void)snprintf(wanted, sizeof(wanted), "https a.example.com secret=default/a-tls min=%s\n",
                   version);
    assert_has(world->dump.at, wanted);
    for (at = world->dump.at; (at = strstr(at, "tls-minimum-protocol-version")) != NULL; at++)
        found++;
    assert_int_equal(found, warnings);
    return world->dump.at;
}

TEST(an_ingress_that_only_names_the_host_of_a_root_in_a_rule_raises_no_minimum)
{
    struct world world;

    open_versions(&world);
    world_put(&world, "root.yaml", ROOT(""));
    world_put(&world, "team/b.yaml", VERSIONS_INGRESS("team", "b", ASKS_1_3, ""));
    world_put(&world, "default/b.yaml", VERSIONS_INGRESS("default", "b", ASKS_1_3, ""));
    /* nothing of them is served over HTTPS, so there is nothing to tell */
    (void)assert_minimum(&world, "TLSv1.2", 0);
    world_close(&world);
}

TEST(the_minimum_of_a_root_is_its_field_and_who_borrows_its_certificate_is_told)
{
    struct world world;

    open_versions(&world);
    world_put(&world, "root.yaml", ROOT(""));
    world_put(&world, "grant.yaml", GRANT);
    world_put(&world, "team/b.yaml", VERSIONS_INGRESS("team", "b", ASKS_1_3, ENTRY));
    assert_has(assert_minimum(&world, "TLSv1.2", 1), ABOUT("team/b", OF_ROOT));
    world_put(&world, "default/c.yaml", VERSIONS_INGRESS("default", "c", ASKS_1_3, ENTRY));
    assert_has(assert_minimum(&world, "TLSv1.2", 2), ABOUT("default/c", OF_ROOT));
    world_put(&world, "root.yaml", ROOT(", minimumProtocolVersion: '1.3'"));
    (void)assert_minimum(&world, "TLSv1.3", 0);
    world_close(&world);
}

TEST(a_minimum_is_raised_by_an_entry_for_the_host_and_not_by_a_rule)
{
    struct world world;

    open_versions(&world);
    world_put(&world, "default/a.yaml", VERSIONS_INGRESS("default", "a", "", ENTRY));
    world_put(&world, "default/b.yaml", VERSIONS_INGRESS("default", "b", ASKS_1_3, ""));
    assert_has(assert_minimum(&world, "TLSv1.2", 1), ABOUT("default/b", OF_INGRESS));
    world_put(&world, "default/b.yaml", VERSIONS_INGRESS("default", "b", ASKS_1_3, ENTRY));
    (void)assert_minimum(&world, "TLSv1.3", 0);
    world_put(&world, "default/b.yaml", VERSIONS_INGRESS("default", "b", ASKS_1_3, WILDCARD));
    (void)assert_minimum(&world, "TLSv1.3", 0);
    world_close(&world);
}

TEST(another_namespace_raises_a_minimum_only_where_the_certificate_is_lent_to_it)
{
    struct world world;

    open_versions(&world);
    world_put(&world, "default/a.yaml", VERSIONS_INGRESS("default", "a", "", ENTRY));
    world_put(&world, "team/b.yaml", VERSIONS_INGRESS("team", "b", ASKS_1_3, ENTRY));
    assert_has(assert_minimum(&world, "TLSv1.2", 1), ABOUT("team/b", OF_INGRESS));
    world_put(&world, "grant.yaml", GRANT);
    (void)assert_minimum(&world, "TLSv1.3", 0);
    world_put(&world, "grant.yaml", NULL);
    (void)assert_minimum(&world, "TLSv1.2", 1);
    world_close(&world);
}

TESTS(UNIT(an_ingress_that_only_names_the_host_of_a_root_in_a_rule_raises_no_minimum),
      UNIT(the_minimum_of_a_root_is_its_field_and_who_borrows_its_certificate_is_told),
      UNIT(a_minimum_is_raised_by_an_entry_for_the_host_and_not_by_a_rule),
      UNIT(another_namespace_raises_a_minimum_only_where_the_certificate_is_lent_to_it))
