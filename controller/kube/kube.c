/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube.c - all that is followed on an API server, as one source.
 *
 *     follow, follow, ... -> changes -> batch -> owner, once every kind has been listed
 *
 * Events of one answer go as one batch; what comes while the compiler runs goes into its next turn
 * together anyway.
 */
#include "controller/kube/kube.h"

#include "controller/kube/kube_parts.h"
#include "core/check.h"

/* ---- statuses ---- */

bool kube_status(const struct kube *kube, enum object_kind kind, struct bytes ns, struct bytes name,
                 struct kube_status *status)
{
    return statuses_get(&kube->statuses, kind, ns, name, status);
}

static bool is_published(const struct kube *kube, const struct served_item *item)
{
    return bytes_equal(item->ns, kube->config.published_ns) &&
           bytes_equal(item->name, kube->config.published_name);
}

/* Of Services, one is asked for. */
static void note_status(struct kube *kube, enum object_kind kind, const struct served_item *item,
                        bool is_gone)
{
    if (kind == OBJECT_INGRESS_ROUTE || kind == OBJECT_INGRESS ||
        (kind == OBJECT_SERVICE && is_published(kube, item)))
        statuses_note(&kube->statuses, kind, item, is_gone);
}

/* ---- changes ---- */

struct source_batch *kube_batch(struct kube *kube)
{
    if (kube->batch == NULL) {
        kube->batch = mem_new(struct source_batch);
        arena_init(&kube->batch->arena, 4096);
    }
    return kube->batch;
}

static void add_change(struct kube *kube, enum object_kind kind, const struct served_item *item,
                       bool is_gone)
{
    struct source_batch *batch;
    struct source_change *change;

    batch = kube_batch(kube);
    if ((batch->changes_count & (batch->changes_count - 1)) == 0)
        batch->changes =
            mem_resize(batch->changes, (batch->changes_count * 2 + 1) * sizeof(batch->changes[0]));
    change = &batch->changes[batch->changes_count++];
    *change = (struct source_change){.kind = kind,
                                     .ns = arena_copy(&batch->arena, item->ns),
                                     .name = arena_copy(&batch->arena, item->name)};
    if (is_gone)
        return;
    change->fault = arena_copy(&batch->arena, item->fault);
    if (item->object != NULL)
        change->object = object_ref(item->object);
}

/*
 * A Secret that is deleted and made anew with another type stands in two lists until the watch of
 * the old type says that it went, and nobody says which of the two watches is behind. So each list
 * keeps what it has; when one loses the name, what the other has is told again, and that is what
 * the API server has. Until then the younger one counts, and of two of one second the one that
 * came last.
 */
static bool sibling_has(const struct kube *kube, const struct follow *follow,
                        const struct served_item *item, struct object **object)
{
    for (size_t i = 0; i < kube->follows_count; i++) {
        struct follow *other = kube->follows[i];

        if (other != follow && follow_what(other)->kind == follow_what(follow)->kind &&
            follow_knows(other, item->ns, item->name, object))
            return true;
    }
    return false;
}

static bool gives_way(const struct served_item *item, enum follow_event event,
                      const struct object *other)
{
    if (item->object == NULL || other == NULL || item->object->created_s == other->created_s)
        return event == FOLLOW_CHANGED;
    return item->object->created_s < other->created_s;
}

static void tell_again(struct kube *kube, enum object_kind kind, const struct served_item *item,
                       struct object *object)
{
    const struct served_item again = {.object = object,
                                      .ns = item->ns,
                                      .name = item->name,
                                      .fault =
                                          object == NULL ? BYTES("cannot be read") : BYTES_NONE};

    add_change(kube, kind, &again, false);
}

static void on_change(void *context, struct follow *follow, const struct served_item *item,
                      enum follow_event event)
{
    struct kube *kube = context;
    const struct followed *what = follow_what(follow);
    struct object *other;

    if (follow_is_aside(follow)) {
        pod_nodes_note(&kube->pod_nodes, what->kind, item, event == FOLLOW_WENT);
        return;
    }
    note_status(kube, what->kind, item, event == FOLLOW_WENT);
    if (!what->has_sibling || !sibling_has(kube, follow, item, &other))
        add_change(kube, what->kind, item, event == FOLLOW_WENT);
    else if (event == FOLLOW_WENT)
        tell_again(kube, what->kind, item, other);
    else if (!gives_way(item, event, other))
        add_change(kube, what->kind, item, false);
}

static void open_follow(struct kube *kube, const struct followed *what, struct bytes ns);

static void open_for_all(struct kube *kube, const struct followed *what)
{
    size_t count = what->is_cluster_wide ? 0 : kube->config.watch_namespaces_count;

    if (count == 0)
        open_follow(kube, what, BYTES_NONE);
    for (size_t i = 0; i < count; i++)
        open_follow(kube, what, kube->config.watch_namespaces[i]);
}

bool kube_follows_kind(const struct kube *kube, enum object_kind kind)
{
    for (size_t i = 0; i < kube->follows_count; i++) {
        if (follow_what(kube->follows[i])->kind == kind)
            return true;
    }
    return false;
}

void kube_progress(const struct kube *kube, struct kube_progress *progress)
{
    *progress = (struct kube_progress){0};
    for (size_t i = 0; i < kube->follows_count; i++) {
        enum reflector_trouble trouble = follow_trouble(kube->follows[i]);

        if (follow_is_aside(kube->follows[i]))
            continue;
        progress->lists++;
        if (follow_is_synced(kube->follows[i]))
            progress->read++;
        else if (trouble == TROUBLE_FORBIDDEN || trouble == TROUBLE_ABSENT)
            progress->refused++;
    }
}

/* Half of them would be another half later: pods and nodes must both have come once. */
static void tell_node_addresses(struct kube *kube)
{
    for (size_t i = 0; i < kube->follows_count; i++) {
        if (follow_is_aside(kube->follows[i]) && !follow_is_synced(kube->follows[i]))
            return;
    }
    if (pod_nodes_gather(&kube->pod_nodes) && kube->config.on_node_addresses != NULL)
        kube->config.on_node_addresses(kube->config.context);
}

struct bytes kube_node_addresses(const struct kube *kube, size_t *left_out)
{
    *left_out = kube->pod_nodes.left_out;
    return text_bytes(&kube->pod_nodes.addresses);
}

static void on_told(void *context, struct follow *follow)
{
    struct kube *kube = context;

    if (follow_is_aside(follow)) {
        tell_node_addresses(kube);
        return;
    }
    if (follow_what(follow)->kind == OBJECT_ENDPOINT_SLICE && follow_is_absent(follow) &&
        !kube_follows_kind(kube, OBJECT_ENDPOINTS))
        open_for_all(kube, &kube_endpoints);
    kube_give_batch(kube);
}

static void open_follow(struct kube *kube, const struct followed *what, struct bytes ns)
{
    struct snapshot *snapshot = followed_is_aside(what) ? NULL : kube->snapshot;
    const struct follow_config config = {
        .loop = kube->config.loop,
        .log = kube->config.log,
        .api = kube->config.api,
        .snapshot = snapshot,
        .awaits_seed = snapshot != NULL && !kube->is_snapshot_asked,
        .what = what,
        .ns = ns,
        .seed = kube->seed += 0x9e3779b97f4a7c15u,
        .on_change = on_change,
        .on_told = on_told,
        .context = kube,
    };

    kube->follows = mem_resize(kube->follows, (kube->follows_count + 1) * sizeof(kube->follows[0]));
    kube->follows[kube->follows_count++] = follow_open(&config);
    kube->open_count++;
}

/* ---- for the owner ---- */

static bool is_watched(const struct kube_config *config, struct bytes ns)
{
    for (size_t i = 0; i < config->watch_namespaces_count; i++) {
        if (bytes_equal(config->watch_namespaces[i], ns))
            return true;
    }
    return config->watch_namespaces_count == 0;
}

static void open_pod_nodes(struct kube *kube)
{
    text_add_str(&kube->pod_selector, "labelSelector=");
    text_add_percent(&kube->pod_selector, kube->config.pod_labels);
    text_add_byte(&kube->pod_selector, '\0');
    kube->pods = kube_pods;
    kube->pods.selector = kube->pod_selector.at;
    open_follow(kube, &kube->pods, api_namespace(kube->config.api));
    open_follow(kube, &kube_nodes, BYTES_NONE);
}

static void relist(void *context)
{
    struct kube *kube = context;

    for (size_t i = 0; i < kube->follows_count && !kube_is_closing(kube); i++) {
        if (!follow_is_aside(kube->follows[i]))
            follow_relist(kube->follows[i]);
    }
}

static enum status open_snapshot(struct kube *kube)
{
    struct snapshot_config config = {.loop = kube->config.loop,
                                     .log = kube->config.log,
                                     .path = kube->config.snapshot,
                                     .bytes_max = kube->config.snapshot_bytes_max,
                                     .relist = relist,
                                     .context = kube};
    struct text server;
    enum status status;

    if (config.path == NULL)
        return STATUS_OK;
    text_init(&server);
    api_add_server(kube->config.api, &server);
    config.server = text_bytes(&server);
    status = snapshot_open(&kube->snapshot, &config);
    text_fini(&server);
    return status;
}

enum status kube_open(struct kube **result, const struct kube_config *config)
{
    struct kube *kube = mem_new(struct kube);
    enum status status;

    kube->config = *config;
    status = open_snapshot(kube);
    if (status != STATUS_OK) {
        mem_free(kube);
        return status;
    }
    statuses_init(&kube->statuses);
    pod_nodes_init(&kube->pod_nodes);
    text_init(&kube->pod_selector);
    CHECK(uv_random(NULL, NULL, &kube->seed, sizeof(kube->seed), 0, NULL) == 0);
    kube_start_waiting(kube);
    for (size_t i = 0; i < KUBE_LISTS_COUNT; i++)
        open_for_all(kube, &kube_lists[i]);
    if (config->published_ns.len > 0 && !is_watched(config, config->published_ns))
        open_follow(kube, &kube_services, config->published_ns);
    if (config->pod_labels.len > 0)
        open_pod_nodes(kube);
    *result = kube;
    return STATUS_OK;
}

static void kube_destroy(struct kube *kube)
{
    source_closed_fn *on_closed = kube->on_closed;
    void *context = kube->closed_context;

    statuses_fini(&kube->statuses);
    pod_nodes_fini(&kube->pod_nodes);
    text_fini(&kube->pod_selector);
    source_batch_destroy(kube->batch);
    mem_free(kube->follows);
    mem_free(kube);
    on_closed(context);
}

static void on_snapshot_closed(void *context)
{
    kube_destroy(context);
}

/* The follows have told it all by then. */
static void part_closed(void *context)
{
    struct kube *kube = context;

    CHECK(kube->open_count > 0);
    if (--kube->open_count > 0)
        return;
    if (kube->snapshot != NULL)
        snapshot_close(kube->snapshot, on_snapshot_closed, kube);
    else
        kube_destroy(kube);
}

static void on_wait_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void kube_close(struct kube *kube, source_closed_fn *on_closed, void *context)
{
    size_t count = kube->follows_count;

    kube->on_closed = on_closed;
    kube->closed_context = context;
    for (size_t i = 0; i < count; i++)
        follow_close(kube->follows[i], part_closed, kube);
    uv_close((uv_handle_t *)&kube->wait, on_wait_closed);
}

static void close_source(void *self, source_closed_fn *on_closed, void *context)
{
    kube_close(self, on_closed, context);
}

static void add_detail(const void *self, struct text *out)
{
    const struct kube *kube = self;

    kube_add_snapshot_detail(kube, out);
    for (size_t i = 0; i < kube->follows_count; i++) {
        size_t before = out->len;

        follow_add_detail(kube->follows[i], out);
        if (out->len > before)
            text_add_byte(out, '\n');
    }
}

static void write_metrics(const void *self, struct text *out)
{
    kube_write_metrics(self, out);
}

struct source kube_source(struct kube *kube)
{
    static const struct source_ops ops = {
        .write_metrics = write_metrics,
        .add_detail = add_detail,
        .close = close_source,
    };

    return (struct source){&ops, kube};
}
