/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.c - sorted as people read: by file, then line as a number, then object, then text.
 */
#include "route/findings.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/refs.h"

#include <stdlib.h>

/* "a.yaml:12" into "a.yaml" and 12; a location without a line has line 0. */
static struct bytes location_split(struct bytes location, uint64_t *line)
{
    size_t colon = bytes_find_last(location, ':');

    *line = 0;
    if (colon == BYTES_NOT_FOUND ||
        !bytes_to_uint(bytes_skip(location, colon + 1), UINT64_MAX, line))
        return location;
    return bytes_slice(location, 0, colon);
}

static int compare_locations(struct bytes a, struct bytes b)
{
    uint64_t line_a, line_b;
    struct bytes path_a = location_split(a, &line_a);
    struct bytes path_b = location_split(b, &line_b);
    int order = bytes_compare(path_a, path_b);

    if (order == 0)
        order = (line_a > line_b) - (line_a < line_b);
    return order != 0 ? order : bytes_compare(a, b);
}

static int compare_findings(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;
    int order = compare_locations(left->location, right->location);

    if (order == 0)
        order = bytes_compare(left->object, right->object);
    if (order == 0)
        order = bytes_compare(left->text, right->text);
    if (order == 0)
        order = right->is_error - left->is_error;
    return order != 0 ? order : right->is_left_out - left->is_left_out;
}

struct findings *findings_create(const struct finding *list, size_t count)
{
    size_t list_size = count * sizeof(struct finding);
    size_t text_size = 0;
    struct findings *findings;
    char *text;

    CHECK(count <= SIZE_MAX / 2 / sizeof(struct finding));
    for (size_t i = 0; i < count; i++)
        text_size += list[i].location.len + list[i].object.len + list[i].text.len;
    findings = mem_alloc(sizeof(*findings) + list_size + text_size);
    findings->refs = 1;
    findings->count = count;
    text = (char *)findings + sizeof(*findings) + list_size;
    for (size_t i = 0; i < count; i++) {
        findings->list[i].is_error = list[i].is_error;
        findings->list[i].location = bytes_pack(&text, list[i].location);
        findings->list[i].object = bytes_pack(&text, list[i].object);
        findings->list[i].text = bytes_pack(&text, list[i].text);
        findings->list[i].is_left_out = list[i].is_left_out;
    }
    if (count > 0)
        qsort(findings->list, count, sizeof(struct finding), compare_findings);
    return findings;
}

struct findings *findings_ref(struct findings *findings)
{
    if (findings != NULL)
        refs_take(&findings->refs);
    return findings;
}

void findings_unref(struct findings *findings)
{
    if (findings != NULL && refs_drop(&findings->refs))
        mem_free(findings);
}

size_t findings_count(const struct findings *findings)
{
    return findings == NULL ? 0 : findings->count;
}

bool findings_equal(const struct findings *a, const struct findings *b)
{
    if (findings_count(a) != findings_count(b))
        return false;
    for (size_t i = 0; i < findings_count(a); i++)
        if (compare_findings(&a->list[i], &b->list[i]) != 0)
            return false;
    return true;
}
