/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h1_fields.c - header lines from anybody, held against llhttp: what we accept it must accept,
 * with the same names and values in the same order. It may accept what we do not.
 */
#include "core/check.h"
#include "core/mem.h"
#include "proxy/http/h1_fields.h"

#include <llhttp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = {65536, 16384, 100, true};

struct other_reader {
    const struct field_list *ours;
    uint32_t at;
    struct bytes name;
    bool is_complete;
};

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
    ((struct other_reader *)parser->data)->name = bytes_from(at, len);
    return HPE_OK;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct other_reader *other = parser->data;

    CHECK(other->at < other->ours->count);
    CHECK(bytes_equal(other->ours->at[other->at].name, other->name));
    CHECK(bytes_equal(other->ours->at[other->at].value, bytes_trim(bytes_from(at, len))));
    other->at++;
    return HPE_OK;
}

static int on_complete(llhttp_t *parser)
{
    ((struct other_reader *)parser->data)->is_complete = true;
    return HPE_PAUSED;
}

/* Names that frame a message are judged by value too, here by framing.c and there by llhttp. */
static bool has_framing(const struct field_list *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        enum field_id id = fields->at[i].id;

        if (id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_CONNECTION ||
            id == FIELD_UPGRADE || id == FIELD_PROXY_CONNECTION)
            return true;
    }
    return false;
}

static void compare(struct bytes lines, const struct field_list *fields)
{
    static const struct bytes start = {"PUT / HTTP/1.1\r\n", 16};
    struct other_reader other = {.ours = fields};
    llhttp_settings_t settings = {0};
    llhttp_t parser;

    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &other;
    CHECK(llhttp_execute(&parser, start.at, start.len) == HPE_OK);
    (void)llhttp_execute(&parser, lines.at, lines.len);
    CHECK(other.is_complete && other.at == fields->count);
    CHECK(llhttp_get_error_pos(&parser) == lines.at + lines.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes lines = bytes_from((const char *)data, size);
    struct bytes rest = lines;
    struct field_list fields;
    struct arena arena;

    arena_init(&arena, 4096);
    if (h1_fields_parse(&rest, &limits, true, &arena, &fields) == H1_FINE && rest.len == 0 &&
        fields.dropped_count == 0 && !has_framing(&fields))
        compare(lines, &fields);
    arena_fini(&arena);
    return 0;
}
