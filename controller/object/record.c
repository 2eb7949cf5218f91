/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - lines of a snapshot, written and read.
 */
#include "controller/object/record.h"

#include "controller/object/kind.h"
#include "controller/object/metadata.h"
#include "controller/object/record_item.h"

static const char *const type_words[] = {
    [RECORD_LISTING] = "LISTING", [RECORD_LISTED] = "LISTED",   [RECORD_ABSENT] = "ABSENT",
    [RECORD_CHANGED] = "ADDED",   [RECORD_DELETED] = "DELETED", [RECORD_TIME] = "TIME",
};

/* ---- writing ---- */

void record_header(struct text *out, struct bytes server)
{
    text_printf(out, RECORD_OURS "\"version\":%d,\"server\":", RECORD_VERSION);
    text_add_json_string(out, server);
    text_add_str(out, "}\n");
}

static void begin_line(struct text *out, struct bytes list, enum record_type type)
{
    text_add_str(out, "{\"list\":");
    text_add_json_string(out, list);
    text_printf(out, ",\"type\":\"%s\"", type_words[type]);
}

void record_mark(struct text *out, struct bytes list, enum record_type type)
{
    begin_line(out, list, type);
    text_add_str(out, "}\n");
}

void record_time(struct text *out, int64_t time_s)
{
    text_printf(out, "{\"type\":\"TIME\",\"time\":%lld}\n", (long long)time_s);
}

static bool is_kept(const char *name)
{
    for (size_t key = 0; key < SECRET_KEYS_COUNT; key++) {
        if (strcmp(name, secret_key_name((enum secret_key)key)) == 0)
            return true;
    }
    return false;
}

static void drop_others(json_t *values)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(values, next, key, value)
    {
        if (!is_kept(key)) {
            secret_wipe_tree(value);
            (void)json_object_del(values, key);
        }
    }
}

static bool has_kept_values(json_t *secret)
{
    json_t *data = json_object_get(secret, "data");
    json_t *texts = json_object_get(secret, "stringData");

    drop_others(data);
    drop_others(texts);
    return json_object_size(data) + json_object_size(texts) > 0;
}

/* Of a Secret, the last applied configuration has the values once more. */
static void strip(json_t *object, bool is_secret)
{
    json_t *metadata = json_object_get(object, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");

    (void)json_object_del(object, "status");
    (void)json_object_del(metadata, "managedFields");
    if (is_secret) {
        secret_wipe_tree(annotations);
        (void)json_object_del(metadata, "annotations");
    } else {
        (void)json_object_del(annotations, METADATA_LAST_APPLIED);
    }
}

static int add_dumped(const char *at, size_t len, void *context)
{
    text_add(context, bytes_from(at, len));
    return 0;
}

static void add_names(struct text *out, struct bytes ns, struct bytes name)
{
    text_add_str(out, "{\"metadata\":{");
    if (ns.len > 0) {
        text_add_str(out, "\"namespace\":");
        text_add_json_string(out, ns);
        text_add_byte(out, ',');
    }
    text_add_str(out, "\"name\":");
    text_add_json_string(out, name);
    text_add_str(out, "}}");
}

void record_item(struct text *out, struct bytes list, enum object_kind kind, json_t *object,
                 bool is_deleted)
{
    size_t before = out->len;
    bool is_secret = kind_of(kind)->is_secret;
    struct bytes ns, name;

    metadata_peek(object, &ns, &name);
    if (name.len == 0)
        return; /* nobody could say whose it is */
    if (!is_deleted && is_secret)
        is_deleted = !has_kept_values(object);
    begin_line(out, list, is_deleted ? RECORD_DELETED : RECORD_CHANGED);
    text_add_str(out, ",\"object\":");
    if (is_deleted) {
        add_names(out, ns, name);
    } else {
        strip(object, is_secret);
        if (json_dump_callback(object, add_dumped, out, JSON_COMPACT) != 0) {
            out->len = before; /* deeper than is written: it was read, so this is not met */
            return;
        }
    }
    text_add_str(out, "}\n");
}

/* ---- reading ---- */

static struct bytes copy_of(const json_t *json, const char *key, struct arena *arena)
{
    const json_t *value = json_object_get(json, key);

    return arena_copy(arena, bytes_from(json_string_value(value), json_string_length(value)));
}

static bool find_type(const json_t *root, enum record_type *type)
{
    const char *word = json_string_value(json_object_get(root, "type"));

    for (size_t i = 0; word != NULL && i < sizeof(type_words) / sizeof(type_words[0]); i++) {
        if (strcmp(word, type_words[i]) == 0) {
            *type = (enum record_type)i;
            return true;
        }
    }
    return false;
}

/* Whether all is there that a line of this type has. */
static bool read_rest(const json_t *root, struct arena *arena, struct record *record)
{
    const json_t *metadata = json_object_get(json_object_get(root, "object"), "metadata");

    if (record->type == RECORD_TIME) {
        record->time_s = json_integer_value(json_object_get(root, "time"));
        return record->time_s > 0;
    }
    record->list = copy_of(root, "list", arena);
    if (record->type == RECORD_CHANGED || record->type == RECORD_DELETED) {
        record->ns = copy_of(metadata, "namespace", arena);
        record->name = copy_of(metadata, "name", arena);
        return record->list.len > 0 && record->name.len > 0;
    }
    return record->list.len > 0;
}

/* Keys of Secrets do not outlive the reading. */
static void drop(json_t *root)
{
    secret_wipe_tree(root);
    json_decref(root);
}

enum status record_read(struct bytes line, struct arena *arena, struct record *record)
{
    json_t *root = json_loadb(line.at, line.len, 0, NULL);
    struct record read = {0};
    bool is_good = find_type(root, &read.type) && read_rest(root, arena, &read);

    drop(root);
    if (!is_good)
        return STATUS_INVALID;
    *record = read;
    return STATUS_OK;
}

enum status record_read_header(struct bytes line, struct arena *arena, struct bytes *server)
{
    json_t *root;
    json_int_t version;

    if (!bytes_starts_with(line, BYTES(RECORD_OURS)) || line.len > RECORD_HEADER_MAX)
        return STATUS_INVALID;
    root = json_loadb(line.at, line.len, 0, NULL);
    version = json_integer_value(json_object_get(root, "version"));
    if (version == RECORD_VERSION)
        *server = copy_of(root, "server", arena);
    json_decref(root);
    return version == RECORD_VERSION ? STATUS_OK : STATUS_REFUSED;
}
