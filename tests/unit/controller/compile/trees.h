/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trees.h - IngressRoutes for tests of trees and statuses, each in a file of its name.
 */
#ifndef TESTS_UNIT_CONTROLLER_COMPILE_TREES_H
#define TESTS_UNIT_CONTROLLER_COMPILE_TREES_H

#include "core/mem.h"
#include "tests/unit/controller/compile/world.h"

#define HOST(fqdn)             "  virtualhost: {fqdn: " fqdn "}\n"
#define SERVES(match, service) "{match: " match ", services: [{name: " service ", port: 80}]}"
#define DELEGATES(match, name) "{match: " match ", delegate: {name: " name "}}"
#define ROUTES(list)           "  routes: [" list "]\n"
#define ROUTE_OBJECT(name, spec)                                                                   \
    "apiVersion: contour.heptio.com/v1beta1\nkind: IngressRoute\nmetadata: {name: " name           \
    "}\nspec:\n" spec

/* The IngressRoute default/name is this from now on; nothing is compiled yet. */
#define put_route(world, name, spec) world_put(world, name ".yaml", ROUTE_OBJECT(name, spec))
#define drop_route(world, name)      world_put(world, name ".yaml", NULL)

static inline void put_service(struct world *world)
{
    world_put(world, "web.yaml",
              SERVICE("web", "80") NEXT SLICE("web-1", "web", "8080", "10.0.0.1"));
}

/* Compiled, and the same as from scratch. */
static inline const char *settled(struct world *world)
{
    assert_same_as_fresh(world);
    return world->dump.at;
}

static inline uint64_t hosts_compiled(const struct world *world)
{
    struct compile_stats stats;

    compiler_stats(world->compiler, &stats);
    return stats.hosts_compiled;
}

#endif
