/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served.c - lists, events and failures of an API server.
 *
 *     text -> json_t -> items, each by its kind's own decoder -> objects, and what stands beside
 * them
 *
 * resourceVersion, uid and status stay beside the object, for they change without anything that is
 * served changing: an update of them alone must not look like a change (object_is_same()).
 */
#include "controller/object/served.h"

#include "controller/object/kind.h"
#include "controller/object/metadata.h"
#include "controller/object/published.h"
#include "controller/object/record_item.h"
#include "controller/object/whereabouts.h"

#define LOOSE_CHUNK_BYTES 4096
#define ENDS_LISTING      "k8s.io/initial-events-end"

static struct bytes text_of(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    return bytes_from(json_string_value(value), json_string_length(value));
}

static struct bytes copy_of(const json_t *json, const char *key, struct arena *arena)
{
    return arena_copy(arena, text_of(json, key));
}

/* The reading of one item. */
struct reading {
    enum object_kind kind;
    struct bytes api_version;
    struct arena *arena;
    const struct served_record *record; /* or NULL */
};

static void decode(const struct reading *reading, const json_t *json, struct served_item *item)
{
    const struct kind *kind = kind_of(reading->kind);
    struct decoded decoded = {0};
    struct lines lines;
    struct arena loose_arena;
    struct decoding decoding = {.decoded = &decoded,
                                .lines = &lines,
                                .arena = &loose_arena,
                                .hides_values = kind->is_secret};
    struct node root = node_root(&decoding, json);
    struct object *loose;

    lines_init(&lines);
    arena_init(&decoded.arena, 256);
    arena_init(&loose_arena, LOOSE_CHUNK_BYTES);
    loose = arena_zeroed(&loose_arena, kind->size);
    loose->kind = reading->kind;
    metadata_decode(&root, kind->is_cluster_wide, loose);
    kind->decode(&root, reading->api_version, loose);
    if (decoding.has_failed)
        item->fault = arena_copy(reading->arena, decoding.fault);
    item->object = kind_pack(kind, &decoding, loose);
    if (kind->is_secret)
        secret_wipe((const struct secret *)loose);
    arena_fini(&loose_arena);
    decoded_fini(&decoded);
    lines_fini(&lines);
}

static void gather(const json_t *list, const char *key, struct bytes *addresses, size_t *count)
{
    for (size_t i = 0; i < json_array_size(list) && *count < PUBLISHED_MAX; i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *value = key == NULL ? item : json_object_get(item, key);

        if (json_string_length(value) > 0)
            addresses[(*count)++] = bytes_from(json_string_value(value), json_string_length(value));
    }
}

/* Where an Ingress says that it is reached; where a Service is. */
static struct bytes addresses_of(const json_t *json, struct arena *arena)
{
    const json_t *balancer = json_object_get(json_object_get(json, "status"), "loadBalancer");
    const json_t *list = json_object_get(balancer, "ingress");
    struct bytes addresses[PUBLISHED_MAX], written;
    size_t count = 0;
    struct text text;

    gather(list, "ip", addresses, &count);
    gather(list, "hostname", addresses, &count);
    gather(json_object_get(json_object_get(json, "spec"), "externalIPs"), NULL, addresses, &count);
    if (count == 0)
        return BYTES_NONE;
    text_init(&text);
    published_write(addresses, count, &text);
    written = arena_copy(arena, text_bytes(&text));
    text_fini(&text);
    return written;
}

/* Afterwards the tree lacks what is not recorded. */
static void read_item(const struct reading *reading, json_t *json, bool is_deleted,
                      struct served_item *item)
{
    const json_t *metadata = json_object_get(json, "metadata");
    const json_t *status = json_object_get(json, "status");

    *item = (struct served_item){0};
    item->ns = copy_of(metadata, "namespace", reading->arena);
    item->name = copy_of(metadata, "name", reading->arena);
    item->uid = copy_of(metadata, "uid", reading->arena);
    item->resource_version = copy_of(metadata, "resourceVersion", reading->arena);
    if (reading->kind == OBJECT_INGRESS_ROUTE) {
        item->current_status = copy_of(status, "currentStatus", reading->arena);
        item->status_description = copy_of(status, "description", reading->arena);
    }
    if (reading->kind == OBJECT_INGRESS || reading->kind == OBJECT_SERVICE)
        item->current_status = addresses_of(json, reading->arena);
    if (reading->kind == OBJECT_POD || reading->kind == OBJECT_NODE)
        item->current_status = whereabouts_read(reading->kind, json, reading->arena);
    else if (json_is_object(json))
        decode(reading, json, item);
    else
        item->fault = BYTES("is no object");
    if (reading->record != NULL)
        record_item(reading->record->out, reading->record->list, reading->kind, json, is_deleted);
}

/* A Secret's values do not outlive their reading. */
static void drop(const struct reading *reading, json_t *json)
{
    if (reading->kind == OBJECT_SECRET)
        secret_wipe_tree(json);
    json_decref(json);
}

static json_t *parse(struct bytes text)
{
    json_error_t error;

    return json_loadb(text.at, text.len, 0, &error);
}

/* The items have been cut out. A list of a server without any may have null for them. */
static bool has_had_items(const json_t *root)
{
    const json_t *items = json_object_get(root, "items");

    return json_is_null(items) || (json_is_array(items) && json_array_size(items) == 0);
}

enum status served_read_page(struct bytes head, struct arena *arena, struct served_page *page)
{
    json_t *root = parse(head);
    const json_t *metadata = json_object_get(root, "metadata");
    struct served_page read;

    read.resource_version = copy_of(metadata, "resourceVersion", arena);
    read.next = copy_of(metadata, "continue", arena);
    if (!has_had_items(root) || read.resource_version.len == 0 ||
        bytes_equal(read.resource_version, BYTES("0"))) {
        json_decref(root); /* nothing could be watched from it */
        return STATUS_INVALID;
    }
    json_decref(root);
    *page = read;
    return STATUS_OK;
}

enum status served_read_item(struct bytes line, enum object_kind kind, struct bytes api_version,
                             struct arena *arena, const struct served_record *record,
                             struct served_item *item)
{
    const struct reading reading = {kind, api_version, arena, record};
    json_error_t error;
    json_t *root = json_loadb(line.at, line.len, JSON_DECODE_ANY, &error);

    if (root == NULL)
        return STATUS_INVALID;
    read_item(&reading, root, false, item);
    drop(&reading, root);
    return STATUS_OK;
}

static bool has_cause(const json_t *details, const char *wanted)
{
    const json_t *causes = json_object_get(details, "causes");

    for (size_t i = 0; i < json_array_size(causes); i++) {
        if (bytes_equal(text_of(json_array_get(causes, i), "reason"), bytes_of(wanted)))
            return true;
    }
    return false;
}

static void read_failure(const json_t *status, struct arena *arena, struct served_failure *failure)
{
    const json_t *details = json_object_get(status, "details");
    json_int_t retry = json_integer_value(json_object_get(details, "retryAfterSeconds"));
    json_int_t code = json_integer_value(json_object_get(status, "code"));

    *failure = (struct served_failure){
        .code = code > 0 && code < 1000 ? (int)code : 0,
        .reason = copy_of(status, "reason", arena),
        .message = copy_of(status, "message", arena),
        .is_too_large = has_cause(details, "ResourceVersionTooLarge"),
        .is_going = has_cause(details, "NamespaceTerminating"),
        .retry_after_s = retry > 0 && retry < 3600 ? (uint32_t)retry : 0,
    };
}

void served_read_failure(struct bytes text, struct arena *arena, struct served_failure *failure)
{
    json_t *root = parse(text);

    read_failure(root, arena, failure);
    json_decref(root);
}

enum status served_find_resource(struct bytes text, struct bytes name, bool *is_there)
{
    json_t *root = parse(text);
    const json_t *list = json_object_get(root, "resources");
    bool is_list = json_is_array(list), is_found = false;

    for (size_t i = 0; i < json_array_size(list) && !is_found; i++)
        is_found = bytes_equal(text_of(json_array_get(list, i), "name"), name);
    json_decref(root);
    if (!is_list)
        return STATUS_INVALID;
    *is_there = is_found;
    return STATUS_OK;
}

static enum served_type type_of(struct bytes type)
{
    if (bytes_equal(type, BYTES("ADDED")) || bytes_equal(type, BYTES("MODIFIED")))
        return SERVED_CHANGED;
    if (bytes_equal(type, BYTES("DELETED")))
        return SERVED_DELETED;
    if (bytes_equal(type, BYTES("BOOKMARK")))
        return SERVED_BOOKMARK;
    return bytes_equal(type, BYTES("ERROR")) ? SERVED_FAILED : SERVED_UNKNOWN;
}

static void read_bookmark(const json_t *object, struct arena *arena, struct served_event *event)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const json_t *annotations = json_object_get(metadata, "annotations");

    event->item.resource_version = copy_of(metadata, "resourceVersion", arena);
    event->ends_listing = bytes_equal(text_of(annotations, ENDS_LISTING), BYTES("true"));
}

enum status served_read_event(struct bytes line, enum object_kind kind, struct bytes api_version,
                              struct arena *arena, const struct served_record *record,
                              struct served_event *event)
{
    const struct reading reading = {kind, api_version, arena, record};
    json_t *root = parse(line);
    json_t *object = json_object_get(root, "object");

    *event = (struct served_event){0};
    if (!json_is_string(json_object_get(root, "type")) || !json_is_object(object)) {
        json_decref(root);
        return STATUS_INVALID;
    }
    event->type = type_of(text_of(root, "type"));
    switch (event->type) {
    case SERVED_CHANGED:
    case SERVED_DELETED:
        read_item(&reading, object, event->type == SERVED_DELETED, &event->item);
        break;
    case SERVED_BOOKMARK:
        read_bookmark(object, arena, event);
        break;
    case SERVED_FAILED:
        read_failure(object, arena, &event->failure);
        break;
    case SERVED_UNKNOWN:
        break;
    }
    drop(&reading, root);
    return STATUS_OK;
}
