/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - the driver: takes batches in and runs the parts over what they make dirty.
 *
 *     apply: files -> cache -> changes (changes.c) -> dirty hosts and Services
 *     run:   hosts (host.c) -> clusters (clusters.c) -> certificates -> statuses (statuses.c) ->
 *            findings (emit.c) -> table
 */
#include "controller/compile/backends.h"
#include "controller/compile/compile_parts.h"
#include "controller/compile/foreign.h"
#include "controller/compile/ingress.h"
#include "controller/compile/ingress_route.h"
#include "controller/compile/pass.h"

#include <stdlib.h>

static struct compiler *create(const struct compile_options *options, struct cache *cache,
                               struct emit *files, const struct map *known)
{
    struct compiler *compiler = mem_new(struct compiler);

    compiler->options = options;
    compiler->cache = cache;
    compiler->files = files;
    dag_init(&compiler->dag, known);
    emit_init(&compiler->emit);
    arena_init(&compiler->scratch, 16384);
    served_list_init(&compiler->served);
    class_rules_init(&compiler->classes, cache, options);
    if (options->default_certificate.len > 0)
        dag_mark_host(&compiler->dag, compiler->dag.default_tls);
    return compiler;
}

struct compiler *compiler_create(const struct compile_options *options)
{
    struct emit *files = mem_new(struct emit);

    emit_init(files);
    return create(options, cache_create(), files, NULL);
}

void compiler_destroy(struct compiler *compiler)
{
    dag_fini(&compiler->dag);
    emit_fini(&compiler->emit);
    arena_fini(&compiler->scratch);
    served_list_fini(&compiler->served);
    mem_free(compiler->uses.uses);
    mem_free(compiler->secrets.uses);
    mem_free(compiler->visits.visits);
    mem_free(compiler->names);
    if (compiler->table != NULL)
        table_unref(compiler->table);
    if (!compiler->is_guest) {
        cache_destroy(compiler->cache);
        emit_fini(compiler->files);
        mem_free(compiler->files);
    }
    mem_free(compiler);
}

/* The line stands in the location; the column, where known, in the text. */
static void tell_note(struct compiler *compiler, struct findings *findings, struct bytes path,
                      const struct decode_note *note)
{
    struct bytes text = note->text;

    if (note->column > 0)
        text = plain_printf(&compiler->scratch, "column %u: %.*s", note->column,
                            BYTES_ARG(note->text));
    findings_add_located(findings, note->is_error,
                         plain_printf(&compiler->scratch, "%.*s:%u", BYTES_ARG(path), note->line),
                         note->object, text);
}

static void take_notes(struct compiler *compiler, const struct source_file *file)
{
    struct findings findings;

    arena_reset(&compiler->scratch);
    findings_init(&findings, &compiler->scratch);
    for (size_t i = 0; i < file->decoded.notes_count; i++)
        tell_note(compiler, &findings, file->path, &file->decoded.notes[i]);
    emit_replace_keyed(compiler->files, file->path, &findings);
}

static void take_file(struct compiler *compiler, struct source_file *file)
{
    struct cache_change *changes = NULL;
    size_t count = 0;

    take_notes(compiler, file);
    if (!file->is_gone && file->decoded.is_broken)
        return; /* its last good objects stay */
    cache_replace_file(compiler->cache, file->path, file->decoded.objects,
                       file->is_gone ? 0 : file->decoded.objects_count, &changes, &count);
    for (size_t i = 0; i < count; i++)
        change_take(compiler, &changes[i]);
    cache_changes_free(changes, count);
}

/* No line of a file says which of two groups is meant. */
static struct bytes change_title(struct compiler *compiler, const struct source_change *change)
{
    const char *kind = object_kind_name(change->kind), *group = object_kind_group(change->kind);

    if (change->ns.len == 0)
        return plain_printf(&compiler->scratch, "%s %.*s", kind, BYTES_ARG(change->name));
    if (group != NULL)
        return plain_printf(&compiler->scratch, "%s %.*s/%.*s (%s)", kind, BYTES_ARG(change->ns),
                            BYTES_ARG(change->name), group);
    return plain_printf(&compiler->scratch, "%s %.*s/%.*s", kind, BYTES_ARG(change->ns),
                        BYTES_ARG(change->name));
}

/* An object that cannot be read serves nothing, and is told: an older state of it is not what the
 * API server has. */
static void tell_fault(struct compiler *compiler, const struct source_change *change)
{
    struct findings findings;
    struct bytes title;

    arena_reset(&compiler->scratch);
    findings_init(&findings, &compiler->scratch);
    title = change_title(compiler, change);
    if (change->fault.len > 0)
        findings_add_located(&findings, true, BYTES_NONE, title, change->fault);
    emit_replace_keyed(compiler->files, title, &findings);
}

static void take_served(struct compiler *compiler, struct source_change *change)
{
    struct cache_change *changes = NULL;
    size_t count = 0;

    tell_fault(compiler, change);
    if (change->object != NULL)
        cache_put(compiler->cache, change->object, &changes, &count);
    else
        cache_remove(compiler->cache, change->kind, change->ns, change->name, &changes, &count);
    for (size_t i = 0; i < count; i++)
        change_take(compiler, &changes[i]);
    cache_changes_free(changes, count);
}

void compiler_apply(struct compiler *compiler, struct source_batch *batch)
{
    for (size_t i = 0; i < batch->files_count; i++)
        take_file(compiler, &batch->files[i]);
    for (size_t i = 0; i < batch->changes_count; i++)
        take_served(compiler, &batch->changes[i]);
    compiler->is_touched = true;
}

void compiler_resolved(struct compiler *compiler, const struct resolved_name *name)
{
    (void)dag_resolve(&compiler->dag, name->name, name->addresses, name->addresses_count);
}

/* Another set of IngressClasses may move any Ingress or IngressRoute in or out. Rare, so simple:
 * all anew. */
static void take_all_classed(struct compiler *compiler)
{
    const struct object *object;
    size_t at = 0;

    class_rules_init(&compiler->classes, compiler->cache, compiler->options);
    dag_clear_contributors(&compiler->dag);
    while ((object = cache_next(compiler->cache, OBJECT_INGRESS, &at)) != NULL) {
        arena_reset(&compiler->scratch);
        change_ingress(compiler, NULL, as_ingress(object));
    }
    for (at = 0; (object = cache_next(compiler->cache, OBJECT_INGRESS_ROUTE, &at)) != NULL;) {
        arena_reset(&compiler->scratch);
        change_ingress_route(compiler, NULL, as_ingress_route(object));
    }
    compiler->classes_changed = false;
    compiler->foreign_changed = true;
}

static void compile_hosts(struct pass *pass)
{
    struct list *link;

    while ((link = list_first(&pass->dag->dirty_hosts)) != NULL)
        host_compile(pass, LIST_ENTRY(link, struct host_node, dirty));
}

static void compile_services(struct pass *pass)
{
    struct list *link;

    while ((link = list_first(&pass->dag->dirty_services)) != NULL)
        service_compile(pass, LIST_ENTRY(link, struct service_node, dirty));
    dag_forget_unused_externals(pass->dag);
}

/* Findings name lines, so a file that only moved its objects changes them too. */
static void write_findings(struct compiler *compiler, struct builder *builder)
{
    if (!compiler->is_touched && !compiler->emit.is_changed && !compiler->files->is_changed)
        return;
    arena_reset(&compiler->scratch);
    emit_write(&compiler->emit, compiler->files, compiler->cache, builder, &compiler->scratch);
    if (!compiler->is_guest)
        compiler->files->is_changed = false;
    compiler->is_touched = false;
}

static void build(struct compiler *compiler, struct builder *builder)
{
    struct pass pass = {.cache = compiler->cache,
                        .options = compiler->options,
                        .dag = &compiler->dag,
                        .emit = &compiler->emit,
                        .builder = builder,
                        .scratch = &compiler->scratch,
                        .uses = compiler->uses,
                        .secrets = compiler->secrets,
                        .visits = compiler->visits,
                        .classes = &compiler->classes,
                        .now_s = compiler->now_s};

    if (compiler->classes_changed)
        take_all_classed(compiler);
    compile_hosts(&pass);
    compile_services(&pass);
    certificates_settle(&pass);
    statuses_settle(&pass);
    if (compiler->foreign_changed)
        foreign_write(&pass);
    compiler->foreign_changed = false;
    write_findings(compiler, builder);
    compiler->uses = pass.uses;
    compiler->secrets = pass.secrets;
    compiler->visits = pass.visits;
    compiler->hosts_compiled = pass.hosts_compiled;
    compiler->clusters_compiled = pass.clusters_compiled;
}

struct table *compiler_run(struct compiler *compiler, int64_t now_s)
{
    struct builder *builder = builder_create(compiler->table);

    compiler->now_s = now_s;
    served_list_begin_run(&compiler->served);
    build(compiler, builder);
    served_list_end_run(&compiler->served);
    if (compiler->table != NULL && !builder_is_changed(builder)) {
        builder_destroy(builder);
        return NULL;
    }
    if (compiler->table != NULL)
        table_unref(compiler->table);
    compiler->table = builder_finish(builder);
    return table_ref(compiler->table);
}

static void take_delegations(struct compiler *compiler, enum object_kind kind)
{
    const struct object *object;
    size_t at = 0;

    while ((object = cache_next(compiler->cache, kind, &at)) != NULL)
        change_delegation(compiler, NULL, as_tls_delegation(object));
}

static void take_endpoints(struct compiler *guest, const struct object *object)
{
    arena_reset(&guest->scratch);
    change_endpoints(guest, NULL, as_endpoints(object));
}

struct table *compiler_run_fresh(const struct compiler *compiler)
{
    struct compiler *guest =
        create(compiler->options, compiler->cache, compiler->files, &compiler->dag.externals);
    const struct object *object;
    struct table *table;
    size_t at = 0;

    guest->is_guest = true;
    guest->classes_changed = true;
    guest->is_touched = true;
    while ((object = cache_next(guest->cache, OBJECT_SERVICE, &at)) != NULL) {
        arena_reset(&guest->scratch);
        change_service(guest, NULL, as_service(object));
    }
    take_delegations(guest, OBJECT_TLS_DELEGATION);
    take_delegations(guest, OBJECT_PROJECTCONTOUR_TLS_DELEGATION);
    for (at = 0; (object = cache_next(guest->cache, OBJECT_ENDPOINT_SLICE, &at)) != NULL;)
        take_endpoints(guest, object);
    for (at = 0; (object = cache_next(guest->cache, OBJECT_ENDPOINTS, &at)) != NULL;)
        take_endpoints(guest, object);
    table = compiler_run(guest, compiler->now_s);
    compiler_destroy(guest);
    return table;
}

static int compare_names(const void *a, const void *b)
{
    const struct bytes *left = a, *right = b;

    return bytes_compare(*left, *right);
}

const struct bytes *compiler_external_names(struct compiler *compiler, size_t *count)
{
    const struct external *external;
    size_t at = 0;

    *count = compiler->names_count;
    if (!compiler->dag.externals_changed)
        return compiler->names;
    compiler->names_count = 0;
    compiler->names =
        mem_resize(compiler->names, (compiler->dag.externals.count + 1) * sizeof(struct bytes));
    while ((external = map_next(&compiler->dag.externals, &at)) != NULL)
        compiler->names[compiler->names_count++] = external->name;
    if (compiler->names_count > 1)
        qsort(compiler->names, compiler->names_count, sizeof(struct bytes), compare_names);
    compiler->dag.externals_changed = false;
    *count = compiler->names_count;
    return compiler->names;
}

const struct served_ingress *compiler_served_ingresses(const struct compiler *compiler,
                                                       size_t *count)
{
    *count = compiler->served.count;
    return compiler->served.list;
}

bool compiler_is_note(const struct compiler *compiler, const struct finding *finding)
{
    return emit_is_about_file(compiler->files, finding);
}

void compiler_stats(const struct compiler *compiler, struct compile_stats *stats)
{
    stats->hosts_compiled = compiler->hosts_compiled;
    stats->clusters_compiled = compiler->clusters_compiled;
    for (int kind = 0; kind < OBJECT_KINDS_COUNT; kind++)
        stats->objects[kind] = cache_count(compiler->cache, (enum object_kind)kind);
    stats->errors = compiler->emit.errors;
    stats->warnings = compiler->emit.warnings;
    stats->findings_left_out = compiler->emit.left_out;
}
