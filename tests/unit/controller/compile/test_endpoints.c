/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_endpoints.c - endpoints that do not fit their Service are told.
 */
#include "tests/unit/controller/compile/world.h"

#define TO_WEB    INGRESS("i", "a.example.com", "/", "Prefix", "web", "80")
#define WEB(spec) "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {" spec "}\n"
#define SLICE_IN(name, ns, service, ports, condition)                                              \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name                 \
    ", namespace: " ns ", labels: {kubernetes.io/service-name: " service                           \
    "}}\naddressType: IPv4\nports: [" ports "]\nendpoints:\n"                                      \
    "- {addresses: [10.0.0.1], conditions: {ready: " condition "}}\n"
#define OLD_STYLE(name, ports)                                                                     \
    "apiVersion: v1\nkind: Endpoints\nmetadata: {name: " name "}\nsubsets: [{ports: [" ports       \
    "], addresses: [{ip: 10.0.0.1}]}]\n"

static const char *dump(struct world *world)
{
    assert_same_as_fresh(world);
    return world_dump(world);
}

/* With these Services and endpoints there is this finding; none where it is NULL. */
static void assert_finding(const char *objects, const char *sentence)
{
    struct world world;

    world_open(&world);
    world_put(&world, "i.yaml", TO_WEB);
    world_put(&world, "a.yaml", objects);
    if (sentence != NULL)
        assert_has(dump(&world), sentence);
    else
        assert_lacks(dump(&world), "finding");
    world_close(&world);
}

TEST(endpoints_whose_port_has_another_name_are_told)
{
    assert_finding(
        WEB("ports: [{name: http, port: 80}]")
            NEXT SLICE_IN("web-1", "default", "web", "{name: 80-8080, port: 8080}", "true"),
        "finding warning a.yaml:1 Service default/web: port 80: no ready endpoint has a port named "
        "\"http\"; EndpointSlice default/web-1 has a port named \"80-8080\": both must have the "
        "same name\n");
    assert_finding(WEB("ports: [{name: http, port: 80}]")
                       NEXT SLICE_IN("web-1", "default", "web", "{port: 8080}", "true"),
                   "a port named \"http\"; EndpointSlice default/web-1 has a port without a name");
    assert_finding(WEB("ports: [{port: 80}]")
                       NEXT SLICE_IN("web-1", "default", "web", "{name: http, port: 8080}", "true"),
                   "a port without a name; EndpointSlice default/web-1 has a port named \"http\"");
    assert_finding(WEB("ports: [{port: 80}]") NEXT SLICE_IN("web-1", "default", "web",
                                                            "{port: 53, protocol: UDP}", "true"),
                   "EndpointSlice default/web-1 has no TCP port with a number");
    assert_finding(WEB("ports: [{name: http, port: 80}]")
                       NEXT OLD_STYLE("web", "{name: web, port: 8080}"),
                   "Endpoints default/web has a port named \"web\"");
}

TEST(endpoints_with_the_port_somewhere_or_without_any_that_is_ready_are_not_told)
{
    assert_finding(WEB("ports: [{name: http, port: 80}]") NEXT SLICE_IN(
                       "web-1", "default", "web", "{name: other, port: 8080}", "true")
                       NEXT SLICE_IN("web-2", "default", "web", "{name: http, port: 80}", "true"),
                   NULL);
    assert_finding(WEB("ports: [{name: http, port: 80}]") NEXT SLICE_IN(
                       "web-1", "default", "web", "{name: other, port: 8080}", "false"),
                   NULL);
    assert_finding(WEB("ports: [{port: 80}]"), NULL);
}

TEST(a_slice_that_names_no_service_is_told_until_there_is_one)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml",
              SLICE_IN("web-1", "default", "web", "{port: 8080}", "true")
                  NEXT SLICE_IN("web-2", "shop", "web", "{port: 8080}", "true")
                      NEXT OLD_STYLE("web", "{port: 8080}"));
    assert_has(dump(&world), "finding warning a.yaml:1 EndpointSlice default/web-1: label "
                             "kubernetes.io/service-name: there is no Service default/web, so "
                             "nothing uses these endpoints\n");
    assert_has(dump(&world), "Endpoints default/web: there is no Service default/web");
    world_put(&world, "b.yaml", WEB("ports: [{port: 80}]"));
    assert_lacks(dump(&world), "Service default/web, so");
    assert_has(dump(&world), "EndpointSlice shop/web-2: label kubernetes.io/service-name: there is "
                             "no Service shop/web,");
    world_put(&world, "b.yaml", NULL);
    assert_has(dump(&world), "Endpoints default/web: there is no Service default/web");
    world_put(&world, "a.yaml", "");
    assert_lacks(dump(&world), "finding");
    world_close(&world);
}

TEST(a_selector_without_any_endpoints_is_told_where_routes_lead)
{
    struct world world;

    world_open(&world);
    world_put(&world, "a.yaml", WEB("selector: {app: web}, ports: [{port: 80}]"));
    assert_lacks(dump(&world), "finding");
    world_put(&world, "i.yaml", TO_WEB);
    assert_has(dump(&world), "finding warning a.yaml:1 Service default/web: spec.selector: there "
                             "are no Pods in a directory, and no endpoints of this Service: write "
                             "an EndpointSlice with the label kubernetes.io/service-name: web\n");
    world_put(&world, "b.yaml", SLICE_IN("web-1", "default", "web", "{port: 8080}", "false"));
    assert_lacks(dump(&world), "finding");
    world_put(&world, "b.yaml", NULL);
    assert_has(dump(&world), "spec.selector: there are no Pods");
    world_put(&world, "a.yaml", WEB("selector: {}, ports: [{port: 80}]"));
    assert_lacks(dump(&world), "finding");
    world_close(&world);
}

/* There Pods are, and slices come and go after their Services. */
TEST(objects_of_an_api_server_are_not_told_to_lack_the_other_half)
{
    static const char *const texts[] = {WEB("selector: {app: web}, ports: [{port: 80}]"),
                                        SLICE_IN("old-1", "default", "old", "{port: 1}", "true")};
    struct world world;

    world_open(&world);
    world_put(&world, "i.yaml", TO_WEB);
    for (size_t i = 0; i < 2; i++) {
        struct source_change change = {0};
        struct source_batch batch = {.changes = &change, .changes_count = 1};
        struct decoded decoded;

        decode_manifest(bytes_of(texts[i]), BYTES_NONE, &decoded);
        change.kind = decoded.objects[0]->kind;
        change.ns = decoded.objects[0]->ns;
        change.name = decoded.objects[0]->name;
        change.object = decoded.objects[0];
        compiler_apply(world.compiler, &batch);
        decoded_fini(&decoded);
    }
    assert_lacks(dump(&world), "finding");
    world_close(&world);
}

TESTS(UNIT(endpoints_whose_port_has_another_name_are_told),
      UNIT(endpoints_with_the_port_somewhere_or_without_any_that_is_ready_are_not_told),
      UNIT(a_slice_that_names_no_service_is_told_until_there_is_one),
      UNIT(a_selector_without_any_endpoints_is_told_where_routes_lead),
      UNIT(objects_of_an_api_server_are_not_told_to_lack_the_other_half))
