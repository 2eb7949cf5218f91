/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_text.c - the fields of an Event.
 */
#include "controller/event_text.h"

#include "controller/api_path.h"

#define NAME_BYTES_MAX     253 /* of an object in Kubernetes */
#define INSTANCE_BYTES_MAX 128 /* of the API */

void event_text_add_name(const struct event_said *said, struct text *out)
{
    uint64_t hash = bytes_hash_from(said->uid, said->complaint + said->is_wrong);
    struct bytes name = bytes_slice(said->object.name, 0, NAME_BYTES_MAX - 17);

    while (name.len > 0 && (name.at[name.len - 1] == '-' || name.at[name.len - 1] == '.'))
        name.len--;
    text_add(out, name);
    text_printf(out, ".%016llx", (unsigned long long)hash);
}

static void add_field(struct text *body, const char *name, struct bytes value)
{
    text_printf(body, ",\"%s\":", name);
    text_add_json_string(body, value);
}

static void add_regarding(struct text *body, const struct event_said *said)
{
    bool is_route = said->object.kind == OBJECT_INGRESS_ROUTE;

    text_add_str(body, ",\"regarding\":{\"apiVersion\":");
    text_add_json_string(body, is_route ? BYTES("contour.heptio.com/v1beta1")
                                        : BYTES("networking.k8s.io/v1"));
    add_field(body, "kind", bytes_of(object_kind_name(said->object.kind)));
    add_field(body, "namespace", said->object.ns);
    add_field(body, "name", said->object.name);
    add_field(body, "uid", said->uid);
    text_add_byte(body, '}');
}

/* Not in the middle of a character. */
static struct bytes cut_note(struct bytes note)
{
    if (note.len <= EVENT_NOTE_MAX)
        return note;
    note.len = EVENT_NOTE_MAX;
    while (note.len > 0 && (note.at[note.len] & 0xC0) == 0x80)
        note.len--;
    return note;
}

void event_text_add_event(const struct event_said *said, struct bytes event_name, struct text *out)
{
    text_add_str(out, "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{"
                      "\"name\":");
    text_add_json_string(out, event_name);
    add_field(out, "namespace", said->object.ns);
    text_add_str(out, "},\"eventTime\":\"");
    api_path_add_time(out, said->wall_us);
    text_add_str(out, "\",\"reportingController\":\"fairlead.dev/ingress-controller\"");
    add_field(out, "reportingInstance", bytes_slice(said->instance, 0, INSTANCE_BYTES_MAX));
    add_field(out, "action", BYTES("Compile"));
    add_field(out, "type", said->is_wrong ? BYTES("Warning") : BYTES("Normal"));
    add_field(out, "reason", said->is_wrong ? BYTES("Invalid") : BYTES("Valid"));
    add_field(out, "note", cut_note(said->note));
    add_regarding(out, said);
    text_add_byte(out, '}');
}

void event_text_add_series(uint32_t count, int64_t wall_us, struct text *out)
{
    text_printf(out, "{\"series\":{\"count\":%u,\"lastObservedTime\":\"", count);
    api_path_add_time(out, wall_us);
    text_add_str(out, "\"}}");
}
