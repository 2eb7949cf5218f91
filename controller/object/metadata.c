/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata.c - names are checked here once, so nobody behind has to.
 */
#include "controller/object/metadata.h"

#include <stdlib.h>

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

bool metadata_is_label(struct bytes text)
{
    if (text.len == 0 || text.len > NAMESPACE_BYTES_MAX || !is_name_byte(text.at[0]) ||
        !is_name_byte(text.at[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_byte(text.at[i]) && text.at[i] != '-')
            return false;
    return true;
}

/* The API server lets a label of a longer name be longer than 63 bytes; so do we. */
bool metadata_is_name(struct bytes text)
{
    bool may_end = false;

    if (text.len == 0 || text.len > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (is_name_byte(text.at[i]))
            may_end = true;
        else if (may_end && text.at[i] == '.')
            may_end = false;
        else if (text.at[i] != '-' || i == 0 || text.at[i - 1] == '.')
            return false;
        else if (i + 1 == text.len || text.at[i + 1] == '.')
            return false;
    }
    return may_end;
}

/* Reads `count` digits, at least `min` and at most `max` in value. */
static bool take_number(struct bytes *rest, size_t count, uint64_t min, uint64_t max,
                        int64_t *number)
{
    uint64_t value;

    if (rest->len < count || !bytes_to_uint(bytes_slice(*rest, 0, count), max, &value) ||
        value < min)
        return false;
    *rest = bytes_skip(*rest, count);
    *number = (int64_t)value;
    return true;
}

static bool take_byte(struct bytes *rest, const char *allowed)
{
    if (rest->len == 0 || rest->at[0] == '\0' || strchr(allowed, rest->at[0]) == NULL)
        return false;
    *rest = bytes_skip(*rest, 1);
    return true;
}

static bool take_fraction(struct bytes *rest)
{
    size_t digits = 0;

    if (!take_byte(rest, "."))
        return true;
    while (take_byte(rest, "0123456789"))
        digits++;
    return digits > 0;
}

/* Z or an offset such as +02:00, in seconds. */
static bool take_zone(struct bytes *rest, int64_t *offset_s)
{
    bool is_negative = rest->len > 0 && rest->at[0] == '-';
    int64_t hours;
    int64_t minutes;

    *offset_s = 0;
    if (take_byte(rest, "Zz"))
        return true;
    if (!take_byte(rest, "+-") || !take_number(rest, 2, 0, 23, &hours) || !take_byte(rest, ":") ||
        !take_number(rest, 2, 0, 59, &minutes))
        return false;
    *offset_s = (hours * 60 + minutes) * (is_negative ? -60 : 60);
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March here, so the leap
 * day is their last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t from_march = month > 2 ? month - 3 : month + 9;
    int64_t years = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

    return years * 365 + years / 4 - years / 100 + years / 400 + day_of_year - 719468;
}

enum status metadata_parse_time(struct bytes text, int64_t *seconds)
{
    int64_t year, month, day, hour, minute, second, offset_s;

    if (!take_number(&text, 4, 0, 9999, &year) || !take_byte(&text, "-") ||
        !take_number(&text, 2, 1, 12, &month) || !take_byte(&text, "-") ||
        !take_number(&text, 2, 1, 31, &day) || !take_byte(&text, "Tt ") ||
        !take_number(&text, 2, 0, 23, &hour) || !take_byte(&text, ":") ||
        !take_number(&text, 2, 0, 59, &minute) || !take_byte(&text, ":") ||
        !take_number(&text, 2, 0, 60, &second) || !take_fraction(&text) ||
        !take_zone(&text, &offset_s) || text.len > 0)
        return STATUS_INVALID;
    *seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
    return STATUS_OK;
}

void metadata_peek(const json_t *json, struct bytes *ns, struct bytes *name)
{
    const json_t *metadata = json_object_get(json, "metadata");

    *ns = bytes_of(json_string_value(json_object_get(metadata, "namespace")));
    *name = bytes_of(json_string_value(json_object_get(metadata, "name")));
}

static int compare_annotations(const void *a, const void *b)
{
    const struct annotation *left = a;
    const struct annotation *right = b;

    return bytes_compare(left->name, right->name);
}

static void decode_annotations(const struct node *metadata, struct object *loose)
{
    struct node node = node_object(metadata, "annotations");
    struct annotation *annotations =
        NODE_ARRAY(&node, json_object_size(node.json), struct annotation);
    struct bytes name, value;
    uint32_t count = 0;
    void *at = NULL;

    while (node_next_text(&node, &at, &name, &value))
        if (!bytes_equal(name, BYTES(METADATA_LAST_APPLIED)))
            annotations[count++] = (struct annotation){name, value};
    if (count > 1)
        qsort(annotations, count, sizeof(annotations[0]), compare_annotations);
    loose->annotations = annotations;
    loose->annotations_count = count;
}

void metadata_drop_annotations(struct object *loose)
{
    loose->annotations = NULL;
    loose->annotations_count = 0;
}

static void decode_name(const struct node *metadata, struct object *loose)
{
    loose->name = node_text(metadata, "name");
    if (loose->name.len == 0)
        node_fail(metadata, "name",
                  "is missing: every object needs one (generateName is not "
                  "enough)");
    else if (!metadata_is_name(loose->name))
        node_fail(metadata, "name",
                  "is no name for an object: use lower-case letters, digits, "
                  "'-' and '.', at most %d in all",
                  NAME_BYTES_MAX);
}

static void decode_namespace(const struct node *metadata, struct object *loose)
{
    loose->ns = node_text(metadata, "namespace");
    if (loose->ns.len == 0)
        loose->ns = BYTES("default");
    else if (!metadata_is_label(loose->ns))
        node_fail(metadata, "namespace",
                  "is no name for a namespace: use lower-case letters, "
                  "digits and '-', at most %d in all",
                  NAMESPACE_BYTES_MAX);
}

void metadata_decode(const struct node *root, bool is_cluster_wide, struct object *loose)
{
    struct node metadata = node_object(root, "metadata");
    struct bytes created;

    decode_name(&metadata, loose);
    if (!is_cluster_wide)
        decode_namespace(&metadata, loose);
    root->decoding->knows_name = !root->decoding->has_failed;
    loose->created_s = CREATED_UNKNOWN;
    created = node_text(&metadata, "creationTimestamp");
    if (created.len > 0 && metadata_parse_time(created, &loose->created_s) != STATUS_OK)
        node_fail(&metadata, "creationTimestamp", "is no time: write it as 2026-01-31T00:00:00Z");
    decode_annotations(&metadata, loose);
    root->decoding->knows_metadata = !root->decoding->has_failed;
}
