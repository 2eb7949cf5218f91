/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_record.c - a Lease as text, both ways.
 */
#include "controller/object/lease_record.h"

#include <jansson.h>

static struct bytes copy_of(const json_t *json, const char *key, struct arena *arena)
{
    const json_t *value = json_object_get(json, key);

    return arena_copy(arena, bytes_from(json_string_value(value), json_string_length(value)));
}

static uint32_t count_of(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));

    return value > 0 && value <= INT32_MAX ? (uint32_t)value : 0;
}

enum status lease_record_read(struct bytes text, struct arena *arena, struct lease_record *record)
{
    json_error_t error;
    json_t *root = json_loadb(text.at, text.len, 0, &error);
    const json_t *metadata = json_object_get(root, "metadata");
    const json_t *spec = json_object_get(root, "spec");

    if (!json_is_string(json_object_get(metadata, "resourceVersion"))) {
        json_decref(root);
        return STATUS_INVALID;
    }
    *record = (struct lease_record){
        .version = copy_of(metadata, "resourceVersion", arena),
        .holder = copy_of(spec, "holderIdentity", arena),
        .acquired = copy_of(spec, "acquireTime", arena),
        .renewed = copy_of(spec, "renewTime", arena),
        .duration_s = count_of(spec, "leaseDurationSeconds"),
        .transitions = count_of(spec, "leaseTransitions"),
    };
    json_decref(root);
    return STATUS_OK;
}

static void add_field(struct text *out, const char *name, struct bytes value)
{
    text_printf(out, "\"%s\":", name);
    text_add_json_string(out, value);
    text_add_byte(out, ',');
}

void lease_record_write(const struct lease_record *record, struct bytes ns, struct bytes name,
                        struct text *out)
{
    text_add_str(out, "{\"metadata\":{");
    if (record->version.len > 0)
        add_field(out, "resourceVersion", record->version);
    add_field(out, "namespace", ns);
    text_add_str(out, "\"name\":");
    text_add_json_string(out, name);
    text_add_str(out, "},\"spec\":{");
    add_field(out, "holderIdentity", record->holder);
    add_field(out, "acquireTime", record->acquired);
    add_field(out, "renewTime", record->renewed);
    text_printf(out, "\"leaseDurationSeconds\":%u,\"leaseTransitions\":%u}}", record->duration_s,
                record->transitions);
}
