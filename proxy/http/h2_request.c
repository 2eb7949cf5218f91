/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_request.c - a header block read as a request, the same that HTTP/1 would have brought.
 *
 * What two readers could understand differently resets the stream; what a client may have meant
 * well gets an answer. Source: RFC 9113 section 8.3.1, RFC 8441; hostile-input 60-66.
 */
#include "proxy/http/authority.h"
#include "proxy/http/framing.h"
#include "proxy/http/h1_line.h"
#include "proxy/http/h2_head.h"
#include "proxy/http/syntax.h"

static enum h2_verdict answer(struct h2_head *head, enum h1_fault fault)
{
    head->fault = fault;
    return H2_HEAD_ANSWER;
}

/* Crumbs of a cookie become one field again: RFC 9113 section 8.2.3. */
static void join_cookies(struct h2_head *head)
{
    struct field_list *fields = &head->fields;
    struct field *first = NULL;
    size_t len = 0;
    uint32_t kept = 0;
    char *joined;

    if (head->cookies < 2)
        return;
    for (uint32_t at = 0; at < fields->count; at++)
        len += fields->at[at].id == FIELD_COOKIE ? fields->at[at].value.len + 2 : 0;
    joined = arena_alloc(head->arena, len);
    len = 0;
    for (uint32_t at = 0; at < fields->count; at++) {
        const struct field *field = &fields->at[at];

        if (field->id == FIELD_COOKIE) {
            if (first != NULL)
                len = (size_t)((char *)memcpy(joined + len, "; ", 2) + 2 - joined);
            if (field->value.len > 0)
                memcpy(joined + len, field->value.at, field->value.len);
            len += field->value.len;
        }
        if (field->id == FIELD_COOKIE && first != NULL)
            continue;
        fields->at[kept] = *field;
        if (field->id == FIELD_COOKIE)
            first = &fields->at[kept];
        kept++;
    }
    fields->count = kept;
    first->value = bytes_from(joined, len);
}

/* One host, from :authority, else from a Host field: hostile-input 65. */
static bool judge_authority(const struct h2_head *head, const struct field_index *index,
                            struct request *request)
{
    const struct field *host = field_index_get(index, FIELD_HOST);

    request->authority = head->authority;
    if (host != NULL) {
        if (index->count[FIELD_HOST] > 1 || !authority_is_valid(host->value))
            return false;
        if (head->authority.len == 0)
            request->authority = host->value;
    }
    return authority_is_valid(request->authority) &&
           (host == NULL || authority_equal(request->authority, host->value, head->scheme));
}

/* Origin-form, or "*" for OPTIONS: hostile-input 64. */
static bool judge_path(const struct h2_head *head, struct request *request)
{
    struct bytes path = head->path;
    size_t query;

    if (path.len == 0 || !syntax_is_all(path, SYNTAX_TARGET))
        return false;
    if (path.at[0] != '/' &&
        !(bytes_equal(path, BYTES("*")) && request->method_id == METHOD_OPTIONS))
        return false;
    query = bytes_find(path, '?');
    request->path = bytes_slice(path, 0, query);
    request->query = bytes_skip(path, query);
    return true;
}

static bool judge_framing(const struct field_index *index, bool is_end, struct request *request)
{
    struct framing framing;

    if (framing_read(index, request->version_minor, &framing) != H1_FINE || framing.is_chunked)
        return false;
    request->content_length = framing.content_length;
    if (framing.has_length)
        request->framing = BODY_LENGTH;
    else
        request->framing = is_end ? BODY_NONE : BODY_CHUNKED;
    return true;
}

/* An extended CONNECT is what HTTP/1.1 asks for with GET and Upgrade: RFC 8441 section 4. */
static bool judge_protocol(struct h2_head *head, const struct h2_config *config,
                           const struct field_index *index, bool is_end, struct request *request)
{
    if (!config->websockets || is_end || !bytes_equal(head->protocol, BYTES("websocket")) ||
        request->method_id != METHOD_CONNECT || index->count[FIELD_CONTENT_LENGTH] > 0 ||
        !field_index_is(index, FIELD_SEC_WEBSOCKET_VERSION, BYTES("13")))
        return false;
    request->method = BYTES("GET");
    request->method_id = METHOD_GET;
    request->wants_upgrade = true;
    request->wants_websocket = true;
    field_list_add(&head->fields, head->arena, BYTES("upgrade"), FIELD_UPGRADE, BYTES("websocket"));
    return true;
}

static enum h2_verdict judge(struct h2_head *head, const struct h2_config *config, bool is_end,
                             struct request *request)
{
    struct field_index index;

    field_index_build(&index, head->fields.at, head->fields.count);
    request->takes_trailers = field_index_is(&index, FIELD_TE, BYTES("trailers"));
    if (!judge_framing(&index, is_end, request) || !judge_authority(head, &index, request))
        return H2_HEAD_RESET;
    if (head->protocol.len > 0 && !judge_protocol(head, config, &index, is_end, request))
        return H2_HEAD_RESET;
    if (request->method_id == METHOD_CONNECT || request->method_id == METHOD_TRACE)
        return answer(head, H1_METHOD_NOT_ALLOWED);
    if (!bytes_equal_nocase(head->scheme, config->scheme) || !judge_path(head, request))
        return H2_HEAD_RESET;
    if (expect_read(&index, &request->expects_continue) != H1_FINE)
        return answer(head, H1_BAD_EXPECT);
    return H2_HEAD_FINE;
}

enum h2_verdict h2_head_request(struct h2_head *head, const struct h2_config *config, bool is_end,
                                struct request *request)
{
    enum h2_verdict verdict;

    if (head->fault != H1_FINE)
        return H2_HEAD_ANSWER;
    if (!syntax_is_token(head->method) || head->method.len > METHOD_LENGTH_MAX)
        return H2_HEAD_RESET;
    join_cookies(head);
    *request = (struct request){
        .method = head->method,
        .method_id = method_identify(head->method),
        .scheme = head->scheme,
        .version_major = 2,
        .version_minor = 1,
        .fields_dropped_count = head->fields.dropped_count,
        .keep_alive = true,
    };
    verdict = judge(head, config, is_end, request);
    request->fields = head->fields.at;
    request->fields_count = head->fields.count;
    return verdict;
}
