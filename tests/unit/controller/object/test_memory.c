/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - what ten thousand Ingresses and their Services weigh.
 */
#include "controller/object/cache.h"
#include "controller/object/decode.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

#include <malloc.h>

#define SITES         10000
#define BYTES_MAX     (15u * 1024 * 1024)
#define CHUNK_BYTES   8 /* what glibc adds to each block */
#define FILES_PER_DIR 100

/* One manifest: an Ingress with three paths, its Service, its EndpointSlice. */
static void add_site(struct text *text, unsigned site)
{
    text_printf(text,
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: site-%u\n"
                "  namespace: team-%u\n  creationTimestamp: 2026-01-31T10:00:00Z\nspec:\n  rules:\n"
                "  - host: site-%u.example.com\n    http:\n      paths:\n",
                site, site % 50, site);
    for (unsigned path = 0; path < 3; path++)
        text_printf(text,
                    "      - path: /path-%u\n        pathType: Prefix\n        backend:\n"
                    "          service: {name: service-%u, port: {number: 80}}\n",
                    path, site);
    text_printf(text,
                "---\napiVersion: v1\nkind: Service\nmetadata: {name: service-%u, namespace: "
                "team-%u}\nspec:\n  ports: [{name: http, port: 80, targetPort: 8080}]\n",
                site, site % 50);
    text_printf(text,
                "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
                "metadata:\n  name: service-%u-abcde\n  namespace: team-%u\n"
                "  labels: {kubernetes.io/service-name: service-%u}\n"
                "ports: [{name: http, port: 8080}]\nendpoints:\n"
                "- addresses: [10.0.%u.%u]\n- addresses: [10.1.%u.%u]\n",
                site, site % 50, site, site / 250, site % 250, site / 250, site % 250);
}

static size_t weigh(const struct cache *cache, enum object_kind kind)
{
    const struct object *object;
    size_t bytes = 0;
    size_t at = 0;

    while ((object = cache_next(cache, kind, &at)) != NULL)
        bytes += malloc_usable_size((void *)(uintptr_t)object) + CHUNK_BYTES;
    print_message("%zu %s: %zu bytes each\n", cache_count(cache, kind), object_kind_name(kind),
                  bytes / cache_count(cache, kind));
    return bytes;
}

TEST(ten_thousand_ingresses_with_services_and_slices_stay_below_15_mb)
{
    struct cache *cache = cache_create();
    struct cache_change *changes = NULL;
    size_t count = 0;
    size_t bytes;

    for (unsigned site = 0; site < SITES; site++) {
        struct decoded decoded;
        struct text text, file;

        text_init(&text);
        text_init(&file);
        add_site(&text, site);
        text_printf(&file, "/etc/fairlead/objects/%u/site-%u.yaml", site / FILES_PER_DIR, site);
        decode_manifest(text_bytes(&text), text_bytes(&file), &decoded);
        assert_int_equal(decoded.objects_count, 3);
        cache_replace_file(cache, text_bytes(&file), decoded.objects, 3, &changes, &count);
        decoded_fini(&decoded);
        text_fini(&text);
        text_fini(&file);
    }
    assert_int_equal(count, 3 * SITES);
    bytes = weigh(cache, OBJECT_INGRESS) + weigh(cache, OBJECT_SERVICE) +
            weigh(cache, OBJECT_ENDPOINT_SLICE);
    print_message("%.1f MB in all\n", (double)bytes / (1024.0 * 1024.0));
    assert_true(bytes < BYTES_MAX);
    cache_changes_free(changes, count);
    cache_destroy(cache);
}

TESTS(UNIT(ten_thousand_ingresses_with_services_and_slices_stay_below_15_mb))
