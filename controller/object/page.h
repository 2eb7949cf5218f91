/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - cuts a page of a list into its items while it comes, so that nobody has to hold it as a
 * whole. Pure.
 *
 *     {"metadata": {...}, "items": [ {...}, {...} ]}  ->  a line for each item
 *                                                     \-> head: {"metadata": {...}, "items": []}
 *
 * It finds where an item ends and reads nothing of it: what is wrong in one, or in the head, is
 * found by who decodes them (served.h).
 */
#ifndef CONTROLLER_OBJECT_PAGE_H
#define CONTROLLER_OBJECT_PAGE_H

#include "core/status.h"
#include "core/text.h"

#define PAGE_HEAD_BYTES_MAX 65536 /* all of a page but its items: a version, a token */

enum page_state {
    PAGE_HEAD,         /* outside of the items */
    PAGE_KEY,          /* the same, and the last text was "items" */
    PAGE_COLON,        /* and its colon came */
    PAGE_FIRST_ITEM,   /* an item, or the end of them */
    PAGE_ITEM,         /* in one */
    PAGE_ITEM_IS_OVER, /* a comma, or the end of them */
    PAGE_NEXT_ITEM,    /* after a comma: an item */
};

struct page {
    enum page_state state;
    struct text head;
    uint64_t bytes_count; /* that came */
    uint32_t depth;       /* of brackets around what comes next, in the head or in the item */
    bool is_in_text;
    bool is_escaped;     /* the next byte of the text */
    bool may_be_items;   /* the text so far is the beginning of "items" */
    uint32_t text_bytes; /* of that */
};

void page_init(struct page *page);
void page_fini(struct page *page);

/*
 * Take what came next. Items that are complete are added to `lines`, each with a newline at its
 * end; what there is of the next one comes last.
 *
 * STATUS_INVALID when the items are no array of values; STATUS_TOO_LARGE when the head is longer
 * than PAGE_HEAD_BYTES_MAX. The page is of no use then.
 */
enum status page_take(struct page *page, struct bytes bytes, struct text *lines);

#endif
