/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - braces are counted, texts are passed over; nothing else is looked at.
 */
#include "controller/object/page.h"

void page_init(struct page *page)
{
    *page = (struct page){0};
    text_init(&page->head);
}

void page_fini(struct page *page)
{
    text_fini(&page->head);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* ---- texts ---- */

static const char items_word[] = "items";
#define ITEMS_WORD_LEN (sizeof(items_word) - 1)

static void begin_text(struct page *page)
{
    page->is_in_text = true;
    page->may_be_items = page->state == PAGE_HEAD && page->depth == 1;
    page->text_bytes = 0;
}

static void match_text(struct page *page, char byte)
{
    page->may_be_items = page->may_be_items && page->text_bytes < ITEMS_WORD_LEN &&
                         byte == items_word[page->text_bytes];
    page->text_bytes++;
}

static void end_text(struct page *page)
{
    page->is_in_text = false;
    if (page->may_be_items && page->text_bytes == ITEMS_WORD_LEN)
        page->state = PAGE_KEY;
}

/* A newline may not stand in a text; it would end the line of an item. */
static enum status take_text_byte(struct page *page, char byte)
{
    if (byte == '"' && !page->is_escaped) {
        end_text(page);
        return STATUS_OK;
    }
    page->is_escaped = byte == '\\' && !page->is_escaped;
    match_text(page, byte);
    return byte == '\n' || byte == '\r' ? STATUS_INVALID : STATUS_OK;
}

static void count_brace(struct page *page, char byte)
{
    if (byte == '{' || byte == '[')
        page->depth++;
    else if ((byte == '}' || byte == ']') && page->depth > 0)
        page->depth--;
}

/* ---- the head ---- */

static enum status take_head_byte(struct page *page, char byte)
{
    if (page->head.len >= PAGE_HEAD_BYTES_MAX)
        return STATUS_TOO_LARGE;
    text_add_byte(&page->head, byte);
    if (page->is_in_text)
        return take_text_byte(page, byte);
    if (is_space(byte))
        return STATUS_OK;
    if (page->state == PAGE_COLON && byte == '[') {
        page->state = PAGE_FIRST_ITEM;
        page->depth = 0;
        return STATUS_OK;
    }
    page->state = page->state == PAGE_KEY && byte == ':' ? PAGE_COLON : PAGE_HEAD;
    if (byte == '"')
        begin_text(page);
    else
        count_brace(page, byte);
    return STATUS_OK;
}

/* ---- items ---- */

static void end_item(struct page *page, struct text *lines)
{
    text_add_byte(lines, '\n');
    page->state = PAGE_ITEM_IS_OVER;
}

static void end_items(struct page *page)
{
    text_add_byte(&page->head, ']');
    page->state = PAGE_HEAD;
    page->depth = 1;
}

/* Between two items. */
static enum status take_gap_byte(struct page *page, char byte)
{
    if (is_space(byte))
        return STATUS_OK;
    if (page->state == PAGE_ITEM_IS_OVER && byte == ',') {
        page->state = PAGE_NEXT_ITEM;
        return STATUS_OK;
    }
    if (page->state != PAGE_NEXT_ITEM && byte == ']') {
        end_items(page);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

/* A number, say, ends where something else begins. */
static bool ends_scalar(const struct page *page, char byte)
{
    return page->depth == 0 && (is_space(byte) || byte == ',' || byte == ']' || byte == '}');
}

static enum status take_item_byte(struct page *page, char byte, struct text *lines)
{
    enum status status = STATUS_OK;

    if (page->is_in_text) {
        status = take_text_byte(page, byte);
    } else if (ends_scalar(page, byte)) {
        end_item(page, lines);
        return take_gap_byte(page, byte);
    } else if (byte == '"') {
        begin_text(page);
    } else {
        count_brace(page, byte);
    }
    text_add_byte(lines, is_space(byte) ? ' ' : byte);
    if (page->depth == 0 && (byte == '}' || byte == ']') && !page->is_in_text)
        end_item(page, lines);
    return status;
}

static bool begins_item(const struct page *page, char byte)
{
    return (page->state == PAGE_FIRST_ITEM || page->state == PAGE_NEXT_ITEM) && !is_space(byte) &&
           byte != ']' && byte != ',' && byte != '}' && byte != ':';
}

static enum status take_byte(struct page *page, char byte, struct text *lines)
{
    switch (page->state) {
    case PAGE_HEAD:
    case PAGE_KEY:
    case PAGE_COLON:
        return take_head_byte(page, byte);
    case PAGE_FIRST_ITEM:
    case PAGE_ITEM_IS_OVER:
    case PAGE_NEXT_ITEM:
        if (!begins_item(page, byte))
            return take_gap_byte(page, byte);
        page->state = PAGE_ITEM;
        return take_item_byte(page, byte, lines);
    case PAGE_ITEM:
        return take_item_byte(page, byte, lines);
    }
    return STATUS_INVALID;
}

/* Most of an item is the inside of texts. */
static size_t plain_bytes(const struct page *page, struct bytes bytes)
{
    size_t len = 0;

    if (page->state != PAGE_ITEM || !page->is_in_text || page->is_escaped)
        return 0;
    while (len < bytes.len && bytes.at[len] != '"' && bytes.at[len] != '\\' &&
           bytes.at[len] != '\n' && bytes.at[len] != '\r')
        len++;
    return len;
}

enum status page_take(struct page *page, struct bytes bytes, struct text *lines)
{
    enum status status = STATUS_OK;

    page->bytes_count += bytes.len;
    while (bytes.len > 0 && status == STATUS_OK) {
        size_t plain = plain_bytes(page, bytes);

        text_add(lines, bytes_slice(bytes, 0, plain));
        bytes = bytes_skip(bytes, plain);
        if (bytes.len > 0)
            status = take_byte(page, bytes.at[0], lines);
        bytes = bytes_skip(bytes, 1);
    }
    return status;
}
