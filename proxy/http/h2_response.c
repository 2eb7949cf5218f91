/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_response.c - a header block read as a response.
 *
 * Source: RFC 9113 section 8.3.2, RFC 8441 section 5; hostile-input 53, 55.
 */
#include "proxy/http/framing.h"
#include "proxy/http/h2_head.h"

#define STATUS_MIN                 100
#define STATUS_SWITCHING_PROTOCOLS 101
#define STATUS_OK_FIRST            200

/* A body that ended with the head and may have been there is one of no bytes: HTTP/1 has to be told
 * so, or it waits for the connection to close. */
static enum body_framing framing_of(const struct response *response, enum method_id method,
                                    bool is_end)
{
    if (framing_has_no_body(response->status, method))
        return BODY_NONE;
    return response->content_length != UINT64_MAX || is_end ? BODY_LENGTH : BODY_CHUNKED;
}

static bool judge(const struct h2_head *head, enum method_id method, bool is_end,
                  struct response *response)
{
    struct field_index index;
    struct framing framing;

    field_index_build(&index, head->fields.at, head->fields.count);
    if (framing_read(&index, response->version_minor, &framing) != H1_FINE || framing.is_chunked)
        return false;
    if (framing.has_length && framing_may_have_length(response->status))
        response->content_length = framing.content_length;
    response->framing = framing_of(response, method, is_end);
    if (response->framing == BODY_LENGTH && is_end)
        response->content_length = 0;
    return true;
}

enum h2_verdict h2_head_response(struct h2_head *head, enum method_id method, bool wants_websocket,
                                 bool is_end, struct response *response)
{
    *response = (struct response){
        .status = head->status,
        .version_minor = 1,
        .fields = head->fields.at,
        .fields_count = head->fields.count,
        .content_length = UINT64_MAX,
        .keep_alive = true,
    };
    /* HTTP/2 has no 101: RFC 9113 section 8.6. */
    if (head->status < STATUS_MIN || head->status == STATUS_SWITCHING_PROTOCOLS ||
        !judge(head, method, is_end, response))
        return H2_HEAD_RESET;
    if (wants_websocket && head->status == STATUS_OK_FIRST && !is_end) {
        response->websocket_accepted = true;
        response->framing = BODY_CHUNKED;
        response->content_length = UINT64_MAX;
    }
    return H2_HEAD_FINE;
}
