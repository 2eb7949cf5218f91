/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framing.c - Content-Length and Transfer-Encoding, read so that nobody can read them otherwise.
 */
#include "proxy/http/framing.h"

#include "proxy/http/syntax.h"

#define STATUS_OK_FIRST     200
#define STATUS_NO_CONTENT   204
#define STATUS_NOT_MODIFIED 304

static enum h1_fault read_length(const struct field_index *index, struct framing *framing)
{
    struct bytes value = index->first[FIELD_CONTENT_LENGTH]->value;

    if (index->count[FIELD_CONTENT_LENGTH] > 1 ||
        !bytes_to_uint(value, INT64_MAX, &framing->content_length))
        return H1_BAD_CONTENT_LENGTH;
    framing->has_length = true;
    return H1_FINE;
}

static enum h1_fault read_encoding(const struct field_index *index, uint8_t version_minor,
                                   struct framing *framing)
{
    struct bytes value = index->first[FIELD_TRANSFER_ENCODING]->value;

    if (index->count[FIELD_CONTENT_LENGTH] > 0)
        return H1_LENGTH_AND_ENCODING;
    if (index->count[FIELD_TRANSFER_ENCODING] > 1 || version_minor == 0)
        return H1_BAD_TRANSFER_ENCODING;
    if (!bytes_equal_nocase(value, BYTES("chunked")))
        return syntax_is_token(value) ? H1_UNKNOWN_TRANSFER_CODING : H1_BAD_TRANSFER_ENCODING;
    framing->is_chunked = true;
    return H1_FINE;
}

enum h1_fault framing_read(const struct field_index *index, uint8_t version_minor,
                           struct framing *framing)
{
    *framing = (struct framing){false, false, 0};
    if (index->count[FIELD_TRANSFER_ENCODING] > 0)
        return read_encoding(index, version_minor, framing);
    if (index->count[FIELD_CONTENT_LENGTH] > 0)
        return read_length(index, framing);
    return H1_FINE;
}

enum h1_fault expect_read(const struct field_index *index, bool *expects_continue)
{
    if (index->count[FIELD_EXPECT] == 0)
        return H1_FINE;
    if (!field_index_is(index, FIELD_EXPECT, BYTES("100-continue")))
        return H1_BAD_EXPECT;
    *expects_continue = true;
    return H1_FINE;
}

bool framing_has_no_body(uint16_t status, enum method_id request_method)
{
    return request_method == METHOD_HEAD || status < STATUS_OK_FIRST ||
           status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED;
}

bool framing_may_have_length(uint16_t status)
{
    return status >= STATUS_OK_FIRST && status != STATUS_NO_CONTENT;
}
