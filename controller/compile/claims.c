/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - which paths want a place in a host, in the form in which they are matched, and who
 * gets a place that several want.
 */
#include "controller/compile/host.h"
#include "core/check.h"
#include "route/normal.h"

#include <stdlib.h>

const struct ingress_path *claim_path(const struct claim *claim)
{
    return &claim->origin->ingress->rules[claim->rule].paths[claim->index];
}

const struct object *claim_object(const struct claim *claim)
{
    return claim->leaf != NULL ? &claim->leaf->object->object : claim->origin->object;
}

static struct bytes claim_title(const struct claim *claim)
{
    return claim->leaf != NULL ? claim->leaf->route.object : claim->origin->title;
}

struct bytes claim_field(const struct host_pass *host, const struct claim *claim)
{
    if (claim->leaf != NULL)
        return claim->leaf->route.field;
    return plain_printf(host->pass->scratch, "spec.rules[%u].http.paths[%u]", claim->rule,
                        claim->index);
}

static void tell(struct host_pass *host, bool is_error, const struct claim *claim,
                 const char *before, struct bytes value, const char *after)
{
    findings_add(&host->findings, is_error, claim->origin->object,
                 "spec.rules[%u].http.paths[%u]: %s\"%.*s\"%s", claim->rule, claim->index, before,
                 BYTES_ARG(value), after);
}

/* v0.14.1: these make a path without a type a pattern (spec/contour.md 1.3). */
static bool looks_like_pattern(struct bytes path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (strchr("^+*[]%", path.at[i]) != NULL && path.at[i] != '\0')
            return true;
    }
    return false;
}

static bool choose_kind(struct host_pass *host, struct claim *claim, struct bytes written)
{
    switch (claim_path(claim)->type) {
    case INGRESS_PATH_EXACT:
        claim->kind = PATH_EXACT;
        return true;
    case INGRESS_PATH_PREFIX:
        claim->kind = PATH_PREFIX;
        return true;
    case INGRESS_PATH_UNSET:
    case INGRESS_PATH_IMPLEMENTATION:
        claim->kind = looks_like_pattern(written) ? PATH_REGEX : PATH_STRING_PREFIX;
        return true;
    case INGRESS_PATH_UNKNOWN:
        break;
    }
    tell(host, true, claim, "path ", written,
         " is left out: its pathType is none of Exact, Prefix and ImplementationSpecific");
    return false;
}

static const char *fault_text(enum path_fault fault)
{
    switch (fault) {
    case PATH_FINE:
        return "";
    case PATH_BAD_ESCAPE:
        return " is left out: it has a % without two hex digits";
    case PATH_NUL:
        return " is left out: it has a NUL";
    case PATH_BACKSLASH:
        return " is left out: it has a backslash";
    case PATH_ABOVE_ROOT:
        return " is left out: its .. climb above the root";
    case PATH_BAD_BYTE:
        return " is left out: it has a byte that no path can have";
    }
    return "";
}

/* The form in which request paths are matched. */
static bool normalise(struct host_pass *host, struct claim *claim, struct bytes written)
{
    enum path_fault fault;

    claim->path = written;
    if (written.at[0] != '/') {
        tell(host, true, claim, "path ", written, " is left out: it does not start with /");
        return false;
    }
    if (claim->kind == PATH_REGEX)
        return true;
    if (!path_is_normal(written)) {
        char *out = arena_alloc(host->pass->scratch, written.len);

        fault = path_normalise(written, out, &claim->path);
        if (fault != PATH_FINE) {
            tell(host, true, claim, "path ", written, fault_text(fault));
            return false;
        }
        if (!bytes_equal(claim->path, written))
            tell(host, false, claim, "path is matched in its normal form ", claim->path, "");
    }
    /* A segment prefix says the same with and without its last slash. */
    if (claim->kind == PATH_PREFIX && claim->path.len > 1 &&
        bytes_ends_with(claim->path, BYTES("/")))
        claim->path.len--;
    return true;
}

static void add_claim(struct host_pass *host, const struct origin *origin, uint32_t rule,
                      uint32_t index)
{
    struct claim *claim = &host->claims[host->claims_count];
    struct bytes written = origin->ingress->rules[rule].paths[index].path;

    *claim =
        (struct claim){.order = host->claims_count, .rule = rule, .index = index, .origin = origin};
    if (written.len == 0)
        written = BYTES("/");
    if (choose_kind(host, claim, written) && normalise(host, claim, written))
        host->claims_count++;
}

static void add_leaf(struct host_pass *host, const struct leaf *leaf)
{
    struct claim *claim = &host->claims[host->claims_count];

    *claim = (struct claim){.path = leaf->route.path,
                            .kind = PATH_STRING_PREFIX,
                            .order = host->claims_count,
                            .leaf = leaf};
    host->claims_count++;
}

static void add_leaves(struct host_pass *host)
{
    for (uint32_t i = 0; i < host->tree.leaves_count; i++)
        add_leaf(host, &host->tree.leaves[i]);
}

static const struct ingress_rule *rule_of(const struct contributor *contributor)
{
    return &as_ingress(contributor->object)->rules[contributor->index];
}

static uint32_t count_paths(const struct contributors *rules)
{
    size_t count = 0;

    for (uint32_t i = 0; i < rules->count; i++)
        count += rule_of(&rules->list[i])->paths_count;
    CHECK(count <= UINT32_MAX / 2);
    return (uint32_t)count;
}

/*
 * Over HTTPS everything is served; over HTTP what its Ingress allows there. Where the certificate
 * is an IngressRoute's and no Ingress asked for HTTPS, none is served by it (spec/contour.md 1.3);
 * nor is one of a namespace that may not use that certificate.
 */
bool host_serves(const struct host_pass *host, const struct origin *origin)
{
    if (host->scheme == SCHEME_HTTP)
        return ingress_policy_serves_http(&origin->policy);
    return host->tree.side == TREE_PLAIN ||
           (host->node->tls.count > 0 && host_tls_lends(host, origin->object->ns));
}

static int compare_places(const struct claim *a, const struct claim *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return bytes_compare(a->path, b->path);
}

/* How many prefixes on the ways to both are of one length. */
static uint32_t common_ways(const struct leaf *a, const struct leaf *b)
{
    uint32_t count = 0;

    while (count + 1 < a->depth && count + 1 < b->depth && a->given[count] == b->given[count])
        count++;
    return count;
}

/*
 * From the root down: who routes a place comes before all to whom he delegates it, and of these he
 * who was given the longer prefix. So nobody takes what was given to somebody else, also not by
 * delegating a longer prefix to himself.
 */
static int compare_leaves(const struct leaf *a, const struct leaf *b)
{
    uint32_t at = common_ways(a, b);

    if (at + 1 == a->depth || at + 1 == b->depth)
        return (a->depth > b->depth) - (a->depth < b->depth);
    return a->given[at] > b->given[at] ? -1 : 1;
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = compare_places(a, b);

    if (order == 0 && a->leaf != NULL && b->leaf != NULL)
        order = compare_leaves(a->leaf, b->leaf);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static const char *leaf_reason(const struct leaf *loser, const struct leaf *winner)
{
    uint32_t at = common_ways(loser, winner);

    return at + 1 < loser->depth && at + 1 < winner->depth
               ? ", and was delegated a longer prefix"
               : ", and is nearer to the root or comes first";
}

/* Why the winner won, after a comma: design 5.14. */
static const char *reason(const struct claim *loser, const struct claim *winner)
{
    const struct object *a = claim_object(winner);
    const struct object *b = claim_object(loser);

    if (a == b)
        return "";
    if (winner->leaf != NULL)
        return loser->leaf != NULL ? leaf_reason(loser->leaf, winner->leaf)
                                   : ", and an IngressRoute comes before any Ingress";
    return a->created_s != b->created_s ? ", and is older" : ", and its name comes first";
}

/* Where the status of the loser says it, too; NULL: nowhere, or it says so of another route. */
static struct bytes *place_in_status(struct host_pass *host, const struct claim *loser,
                                     bool is_same)
{
    struct visit *visit;

    if (loser->leaf == NULL || is_same)
        return NULL;
    visit = &host->pass->visits.visits[loser->leaf->visit];
    return visit->lost.len == 0 ? &visit->lost : NULL;
}

static void tell_loser(struct host_pass *host, const struct claim *loser,
                       const struct claim *winner)
{
    bool is_same = claim_object(loser) == claim_object(winner);
    struct bytes *status = place_in_status(host, loser, is_same);
    struct bytes field, lost, text;

    if (status == NULL && findings_skip(&host->findings, claim_object(loser)))
        return;
    field = claim_field(host, winner);
    lost = claim_field(host, loser);
    if (is_same && bytes_equal(field, lost)) /* one route, delegated to in two ways */
        return;
    text = plain_printf(host->pass->scratch,
                        "%.*s: %.*s%s%.*s has path \"%.*s\" of host %.*s already%s",
                        BYTES_ARG(lost), BYTES_ARG(is_same ? BYTES_NONE : claim_title(winner)),
                        is_same ? "" : " ", BYTES_ARG(field), BYTES_ARG(loser->path),
                        BYTES_ARG(host->node->name), reason(loser, winner));
    findings_add(&host->findings, false, claim_object(loser), "%.*s", BYTES_ARG(text));
    if (status != NULL)
        *status = text;
}

/* The leaf that has this path, or NULL; `claims` are sorted by place, each of its own. */
static const struct claim *find_leaf(const struct claim *claims, uint32_t count, struct bytes path)
{
    const struct claim wanted = {.path = path, .kind = PATH_STRING_PREFIX};
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_places(&wanted, &claims[middle]);

        if (order == 0)
            return claims[middle].leaf != NULL ? &claims[middle] : NULL;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Whole segments and plain text are two kinds of place, but one prefix: an IngressRoute has it all
 * (design 5.14). */
static void settle_prefixes(struct host_pass *host)
{
    struct claim *all = arena_alloc(host->pass->scratch, host->claims_count * sizeof(*all));
    uint32_t count = host->claims_count, kept = 0;

    memcpy(all, host->claims, count * sizeof(*all));
    for (uint32_t i = 0; i < count; i++) {
        const struct claim *winner =
            all[i].kind == PATH_PREFIX ? find_leaf(all, count, all[i].path) : NULL;

        if (winner != NULL)
            tell_loser(host, &all[i], winner);
        else
            host->claims[kept++] = all[i];
    }
    host->claims_count = kept;
}

/* Sorted by place; of those that want the same place the first stays. */
static void settle(struct host_pass *host)
{
    uint32_t kept = 0;

    if (host->claims_count > 1)
        qsort(host->claims, host->claims_count, sizeof(struct claim), compare_claims);
    for (uint32_t i = 0; i < host->claims_count; i++) {
        const struct claim *claim = &host->claims[i];

        if (kept > 0 && compare_places(&host->claims[kept - 1], claim) == 0)
            tell_loser(host, claim, &host->claims[kept - 1]);
        else
            host->claims[kept++] = *claim;
    }
    host->claims_count = kept;
    if (host->tree.leaves_count > 0)
        settle_prefixes(host);
}

void claims_gather(struct host_pass *host)
{
    const struct contributors *rules = &host->node->rules;

    host->claims_count = 0;
    host->claims = arena_alloc(host->pass->scratch,
                               ((size_t)count_paths(rules) + host->tree.leaves_count + 1) *
                                   sizeof(struct claim));
    add_leaves(host);
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct contributor *from = &rules->list[i];

        if (!host_serves(host, host->origins[i]))
            continue;
        for (uint32_t j = 0; j < rule_of(from)->paths_count; j++)
            add_claim(host, host->origins[i], from->index, j);
    }
    settle(host);
}
