/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reach.c - what a change costs: exactly the hosts whose trees reach what changed are
 * compiled.
 *
 *     root r0..r7 --> child c0..c11 --> child ... --> Service s0..s3
 *          \--> Secret certs/t0..t3, delegated by certs/d0..d3
 *
 * Edges are random, so there are cycles, missing children and delegations to roots; who reaches
 * what is found out by a walk of our own.
 */
#include "tests/random/dice.h"
#include "tests/random/pems.h"
#include "tests/unit/controller/compile/world.h"

#include <stdio.h>

#define ROOTS    8
#define CHILDREN 12
#define TARGETS  (CHILDREN + 2 + ROOTS) /* children, two that are never there, roots */
#define EDGES    3
#define SERVICES 4
#define SECRETS  4
#define WORLDS   16
#define CHANGES  40

struct node {
    bool is_there;
    unsigned edges[EDGES]; /* targets */
    unsigned service;      /* of a child */
    unsigned secret;       /* of a root; SECRETS: none */
    unsigned version;
};

struct model {
    struct world world;
    struct dice dice;
    const struct pems *pems;
    struct node roots[ROOTS];
    struct node children[CHILDREN];
    bool is_granted[SECRETS];
    unsigned service_versions[SERVICES];
    unsigned secret_versions[SECRETS];
};

static void add_edges(struct text *out, const struct node *node)
{
    for (unsigned i = 0; i < EDGES; i++) {
        unsigned to = node->edges[i];

        if (to < CHILDREN + 2)
            text_printf(out, "  - {match: /, delegate: {name: c%u, namespace: %s}}\n", to,
                        to % 2 == 0 ? "default" : "team");
        else
            text_printf(out, "  - {match: /, delegate: {name: r%u, namespace: default}}\n",
                        to - CHILDREN - 2);
    }
}

static void put_text(struct model *model, const char *kind, unsigned number, struct text *content)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "%s%u.yaml", kind, number);
    text_add_byte(content, '\0');
    world_put(&model->world, path, content->len > 1 ? content->at : NULL);
    text_fini(content);
}

#define ROUTE_HEAD "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\n"

static void put_root(struct model *model, unsigned number)
{
    const struct node *root = &model->roots[number];
    struct text out;

    text_init(&out);
    text_printf(&out, ROUTE_HEAD "metadata: {name: r%u}\nspec:\n  virtualhost: {fqdn: r%u.test",
                number, number);
    if (root->secret < SECRETS)
        text_printf(&out, ", tls: {secretName: certs/t%u}", root->secret);
    text_add_str(&out, "}\n  routes:\n");
    add_edges(&out, root);
    put_text(model, "r", number, &out);
}

static void put_child(struct model *model, unsigned number)
{
    const struct node *child = &model->children[number];
    struct text out;

    text_init(&out);
    if (child->is_there) {
        text_printf(&out, ROUTE_HEAD "metadata: {name: c%u, namespace: %s}\nspec:\n  routes:\n",
                    number, number % 2 == 0 ? "default" : "team");
        add_edges(&out, child);
        text_printf(&out,
                    "  - {match: /x, prefixRewrite: /%u, services: [{name: s%u, port: 80}]}\n",
                    child->version, child->service);
    }
    put_text(model, "c", number, &out);
}

/* The same in both namespaces. */
static void put_service(struct model *model, unsigned number)
{
    struct text out;

    text_init(&out);
    for (int i = 0; i < 2; i++)
        text_printf(&out,
                    "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%u, namespace: %s}\n"
                    "spec: {ports: [{port: 80}, {port: %u}]}\n",
                    number, i == 0 ? "default" : "team", 81 + model->service_versions[number]);
    put_text(model, "s", number, &out);
}

static void put_secret(struct model *model, unsigned number)
{
    unsigned which = model->secret_versions[number] % 2;
    struct text out;

    text_init(&out);
    text_printf(&out,
                "apiVersion: v1\nkind: Secret\nmetadata: {name: t%u, namespace: certs}\n"
                "stringData: {tls.crt: ",
                number);
    text_add(&out, text_bytes(&model->pems->certificates[which]));
    text_add_str(&out, ", tls.key: ");
    text_add(&out, text_bytes(&model->pems->keys[which]));
    text_add_str(&out, "}\n");
    put_text(model, "t", number, &out);
}

static void put_grant(struct model *model, unsigned number)
{
    struct text out;

    text_init(&out);
    if (model->is_granted[number])
        text_printf(&out,
                    "apiVersion: contour.heptio.com/v1beta1\nkind: TLSCertificateDelegation\n"
                    "metadata: {name: d%u, namespace: certs}\nspec: {delegations: [{secretName: "
                    "t%u, targetNamespaces: [default]}]}\n",
                    number, number);
    put_text(model, "d", number, &out);
}

static void choose_edges(struct model *model, struct node *node)
{
    for (unsigned i = 0; i < EDGES; i++)
        node->edges[i] = below(&model->dice, once_in(&model->dice, 6) ? TARGETS : CHILDREN);
}

static void model_open(struct model *model, uint64_t seed, const struct pems *pems)
{
    *model = (struct model){.dice = dice_of_seed(seed), .pems = pems};
    world_open(&model->world);
    for (unsigned i = 0; i < CHILDREN; i++) {
        model->children[i].is_there = !once_in(&model->dice, 5);
        model->children[i].service = below(&model->dice, SERVICES);
        choose_edges(model, &model->children[i]);
        put_child(model, i);
    }
    for (unsigned i = 0; i < ROOTS; i++) {
        model->roots[i].secret = below(&model->dice, SECRETS + 1);
        choose_edges(model, &model->roots[i]);
        put_root(model, i);
    }
    for (unsigned i = 0; i < SECRETS; i++) {
        put_secret(model, i);
        put_service(model, i);
    }
    (void)world_dump(&model->world);
}

static void reach(const struct model *model, const struct node *from, bool *is_reached)
{
    for (unsigned i = 0; i < EDGES; i++) {
        unsigned to = from->edges[i];

        if (is_reached[to])
            continue;
        is_reached[to] = true;
        if (to < CHILDREN && model->children[to].is_there)
            reach(model, &model->children[to], is_reached);
    }
}

/* How many hosts reach this target, or a child that uses this Service. */
static unsigned count_hosts(const struct model *model, unsigned target, unsigned service)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ROOTS; i++) {
        bool is_reached[TARGETS] = {false}, counts = false;

        reach(model, &model->roots[i], is_reached);
        counts = target < TARGETS && is_reached[target];
        for (unsigned j = 0; j < CHILDREN && service < SERVICES; j++)
            counts = counts || (is_reached[j] && model->children[j].is_there &&
                                model->children[j].service == service);
        count += counts;
    }
    return count;
}

static unsigned count_by_secret(const struct model *model, unsigned secret)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ROOTS; i++)
        count += model->roots[i].secret == secret;
    return count;
}

/* A root's own host, and those that try to delegate to it. */
static unsigned change_root(struct model *model)
{
    unsigned number = below(&model->dice, ROOTS), target = CHILDREN + 2 + number, count;
    bool is_reached[TARGETS] = {false};

    reach(model, &model->roots[number], is_reached);
    count = count_hosts(model, target, SERVICES) + !is_reached[target];
    choose_edges(model, &model->roots[number]);
    put_root(model, number);
    return count;
}

static unsigned change_child(struct model *model)
{
    unsigned number = below(&model->dice, CHILDREN);
    struct node *child = &model->children[number];
    bool was_there = child->is_there;

    child->version++;
    if (once_in(&model->dice, 3))
        child->is_there = !child->is_there;
    else if (once_in(&model->dice, 2))
        choose_edges(model, child);
    put_child(model, number);
    return was_there || child->is_there ? count_hosts(model, number, SERVICES) : 0;
}

static unsigned change_service(struct model *model)
{
    unsigned number = below(&model->dice, SERVICES);

    model->service_versions[number]++;
    put_service(model, number);
    return count_hosts(model, TARGETS, number);
}

static unsigned change_endpoints(struct model *model)
{
    struct text out;

    text_init(&out);
    text_printf(&out, SLICE("e", "s0", "8080", "10.0.0.%u"), 1 + below(&model->dice, 200));
    put_text(model, "e", 0, &out);
    return 0;
}

static unsigned change_secret(struct model *model)
{
    unsigned number = below(&model->dice, SECRETS);

    model->secret_versions[number]++;
    put_secret(model, number);
    return count_by_secret(model, number);
}

static unsigned change_grant(struct model *model)
{
    unsigned number = below(&model->dice, SECRETS);

    model->is_granted[number] = !model->is_granted[number];
    put_grant(model, number);
    return count_by_secret(model, number);
}

static unsigned change_orphan(struct model *model)
{
    struct text out;

    text_init(&out);
    text_printf(&out,
                ROUTE_HEAD "metadata: {name: alone}\nspec:\n  routes:\n"
                           "  - {match: /%u, services: [{name: s0, port: 80}]}\n"
                           "  - {match: /, delegate: {name: c0}}\n",
                below(&model->dice, 200));
    put_text(model, "alone", 0, &out);
    return 0;
}

static unsigned change_something(struct model *model, unsigned *what)
{
    typedef unsigned change_fn(struct model *);
    static change_fn *const changes[] = {change_root,      change_child,  change_service,
                                         change_endpoints, change_secret, change_grant,
                                         change_orphan};

    *what = below(&model->dice, sizeof(changes) / sizeof(changes[0]));
    return changes[*what](model);
}

TEST(a_change_compiles_exactly_the_hosts_that_reach_what_changed)
{
    struct pems pems;

    pems_init(&pems);
    for (uint64_t seed = 1; seed <= WORLDS / WORLDS_PART; seed++) {
        struct model model;

        model_open(&model, seed, &pems);
        for (unsigned i = 0; i < CHANGES; i++) {
            struct compile_stats stats;
            unsigned what, expected = change_something(&model, &what);

            assert_same_as_fresh(&model.world);
            compiler_stats(model.world.compiler, &stats);
            if (stats.hosts_compiled != expected)
                fail_msg("seed %u, change %u of kind %u: %u hosts, not %u", (unsigned)seed, i, what,
                         (unsigned)stats.hosts_compiled, expected);
        }
        world_close(&model.world);
    }
    pems_fini(&pems);
}

TESTS(UNIT(a_change_compiles_exactly_the_hosts_that_reach_what_changed))
