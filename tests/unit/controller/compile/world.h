/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - manifests by name, a compiler that has seen them, and its last table: for tests of the
 * compiler. Everything goes through the decoder, so tests read as manifests do.
 */
#ifndef TESTS_UNIT_CONTROLLER_COMPILE_WORLD_H
#define TESTS_UNIT_CONTROLLER_COMPILE_WORLD_H

#include "controller/compile/compile.h"
#include "route/dump.h"
#include "route/match.h"
#include "tests/unit/unit.h"

#include <string.h>

struct world {
    struct compile_options options;
    struct compiler *compiler;
    struct table *table; /* ref; NULL before the first run */
    int64_t now_s;       /* of the runs; 0: certificates' dates are not looked at */
    struct text dump;
};

static inline void world_open(struct world *world)
{
    *world = (struct world){.options = {.ingress_class = BYTES("fairlead"),
                                        .external_names = true,
                                        .external_names_loopback = true}};
    text_init(&world->dump);
    world->compiler = compiler_create(&world->options);
}

static inline void world_close(struct world *world)
{
    if (world->table != NULL)
        table_unref(world->table);
    compiler_destroy(world->compiler);
    text_fini(&world->dump);
}

/* The manifest `path` has this content from now on; NULL deletes it. Nothing is compiled yet. */
static inline void world_put(struct world *world, const char *path, const char *content)
{
    struct source_file file = {.path = bytes_of(path), .is_gone = content == NULL};
    struct source_batch batch = {.files = &file, .files_count = 1};

    if (content != NULL)
        decode_manifest(bytes_of(content), file.path, &file.decoded);
    compiler_apply(world->compiler, &batch);
    if (content != NULL)
        decoded_fini(&file.decoded);
}

/* True when there is a new table. */
static inline bool world_run(struct world *world)
{
    struct table *table = compiler_run(world->compiler, world->now_s);

    if (table == NULL)
        return false;
    if (world->table != NULL)
        table_unref(world->table);
    world->table = table;
    return true;
}

static inline const char *dump_of(const struct table *table, struct text *out)
{
    text_clear(out);
    table_dump_text(table, out);
    text_add_byte(out, '\0');
    return out->at;
}

/* The table as text, compiled first. */
static inline const char *world_dump(struct world *world)
{
    (void)world_run(world);
    return dump_of(world->table, &world->dump);
}

/* The two texts from where they part. */
static inline void assert_same_text(const char *actual, const char *expected)
{
    size_t at = 0;

    while (actual[at] != '\0' && actual[at] == expected[at])
        at++;
    while (at > 0 && actual[at - 1] != '\n')
        at--;
    if (strcmp(actual, expected) != 0)
        fail_msg("they part here:\n%.1500s\n--- expected:\n%.1500s", actual + at, expected + at);
}

static inline void assert_same_foreign_hosts(const struct table *a, const struct table *b)
{
    assert_int_equal(table_foreign_hosts_count(a), table_foreign_hosts_count(b));
    for (size_t i = 0; i < table_foreign_hosts_count(a); i++)
        assert_int_equal(foreign_host_compare(table_foreign_host(a, i), table_foreign_host(b, i)),
                         0);
}

/* The same text must come from compiling everything anew. */
static inline void assert_same_as_fresh(struct world *world)
{
    const char *dump = world_dump(world);
    struct table *fresh = compiler_run_fresh(world->compiler);
    struct text text;

    text_init(&text);
    assert_same_text(dump, dump_of(fresh, &text));
    assert_same_foreign_hosts(world->table, fresh);
    text_fini(&text);
    table_unref(fresh);
}

static inline void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("not found: %s\nin:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("found: %s\nin:\n%s", part, text);
}

/* "default/web/80 ..." lines as the dump has them: `from` is "prefix /api" and the like. Blanks are
 * taken as one, so tests do not depend on columns. */
static inline void assert_line(const char *dump, const char *words)
{
    char wanted[1024];
    bool is_found = false;

    (void)snprintf(wanted, sizeof(wanted), "%s", words);
    for (const char *line = dump; *line != '\0' && !is_found;) {
        size_t len = strcspn(line, "\n");
        char squeezed[1024];
        size_t to = 0;

        for (size_t i = 0; i < len && to + 1 < sizeof(squeezed); i++) {
            if (line[i] == ' ' && (to == 0 || squeezed[to - 1] == ' '))
                continue;
            squeezed[to++] = line[i];
        }
        squeezed[to] = '\0';
        is_found = strncmp(squeezed, wanted, strlen(wanted)) == 0;
        line += len + (line[len] == '\n');
    }
    if (!is_found)
        fail_msg("no line: %s\nin:\n%s", words, dump);
}

/* An Ingress with one rule and path; more of it in `extra` ("spec" level, two blanks deep). */
#define INGRESS(name, host, path, type, service, port)                                             \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " name "}\nspec:\n"         \
    "  rules:\n  - host: " host "\n    http:\n      paths:\n      - path: " path                   \
    "\n        pathType: " type "\n        backend: {service: {name: " service                     \
    ", port: {number: " port "}}}\n"

#define SERVICE(name, port)                                                                        \
    "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec:\n  ports: [{port: " port     \
    "}]\n"

#define SLICE(name, service, port, addresses)                                                      \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: " name               \
    "\n  labels: {kubernetes.io/service-name: " service                                            \
    "}\naddressType: IPv4\nports: [{port: " port "}]\nendpoints:\n- addresses: [" addresses "]\n"

#define NEXT "---\n"

#endif
