/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title.c - "Kind ns/name", taken apart and put together.
 */
#include "controller/title.h"

bool title_read(struct bytes text, struct title *title)
{
    size_t blank = bytes_find(text, ' '), slash = bytes_find(text, '/');
    struct bytes word = bytes_slice(text, 0, blank == BYTES_NOT_FOUND ? 0 : blank);

    if (slash == BYTES_NOT_FOUND || slash < blank)
        return false;
    if (bytes_equal(word, bytes_of(object_kind_name(OBJECT_INGRESS))))
        title->kind = OBJECT_INGRESS;
    else if (bytes_equal(word, bytes_of(object_kind_name(OBJECT_INGRESS_ROUTE))))
        title->kind = OBJECT_INGRESS_ROUTE;
    else
        return false;
    title->ns = bytes_slice(text, blank + 1, slash - blank - 1);
    title->name = bytes_skip(text, slash + 1);
    return true;
}

void title_add(const struct title *title, struct text *out)
{
    text_add_str(out, object_kind_name(title->kind));
    text_add_byte(out, ' ');
    text_add(out, title->ns);
    text_add_byte(out, '/');
    text_add(out, title->name);
}
