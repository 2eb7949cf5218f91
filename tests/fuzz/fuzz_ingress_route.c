/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ingress_route.c - any bytes as the manifest of IngressRoutes and TLSCertificateDelegations.
 *
 * Beyond not crashing: what was decoded agrees with itself (its counts, its size, its texts within
 * its own block), is the same when it is decoded again, and compiles to a table that compiling anew
 * gives as well.
 */
#include "controller/compile/compile.h"
#include "controller/object/decode.h"
#include "core/check.h"
#include "route/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte, so that a sanitizer sees a text that is not where it says. */
static size_t sum(struct bytes text)
{
    size_t total = 0;

    for (size_t i = 0; i < text.len; i++)
        total += (unsigned char)text.at[i];
    return total;
}

static void check_services(const struct ingress_route_service *services, uint32_t count)
{
    CHECK(count == 0 || services != NULL);
    for (uint32_t i = 0; i < count; i++) {
        const struct ingress_route_service *service = &services[i];

        (void)(sum(service->name) + sum(service->strategy) + sum(service->health_check.path) +
               sum(service->health_check.host) + sum(service->ca_secret) +
               sum(service->subject_name));
        CHECK(service->has_health_check || service->health_check.path.len == 0);
        CHECK(service->has_validation || service->ca_secret.len == 0);
    }
}

static void check_route(const struct ingress_route *route)
{
    uint64_t looks = 0;

    for (uint32_t i = 0; i < route->routes_count; i++) {
        const struct ingress_route_route *one = &route->routes[i];

        check_services(one->services, one->services_count);
        (void)(sum(one->match) + sum(one->delegate.name) + sum(one->delegate.ns) +
               sum(one->prefix_rewrite) + sum(one->request_timeout) + sum(one->per_try_timeout));
        CHECK(one->delegate.is_present || one->delegate.name.len == 0);
        looks += 1 + one->match.len / 64;
    }
    CHECK(looks == route->routes_looks);
    check_services(route->tcp_services, route->tcp_services_count);
    CHECK(route->is_root || (route->fqdn.len == 0 && !route->has_tls));
    CHECK(route->has_tls || (route->tls_secret.len == 0 && !route->tls_passthrough));
    CHECK(route->has_tcpproxy || route->tcp_services_count == 0);
}

static void check_delegation(const struct tls_delegation *delegation)
{
    for (uint32_t i = 0; i < delegation->grants_count; i++) {
        (void)sum(delegation->grants[i].secret);
        for (uint32_t j = 0; j < delegation->grants[i].namespaces_count; j++)
            (void)sum(delegation->grants[i].namespaces[j]);
    }
}

static void check_objects(const struct decoded *first, const struct decoded *second)
{
    CHECK(first->objects_count == second->objects_count);
    for (size_t i = 0; i < first->objects_count; i++) {
        const struct object *object = first->objects[i];

        CHECK(object_is_same(object, second->objects[i]));
        if (object->kind == OBJECT_INGRESS_ROUTE)
            check_route(as_ingress_route(object));
        else if (object->kind == OBJECT_TLS_DELEGATION ||
                 object->kind == OBJECT_PROJECTCONTOUR_TLS_DELEGATION)
            check_delegation(as_tls_delegation(object));
    }
}

static void check_compiled(struct decoded *decoded)
{
    const struct compile_options options = {.ingress_class = BYTES("fairlead")};
    struct compiler *compiler = compiler_create(&options);
    struct source_file file = {.path = BYTES("f"), .decoded = *decoded};
    struct source_batch batch = {.files = &file, .files_count = 1};
    struct table *table, *fresh;
    struct text one, other;

    text_init(&one);
    text_init(&other);
    compiler_apply(compiler, &batch);
    *decoded = file.decoded;
    table = compiler_run(compiler, 0);
    fresh = compiler_run_fresh(compiler);
    table_dump_text(table, &one);
    table_dump_text(fresh, &other);
    CHECK(bytes_equal(text_bytes(&one), text_bytes(&other)));
    table_unref(table);
    table_unref(fresh);
    compiler_destroy(compiler);
    text_fini(&one);
    text_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_from((const char *)data, size);
    struct decoded first, second;

    decode_manifest(text, BYTES("f"), &first);
    decode_manifest(text, BYTES("f"), &second);
    check_objects(&first, &second);
    check_compiled(&first);
    decoded_fini(&first);
    decoded_fini(&second);
    return 0;
}
