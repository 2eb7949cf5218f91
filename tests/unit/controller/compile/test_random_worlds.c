/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random_worlds.c - what holds whatever the objects are: the way to a table leaves no trace in
 * it, and nobody's mistake is anybody else's.
 *
 * A failure prints the seed of its world; the same seed makes the same one.
 */
#include "tests/random/objects.h"
#include "tests/unit/controller/compile/world.h"
#include "tls/host.h"

#include <stdio.h>

#define FILES        24
#define ENDED_AT_S   1609459200 /* 2021-01-01, of the certificate "ended" */
#define DAY_S        86400
#define HOSTILE_PATH "hostile.yaml"

static const struct bytes some_namespaces[] = {{"default", 7}, {"team", 4}, {"certs", 5}};

/* Flags differ from world to world as well. */
static void open_by_seed(struct world *world, uint64_t seed)
{
    world_open(world);
    compiler_destroy(world->compiler);
    world->options.ingress_class_is_given = seed % 4 == 0;
    if (seed % 3 == 0)
        world->options.default_certificate = BYTES("default/t0");
    if (seed % 5 == 0) {
        world->options.root_namespaces = some_namespaces;
        world->options.root_namespaces_count = 1;
    }
    if (seed % 7 == 0) {
        world->options.watch_namespaces = some_namespaces;
        world->options.watch_namespaces_count = 2;
    }
    world->compiler = compiler_create(&world->options);
}

static void path_of(unsigned number, char *path, size_t size)
{
    (void)snprintf(path, size, "f%u.yaml", number);
}

static void resolve_some(struct world *world, struct dice *dice)
{
    struct address address = {.ip = {10, 2, 0, (uint8_t)(1 + below(dice, 3))}};
    const struct resolved_name name = {BYTES("db.example.net"), &address, below(dice, 2)};

    compiler_resolved(world->compiler, &name);
}

/* One file is written, deleted or broken, or DNS answers. */
static void edit(struct world *world, struct dice *dice, const struct pems *pems)
{
    struct text content;
    char path[32];

    path_of(below(dice, FILES), path, sizeof(path));
    switch (below(dice, 24)) {
    case 0:
        resolve_some(world, dice);
        return;
    case 1:
        world_put(world, path, "{");
        return;
    case 2:
    case 3:
        world_put(world, path, NULL);
        return;
    default:
        break;
    }
    text_init(&content);
    add_file(&content, dice, pems);
    world_put(world, path, content.at);
    text_fini(&content);
}

static void assert_same_here(const char *actual, const char *expected, uint64_t seed, unsigned step)
{
    if (strcmp(actual, expected) != 0)
        print_error("seed %llu, step %u\n", (unsigned long long)seed, step);
    assert_same_text(actual, expected);
}

/* Which certificate is shown, and who is asked for one, is more than the text says. */
static void assert_same_hosts(const struct table *one, const struct table *other, uint64_t seed)
{
    static const char *const names[] = {"a.example.com", "b.example.com", "c.example.com",
                                        "d.example.com", "x.example.com", "nobody.test"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!tls_host_equal(table_tls_host(one, bytes_of(names[i])),
                            table_tls_host(other, bytes_of(names[i]))))
            fail_msg("seed %llu: %s is another", (unsigned long long)seed, names[i]);
    }
}

static void assert_same_as_anew(struct world *world, uint64_t seed, unsigned step)
{
    const char *dump = world_dump(world);
    struct table *fresh = compiler_run_fresh(world->compiler);
    struct text text;

    text_init(&text);
    assert_same_here(dump, dump_of(fresh, &text), seed, step);
    assert_same_hosts(world->table, fresh, seed);
    text_fini(&text);
    table_unref(fresh);
}

TEST(ten_thousand_random_edits_give_the_tables_that_compiling_anew_gives)
{
    struct pems pems;

    pems_init(&pems);
    for (uint64_t seed = 1; seed <= 100 / WORLDS_PART; seed++) {
        struct dice dice = dice_of_seed(seed);
        struct world world;
        unsigned edits = 0;

        open_by_seed(&world, seed);
        for (unsigned step = 0; edits < 100; step++) {
            unsigned count = 1 + below(&dice, 4);

            world.now_s = step % 3 == 0 ? 0 : ENDED_AT_S + (1 - (int64_t)below(&dice, 10)) * DAY_S;
            for (unsigned i = 0; i < count; i++)
                edit(&world, &dice, &pems);
            assert_same_as_anew(&world, seed, step);
            edits += count;
        }
        world_close(&world);
    }
    pems_fini(&pems);
}

/* The files of one world. */
struct files {
    struct text contents[FILES];
};

static void files_init(struct files *files, struct dice *dice, const struct pems *pems)
{
    for (unsigned i = 0; i < FILES; i++) {
        text_init(&files->contents[i]);
        add_file(&files->contents[i], dice, pems);
    }
}

static void files_fini(struct files *files)
{
    for (unsigned i = 0; i < FILES; i++)
        text_fini(&files->contents[i]);
}

static void put_file(struct world *world, const struct files *files, unsigned number)
{
    char path[32];

    path_of(number, path, sizeof(path));
    world_put(world, path, files->contents[number].at);
}

static void shuffle(unsigned *order, struct dice *dice)
{
    for (unsigned i = 0; i < FILES; i++)
        order[i] = i;
    for (unsigned i = FILES - 1; i > 0; i--) {
        unsigned other = below(dice, i + 1), mine = order[i];

        order[i] = order[other];
        order[other] = mine;
    }
}

/* In any order, compiled after each file or only now and then, some files twice. */
static void put_in_any_order(struct world *world, const struct files *files, struct dice *dice)
{
    unsigned order[FILES];

    shuffle(order, dice);
    for (unsigned i = 0; i < FILES; i++) {
        put_file(world, files, order[i]);
        if (once_in(dice, 4))
            put_file(world, files, order[below(dice, i + 1)]);
        if (once_in(dice, 3))
            (void)world_run(world);
    }
}

TEST(the_same_files_in_any_order_give_the_same_table_and_statuses)
{
    struct pems pems;

    pems_init(&pems);
    for (uint64_t seed = 1; seed <= 80 / WORLDS_PART; seed++) {
        struct dice dice = dice_of_seed(seed + 1000);
        struct world one, other;
        struct files files;

        files_init(&files, &dice, &pems);
        open_by_seed(&one, seed);
        for (unsigned i = 0; i < FILES; i++)
            put_file(&one, &files, i);
        (void)world_dump(&one);
        for (unsigned i = 0; i < 4; i++) {
            open_by_seed(&other, seed);
            put_in_any_order(&other, &files, &dice);
            assert_same_here(world_dump(&other), one.dump.at, seed, i);
            assert_same_hosts(one.table, other.table, seed);
            world_close(&other);
        }
        world_close(&one);
        files_fini(&files);
    }
    pems_fini(&pems);
}

#define ROUTE_HEAD                                                                                 \
    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"                                 \
    "metadata: {name: bad, namespace: hostile}\nspec:\n"
#define ROUTE(host, rest) ROUTE_HEAD "  virtualhost: {fqdn: " host "}\n" rest
#define INGRESS_HEAD                                                                               \
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: bad, namespace: hostile}\n" \
    "spec:\n"

/* Wrong in itself, each in its own way. Whatever they bring about has "hostile" in its line. */
static const char *const broken_objects[] = {
    "{",
    "\tno: yaml",
    ROUTE_HEAD "  routes: 5\n",
    ROUTE_HEAD "  routes: [{match: [], services: x}]\n",
    ROUTE_HEAD "  virtualhost: []\n",
    ROUTE_HEAD "  virtualhost: {}\n",
    ROUTE_HEAD "  routes: [{match: /, delegate: {name: bad}}]\n",
    ROUTE("'*'", ""),
    ROUTE("'*.hostile.test'", "  routes: [{match: /, services: [{name: s, port: 80}]}]\n"),
    ROUTE("hostile.test", ""),
    ROUTE("hostile.test", "  routes: [{match: '', services: [{name: s, port: 80}]}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /../.., services: [{name: s, port: 80}]}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, services: [{name: s, port: -80}]}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, services: [{name: default/s0, port: 80}]}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, services: [{name: '', port: 80, weight: -5}]}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, delegate: {name: bad}}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, delegate: {}}]\n"),
    ROUTE("hostile.test", "  routes: [{match: /, delegate: {name: '../default/r3'}}]\n"),
    ROUTE("hostile.test", "  tcpproxy: {}\n"),
    ROUTE("hostile.test, tls: {}", "  tcpproxy: {services: [{name: s, port: 80}]}\n"),
    ROUTE("hostile.test, tls: {passthrough: true}", "  tcpproxy: {delegate: {name: bad}}\n"),
    ROUTE("hostile.test, tls: {secretName: default/t9}", ""),
    ROUTE("hostile.test, tls: {secretName: hostile}", "  tcpproxy: {delegate: {name: x}}\n"),
    INGRESS_HEAD "  rules: [{host: hostile.test, http: {paths: [{path: '/(', pathType: "
                 "ImplementationSpecific}]}}]\n",
    INGRESS_HEAD "  tls: [{hosts: [hostile.test], secretName: default/t9}]\n",
    INGRESS_HEAD "  rules: [{host: 'hos tile'}]\n",
    "apiVersion: contour.heptio.com/v1beta1\nkind: TLSCertificateDelegation\n"
    "metadata: {name: bad, namespace: hostile}\nspec: {delegations: [{}, {secretName: x, "
    "targetNamespaces: ['', '*', '**']}]}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: hostile, namespace: hostile}\n"
    "data: {tls.crt: '%%%'}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: hostile}\n"
    "spec: {ports: [{port: 99999}]}\n",
};

/* Hosts stand first in a dump. */
static bool ends_answers(struct bytes line)
{
    return bytes_starts_with(line, BYTES("cluster ")) ||
           bytes_starts_with(line, BYTES("certificate ")) ||
           bytes_starts_with(line, BYTES("finding ")) || bytes_starts_with(line, BYTES("status "));
}

/* The lines that say nothing of what is hostile; with `answers_only` just those of hosts. */
static void add_others(const char *dump, bool answers_only, struct text *out)
{
    while (*dump != '\0') {
        size_t len = strcspn(dump, "\n");
        struct bytes line = bytes_from(dump, len + (dump[len] == '\n'));
        char *text = mem_string(line);

        if (answers_only && ends_answers(line))
            dump += strlen(dump) - line.len;
        else if (strstr(text, "hostile") == NULL)
            text_add(out, line);
        mem_free(text);
        dump += line.len;
    }
    text_add_byte(out, '\0');
}

/* The others are served, and told, as if the object were not there. */
static void assert_harmless(struct world *world, const char *object, bool answers_only,
                            uint64_t seed, unsigned step)
{
    struct text before, after;

    text_init(&before);
    text_init(&after);
    add_others(world_dump(world), answers_only, &before);
    world_put(world, HOSTILE_PATH, object);
    add_others(world_dump(world), answers_only, &after);
    assert_same_here(after.at, before.at, seed, step);
    assert_same_as_anew(world, seed, step);
    world_put(world, HOSTILE_PATH, NULL);
    text_clear(&after);
    add_others(world_dump(world), answers_only, &after);
    assert_same_here(after.at, before.at, seed, step);
    text_fini(&before);
    text_fini(&after);
}

static void open_populated(struct world *world, uint64_t seed, struct dice *dice,
                           const struct pems *pems)
{
    struct files files;

    files_init(&files, dice, pems);
    open_by_seed(world, seed);
    for (unsigned i = 0; i < FILES; i++)
        put_file(world, &files, i);
    files_fini(&files);
}

TEST(any_single_broken_object_leaves_what_others_are_answered_and_told_as_it_was)
{
    struct pems pems;

    pems_init(&pems);
    for (uint64_t seed = 1; seed <= 16 / WORLDS_PART; seed++) {
        struct dice dice = dice_of_seed(seed + 2000);
        struct world world;

        open_populated(&world, seed, &dice, &pems);
        for (unsigned i = 0; i < sizeof(broken_objects) / sizeof(broken_objects[0]); i++)
            assert_harmless(&world, broken_objects[i], false, seed, i);
        world_close(&world);
    }
    pems_fini(&pems);
}

/* A root that leads everywhere, also into other namespaces and to what does not want it. */
static void add_grasping_root(struct text *out, struct dice *dice)
{
    unsigned count = 1 + below(dice, 6);

    text_printf(out, ROUTE_HEAD "  virtualhost: {fqdn: hostile.test%s}\n  routes:\n",
                PICK(dice, "", ", tls: {secretName: default/t0}",
                     ", tls: {secretName: team/t0, passthrough: true}"));
    for (unsigned i = 0; i < count; i++)
        text_printf(out, "  - {match: %s, delegate: {name: r%u, namespace: %s}}\n",
                    PICK(dice, "/", "/a", "/a/b", "/x", "x"), below(dice, 8),
                    PICK(dice, "default", "team", "hostile"));
    text_add_byte(out, '\0');
}

/* What it reaches is told by its hosts, so statuses may change; answers may not. */
TEST(a_root_that_reaches_into_other_namespaces_changes_no_answer_of_theirs)
{
    struct pems pems;

    pems_init(&pems);
    for (uint64_t seed = 1; seed <= 24 / WORLDS_PART; seed++) {
        struct dice dice = dice_of_seed(seed + 3000);
        struct world world;
        struct text root;

        text_init(&root);
        open_populated(&world, seed, &dice, &pems);
        for (unsigned i = 0; i < 12; i++) {
            text_clear(&root);
            add_grasping_root(&root, &dice);
            assert_harmless(&world, root.at, true, seed, i);
        }
        text_fini(&root);
        world_close(&world);
    }
    pems_fini(&pems);
}

TESTS(UNIT(ten_thousand_random_edits_give_the_tables_that_compiling_anew_gives),
      UNIT(the_same_files_in_any_order_give_the_same_table_and_statuses),
      UNIT(any_single_broken_object_leaves_what_others_are_answered_and_told_as_it_was),
      UNIT(a_root_that_reaches_into_other_namespaces_changes_no_answer_of_theirs))
