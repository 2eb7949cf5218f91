/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published.c - the addresses at which something is reached, in the one form in which they are
 * compared and written.
 */
#include "controller/object/published.h"

#include "core/address.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const struct bytes *left = a, *right = b;

    return bytes_compare(*left, *right);
}

void published_write(struct bytes *list, size_t count, struct text *out)
{
    size_t begin = out->len;
    struct address address;

    if (count > 1)
        qsort(list, count, sizeof(*list), compare);
    for (size_t i = 0; i < count; i++) {
        if (list[i].len == 0 || (i > 0 && bytes_equal(list[i - 1], list[i])))
            continue;
        text_add_byte(out, out->len == begin ? '[' : ',');
        text_add_str(out, address_parse_ip(list[i], 0, &address) == STATUS_OK ? "{\"ip\":"
                                                                              : "{\"hostname\":");
        text_add_json_string(out, list[i]);
        text_add_byte(out, '}');
    }
    if (out->len > begin)
        text_add_byte(out, ']');
}
