/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_foreign.c - the objects that name the host of an explanation and are not ours.
 *
 * Most often that is why a host is not served: the class is missing, or another one.
 */
#include "route/explain_parts.h"
#include "route/hints.h"
#include "route/words.h"

#define FOREIGN_SHOWN_MAX 5

/* The first whose host is not before this one. */
static size_t first_of(const struct table *table, struct bytes host)
{
    size_t low = 0, high = table_foreign_hosts_count(table);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_compare(table_foreign_host(table, middle)->host, host) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_one(struct explainer *explainer, const struct foreign_host *foreign)
{
    struct text *out = explainer->out;

    hints_add_label(out, "not ours");
    words_add_text(out, foreign->object);
    if (bytes_equal(foreign->host, BYTES("*"))) {
        text_add_str(out, " has rules for all hosts: it ");
    } else if (bytes_equal(foreign->host, explainer->host)) {
        text_add_str(out, " names this host: it ");
    } else {
        text_add_str(out, " names ");
        words_add_text(out, foreign->host);
        text_add_str(out, ": it ");
    }
    words_add_text(out, foreign->why);
    text_add_byte(out, '\n');
}

/* An object may name a host in several rules. */
static bool is_same(const struct foreign_host *a, const struct foreign_host *b)
{
    return bytes_equal(a->object, b->object) && bytes_equal(a->host, b->host);
}

static size_t add_all(struct explainer *explainer, struct bytes host)
{
    const struct table *table = explainer->table;
    size_t shown = 0, first = first_of(table, host);

    for (size_t i = first; i < table_foreign_hosts_count(table); i++) {
        const struct foreign_host *foreign = table_foreign_host(table, i);

        if (!bytes_equal(foreign->host, host))
            break;
        if (i > first && is_same(foreign, table_foreign_host(table, i - 1)))
            continue;
        if (foreign->is_unwatched)
            explainer->is_unwatched = true;
        else
            explainer->is_of_other_class = true;
        if (shown++ < FOREIGN_SHOWN_MAX)
            add_one(explainer, foreign);
    }
    if (shown > FOREIGN_SHOWN_MAX) {
        hints_add_label(explainer->out, "not ours");
        words_add_count(explainer->out, shown - FOREIGN_SHOWN_MAX, "more object");
        text_add_byte(explainer->out, '\n');
    }
    return shown;
}

static size_t add_wildcard(struct explainer *explainer)
{
    size_t dot = bytes_find(explainer->host, '.');
    struct bytes parent = bytes_skip(explainer->host, dot);
    char *room;

    if (dot == BYTES_NOT_FOUND || dot == 0)
        return 0;
    room = arena_alloc(&explainer->arena, parent.len + 1);
    room[0] = '*';
    memcpy(room + 1, parent.at, parent.len);
    return add_all(explainer, bytes_from(room, parent.len + 1));
}

bool explain_names_foreign(const struct explainer *explainer)
{
    return explainer->is_unwatched || explainer->is_of_other_class;
}

void explain_add_foreign(struct explainer *explainer)
{
    uint64_t left_out = table_foreign_hosts_left_out(explainer->table);

    if (add_all(explainer, explainer->host) + add_wildcard(explainer) > 0 ||
        add_all(explainer, BYTES("*")) > 0 || left_out == 0)
        return;
    hints_add_label(explainer->out, "not ours");
    words_add_count(explainer->out, left_out, "host");
    text_printf(explainer->out,
                " that objects name which are not ours, and maybe this one, are not known here: "
                "there are %d others (FOREIGN_HOSTS_MAX)\n",
                FOREIGN_HOSTS_MAX);
}

void explain_add_foreign_hints(struct explainer *explainer)
{
    if (explainer->is_of_other_class)
        explain_add_fact(
            explainer, "hint",
            "name a class that is ours there (spec.ingressClassName of an Ingress, annotation "
            "kubernetes.io/ingress.class of an IngressRoute), or serve its class: --ingress-class");
    if (explainer->is_unwatched)
        explain_add_fact(explainer, "hint", "take its namespace into --watch-namespaces");
}
