/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_easy.c - what libcurl is told of one call, and what it tells back.
 */
#include "controller/kube/api_call.h"
#include "core/check.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void set_option(int socket, int level, int name, int value)
{
    (void)setsockopt(socket, level, name, &value, sizeof(value));
}

/* CURLOPT_SOCKOPTFUNCTION; once for each connection. Credential plugins do not inherit it. */
static int on_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
    struct api_call *call = context;

    (void)purpose;
    call->api->stats.connections++;
    (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, API_KEEP_ALIVE_IDLE_S);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, API_KEEP_ALIVE_INTERVAL_S);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, API_KEEP_ALIVE_COUNT);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, API_USER_TIMEOUT_MS);
    return CURL_SOCKOPT_OK;
}

static void hear(struct api_call *call)
{
    call->heard_ms = call->line->heard_ms = uv_now(call->api->loop);
}

static bool may_stay_unseen(const struct api_call *call)
{
    return call->status == 401 && !call->has_renewed;
}

static void read_status(struct api_call *call)
{
    long status = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    call->status = (int)status;
}

/* From now on its line may be probed. */
static void read_version(struct api_call *call)
{
    long version = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
    call->is_h2 = version == CURL_HTTP_VERSION_2_0;
    api_set_timer(call->api);
}

/* The empty line ends a head. Heads of interim answers do not count, nor do trailers. */
static void tell_head(struct api_call *call)
{
    read_status(call);
    if (call->status < 200 || call->is_head_told || may_stay_unseen(call))
        return;
    call->is_head_told = true;
    read_version(call);
    if (call->request.on_head != NULL)
        call->request.on_head(call->request.context, call->status);
}

/* CURLOPT_HEADERFUNCTION */
static size_t on_header(char *at, size_t size, size_t count, void *context)
{
    struct api_call *call = context;

    if (call->state == CALL_CANCELLED)
        return 0;
    hear(call);
    if (bytes_equal(bytes_from(at, size * count), BYTES("\r\n")))
        tell_head(call);
    return call->state == CALL_CANCELLED ? 0 : size * count;
}

static size_t hold(struct api_call *call, struct bytes body)
{
    if (call->held.len + body.len > API_HELD_BYTES_MAX) {
        call->is_held_too_large = true;
        call->api->stats.held_too_large++;
        return CURL_WRITEFUNC_ERROR;
    }
    text_add(&call->held, body);
    return body.len;
}

/* CURLOPT_WRITEFUNCTION. The call may be cancelled before and inside: then libcurl is told to end
 * the transfer. */
static size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct api_call *call = context;
    struct bytes body = bytes_from(at, size * count);

    if (call->state == CALL_CANCELLED)
        return CURL_WRITEFUNC_ERROR;
    hear(call);
    if (call->is_held || !api_may_read(call, body.len)) {
        call->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    read_status(call);
    call->api->stats.bytes += body.len;
    if (may_stay_unseen(call))
        return hold(call, body);
    call->request.on_bytes(call->request.context, call->status, body);
    return call->state == CALL_CANCELLED ? CURL_WRITEFUNC_ERROR : body.len;
}

static void add_header(struct api_call *call, const char *name, struct bytes value)
{
    struct text line;

    text_init(&line);
    text_add_str(&line, name);
    text_add(&line, value);
    text_add_byte(&line, '\0');
    call->headers = curl_slist_append(call->headers, line.at);
    CHECK(call->headers != NULL);
    secret_text_fini(&line);
}

static void add_authority(struct text *out, struct bytes host, uint16_t port)
{
    bool is_v6 = bytes_find(host, ':') != BYTES_NOT_FOUND;

    text_printf(out, is_v6 ? "[%.*s]:%u" : "%.*s:%u", BYTES_ARG(host), port);
}

/* The name in the URL is the one that the certificate must have. */
static void set_url(struct api_call *call)
{
    const struct access *access = &call->api->access;
    bool is_other = access->tls_server_name.len > 0;
    struct text text;

    text_init(&text);
    text_add_str(&text, "https://");
    add_authority(&text, is_other ? access->tls_server_name : access->host, access->port);
    text_add(&text, access->path);
    text_add(&text, call->request.path);
    text_add_byte(&text, '\0');
    curl_easy_setopt(call->easy, CURLOPT_URL, text.at);
    if (is_other) {
        text_clear(&text);
        add_authority(&text, access->host, access->port);
        add_header(call, "Host: ", text_bytes(&text));
    }
    text_fini(&text);
}

/* Whatever the name in the URL is, this is where to go. */
static void set_address(struct api_call *call, const struct address *address)
{
    struct text text;

    text_init(&text);
    text_add_str(&text, "::");
    address_add(address, &text);
    text_add_byte(&text, '\0');
    call->connect_to = curl_slist_append(NULL, text.at);
    CHECK(call->connect_to != NULL);
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
    text_fini(&text);
}

static void set_blob(struct api_call *call, CURLoption option, const struct text *text)
{
    struct curl_blob blob = {text->at, text->len, CURL_BLOB_COPY};

    if (text->len > 0)
        CHECK(curl_easy_setopt(call->easy, option, &blob) == CURLE_OK);
}

/* The roots of the system count only where no others are given. */
static void set_tls(struct api_call *call, const struct identity *identity)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (identity->ca.len > 0) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        set_blob(call, CURLOPT_CAINFO_BLOB, &identity->ca);
    }
    set_blob(call, CURLOPT_SSLCERT_BLOB, &identity->certificate);
    set_blob(call, CURLOPT_SSLKEY_BLOB, &identity->key);
}

static void set_request(struct api_call *call)
{
    const struct api_request *request = &call->request;
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    add_header(call, "Accept: ", BYTES("application/json"));
    if (request->body.len == 0)
        return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.at);
    add_header(call, "Content-Type: ", bytes_of(request->content_type));
    add_header(call, "Expect:", BYTES_NONE); /* no waiting for a 100 */
}

static void set_callbacks(struct api_call *call)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, call);
}

/* No variable of the environment leads our credentials elsewhere: no proxy is asked. */
static void set_transport(struct api_call *call)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)API_READ_BYTES);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)API_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* rather a stream than a connection */
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
}

void call_make_easy(struct api_call *call, const struct address *address,
                    const struct identity *identity)
{
    struct text bearer;

    call->easy = curl_easy_init();
    CHECK(call->easy != NULL);
    set_callbacks(call);
    set_transport(call);
    set_tls(call, identity);
    set_address(call, address);
    set_url(call);
    set_request(call);
    if (identity->token.len > 0) {
        text_init(&bearer);
        text_add_str(&bearer, "Bearer ");
        text_add(&bearer, text_bytes(&identity->token));
        add_header(call, "Authorization: ", text_bytes(&bearer));
        secret_text_fini(&bearer);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

void call_read_easy(struct api_call *call)
{
    curl_off_t retry_after_s = 0;
    long status = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    call->status = (int)status;
    if (retry_after_s < 0)
        retry_after_s = 0;
    call->retry_after_ms = (uint64_t)retry_after_s >= API_RETRY_AFTER_MS_MAX / 1000
                               ? API_RETRY_AFTER_MS_MAX
                               : (uint32_t)retry_after_s * 1000;
}

void call_free_easy(struct api_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    call->easy = NULL;
    call->headers = NULL;
    call->connect_to = NULL;
}
