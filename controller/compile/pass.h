/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.h - what one run of the compiler hands to its parts.
 */
#ifndef CONTROLLER_COMPILE_PASS_H
#define CONTROLLER_COMPILE_PASS_H

#include "controller/compile/class.h"
#include "controller/compile/compile.h"
#include "controller/compile/dag.h"

struct pass {
    const struct cache *cache;
    const struct compile_options *options;
    struct dag *dag;
    struct emit *emit;
    struct builder *builder;
    struct arena *scratch;      /* reset before each host and each Service */
    struct use_list uses;       /* of the host being compiled */
    struct secret_list secrets; /* of the host or Service being compiled */
    struct visit_list visits;   /* of the host being compiled */
    const struct class_rules *classes;
    int64_t now_s; /* Unix time, or 0: expiry is not looked at */
    uint64_t hosts_compiled;
    uint64_t clusters_compiled;
};

#endif
