/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.c - a table of paths, each with what answers it.
 *
 * An answer that is prepared elsewhere is a job; the client may be gone when it is done, so a job
 * knows its stream only as long as the stream knows it.
 */
#include "proxy/admin.h"

#include "core/check.h"
#include "core/env.h"
#include "core/mem.h"
#include "proxy/answer.h"
#include "proxy/prober.h"
#include "proxy/set.h"
#include "proxy/stream.h"
#include "proxy/worker.h"
#include "route/dump.h"
#include "route/explain.h"

#include <time.h>

#define TEXT_PLAIN  "text/plain; charset=utf-8"
#define TEXT_JSON   "application/json"
#define TEXT_METRIC "text/plain; version=0.0.4; charset=utf-8"

struct admin_job {
    uv_work_t work;
    struct stream *stream; /* borrowed; NULL when the client is gone */
    struct worker *worker; /* borrowed */
    struct table *table;   /* ref, or NULL */
    struct text url;       /* of /explain */
    struct text method;
    struct text host;
    struct prober_view *view; /* owned; of /table, else NULL */
    bool is_json;
    bool is_answered; /* explain: a route answers */
    struct text out;
};

static void reply(struct stream *stream, uint16_t code, const char *type, struct bytes body)
{
    const struct answer answer = {.code = code, .type = type, .body = body};

    answer_send(stream, &answer);
    stream->step = STREAM_FINISH;
}

static void reply_text(struct stream *stream, uint16_t code, const char *body)
{
    reply(stream, code, TEXT_PLAIN, bytes_of(body));
}

static struct admin_job *job_create(struct stream *stream)
{
    struct admin_job *job = mem_new(struct admin_job);
    struct generation *latest = stream->worker->current.latest;

    job->work.data = job;
    job->stream = stream;
    job->worker = stream->worker;
    job->table = latest == NULL ? NULL : table_ref(latest->table);
    text_init(&job->url);
    text_init(&job->method);
    text_init(&job->host);
    text_init(&job->out);
    stream->admin_job = job;
    return job;
}

static void job_destroy(struct admin_job *job)
{
    if (job->stream != NULL)
        job->stream->admin_job = NULL;
    if (job->table != NULL)
        job->worker->hooks->retire(job->worker->hooks->context, job->table);
    prober_view_destroy(job->view);
    text_fini(&job->url);
    text_fini(&job->method);
    text_fini(&job->host);
    text_fini(&job->out);
    mem_free(job);
}

void admin_forget(struct stream *stream)
{
    if (stream->admin_job == NULL)
        return;
    stream->admin_job->stream = NULL;
    stream->admin_job = NULL;
}

/* The job's text is the answer, if anybody still waits for it. */
static void job_done(struct admin_job *job, uint16_t code, const char *type)
{
    struct stream *stream = job->stream;

    if (stream != NULL)
        reply(stream, code, type, text_bytes(&job->out));
    job_destroy(job);
    if (stream != NULL)
        stream_run(stream);
}

/* ---- /metrics ---- */

static void write_process_metrics(struct text *out)
{
    metrics_family(out, "fairlead_tables", METRIC_GAUGE,
                   "Routing tables in memory: more than one while old requests finish.");
    metrics_sample(out, "fairlead_tables", NULL, table_live_count());
    metrics_family(out, "fairlead_resident_bytes", METRIC_GAUGE, "Resident memory.");
    metrics_sample(out, "fairlead_resident_bytes", NULL, env_resident_bytes());
    metrics_family(out, "fairlead_build_info", METRIC_GAUGE, "The version that runs.");
    metrics_sample(out, "fairlead_build_info", "version=\"" FAIRLEAD_VERSION "\"", 1);
}

static void on_stats(void *context, const struct stats *stats)
{
    struct admin_job *job = context;
    const struct proxy_hooks *hooks = job->worker->hooks;

    stats_write(stats, &job->out);
    hooks->write_metrics(hooks->context, &job->out);
    metrics_family(&job->out, "fairlead_log_lines_dropped_total", METRIC_COUNTER,
                   "Log lines left out by the rate limit.");
    metrics_sample(&job->out, "fairlead_log_lines_dropped_total", NULL,
                   log_dropped_count(job->worker->log));
    write_process_metrics(&job->out);
    job_done(job, 200, TEXT_METRIC);
}

static void admin_metrics(struct stream *stream)
{
    proxy_gather_stats(stream->worker->proxy, on_stats, job_create(stream));
}

/* ---- /table and /explain: on the thread pool ---- */

static void dump_table(uv_work_t *work)
{
    struct admin_job *job = work->data;

    env_step_back();
    if (job->is_json)
        table_dump_json_live(job->table, prober_view_word, job->view, &job->out);
    else
        table_dump_text_live(job->table, prober_view_word, job->view, &job->out);
}

static void on_dumped(uv_work_t *work, int status)
{
    struct admin_job *job = work->data;

    (void)status;
    job_done(job, 200, job->is_json ? TEXT_JSON : TEXT_PLAIN);
}

static int hex_value(char digit)
{
    char lower = ascii_lower(digit);

    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Percent-decoded, '+' being a blank; what is no escape stays as it is. */
static void decode(struct bytes value, struct text *out)
{
    for (size_t i = 0; i < value.len; i++) {
        bool is_escape = value.at[i] == '%' && value.len - i > 2 &&
                         hex_value(value.at[i + 1]) >= 0 && hex_value(value.at[i + 2]) >= 0;

        if (is_escape) {
            text_add_byte(out,
                          (char)(hex_value(value.at[i + 1]) * 16 + hex_value(value.at[i + 2])));
            i += 2;
        } else {
            text_add_byte(out, value.at[i] == '+' ? ' ' : value.at[i]);
        }
    }
}

/* The value of a query parameter, decoded into `out`; false when it is not there. */
static bool query_value(struct bytes query, struct bytes name, struct text *out)
{
    struct bytes rest = bytes_skip(query, 1);
    struct bytes pair;

    while (query.len > 0 && bytes_next_item(&rest, '&', &pair)) {
        size_t equals = bytes_find(pair, '=');

        if (equals == BYTES_NOT_FOUND || !bytes_equal(bytes_slice(pair, 0, equals), name))
            continue;
        decode(bytes_skip(pair, equals + 1), out);
        return true;
    }
    return false;
}

static bool has_table(struct stream *stream)
{
    if (stream->worker->current.latest != NULL)
        return true;
    reply_text(stream, 503, "no configuration has been loaded yet\n");
    return false;
}

static void admin_table(struct stream *stream)
{
    struct text format;
    struct admin_job *job;

    if (!has_table(stream))
        return;
    text_init(&format);
    (void)query_value(stream->request.query, BYTES("format"), &format);
    job = job_create(stream);
    job->view = prober_view_create(job->worker->prober);
    job->is_json = bytes_equal(text_bytes(&format), BYTES("json"));
    text_fini(&format);
    CHECK(uv_queue_work(stream->worker->loop, &job->work, dump_table, on_dumped) == 0);
}

static bool endpoint_words(void *context, const struct cluster_spec *spec,
                           const struct address *address, struct text *out)
{
    struct worker *worker = context;
    struct cluster *cluster = clusters_get(worker->clusters, spec);
    bool is_used = true;

    LIST_EACH (&cluster->endpoints, link) {
        struct endpoint *endpoint = LIST_ENTRY(link, struct endpoint, link);

        if (!address_equal(&endpoint->address, address))
            continue;
        is_used = endpoint->health != HEALTH_UNHEALTHY;
        prober_add_words(worker->prober, spec, address, out);
        if (endpoint_is_ejected(endpoint, worker_now_ms(worker)))
            text_printf(out, "left out after %u failed connects, ", endpoint->failures);
        text_printf(out, "%u requests in flight", endpoint->in_flight);
    }
    return is_used;
}

/* Small, and it asks the live side of worker 0: so it runs here. */
static void admin_explain(struct stream *stream)
{
    struct admin_job *job;
    struct explain_request request;
    struct text websocket;

    if (!has_table(stream))
        return;
    job = job_create(stream);
    if (!query_value(stream->request.query, BYTES("url"), &job->url)) {
        job_destroy(job);
        reply_text(
            stream, 400,
            "say which request: /explain?method=GET&url=http://host/path (percent-encoded)\n");
        return;
    }
    if (!query_value(stream->request.query, BYTES("method"), &job->method))
        text_add(&job->method, BYTES("GET"));
    (void)query_value(stream->request.query, BYTES("host"), &job->host);
    text_init(&websocket);
    (void)query_value(stream->request.query, BYTES("websocket"), &websocket);
    request = (struct explain_request){
        .method = text_bytes(&job->method),
        .url = text_bytes(&job->url),
        .host = text_bytes(&job->host),
        .wants_websocket = bytes_equal(text_bytes(&websocket), BYTES("true")),
        .now_s = (int64_t)time(NULL),
    };
    text_fini(&websocket);
    job->is_answered = explain(job->table, &request, endpoint_words, stream->worker, &job->out);
    /* The walk is there either way; the verdict is in a field, for programs. */
    reply(stream, job->is_answered ? 200 : 404, TEXT_PLAIN, text_bytes(&job->out));
    job_destroy(job);
}

/* ---- small ones ---- */

static void admin_healthz(struct stream *stream)
{
    reply_text(stream, 200, "ok\n");
}

/* Names of objects, and what an API server said of us: not for a metrics listener. */
static void add_detail(const struct stream *stream, struct text *body)
{
    const struct proxy_hooks *hooks = stream->worker->hooks;

    if (!stream->conn->listener->config->is_metrics)
        hooks->add_detail(hooks->context, body);
}

/* The first line is the verdict; what stands behind it is for people. */
static uint16_t write_readiness(struct stream *stream, struct text *body)
{
    uint32_t unheard;

    switch (proxy_readiness(stream->worker->proxy, &unheard)) {
    case PROXY_READY:
        text_add_str(body, "ready\n");
        add_detail(stream, body);
        return 200;
    case PROXY_DRAINING:
        text_add_str(body, "draining\n");
        return 503;
    case PROXY_NOT_SYNCED:
        text_add_str(body, "not synced yet\n");
        add_detail(stream, body);
        return 503;
    case PROXY_PROBING:
        text_printf(body, "waiting for the first health check of %u endpoint%s\n", unheard,
                    unheard == 1 ? "" : "s");
        return 503;
    }
    return 503;
}

static void admin_readyz(struct stream *stream)
{
    struct text body;
    uint16_t code;

    text_init(&body);
    code = write_readiness(stream, &body);
    reply(stream, code, TEXT_PLAIN, text_bytes(&body));
    text_fini(&body);
}

/* A verb that changes something is for this machine only. */
static void admin_drain(struct stream *stream)
{
    bool is_local =
        stream->conn->listener->config->address.is_unix || address_is_loopback(&stream->conn->peer);

    if (!is_local) {
        reply_text(stream, 403, "POST /drain is answered only from loopback or a unix socket\n");
        return;
    }
    reply_text(stream, 200, "draining\n");
    proxy_drain(stream->worker->proxy);
}

static const struct {
    struct bytes path;
    enum method_id method;
    void (*answer)(struct stream *stream);
    bool is_metrics; /* tells nothing of hosts and objects: a metrics listener has it, too */
} pages[] = {
    {{"/healthz", 8}, METHOD_GET, admin_healthz, true},
    {{"/readyz", 7}, METHOD_GET, admin_readyz, true},
    {{"/metrics", 8}, METHOD_GET, admin_metrics, true},
    {{"/table", 6}, METHOD_GET, admin_table, false},
    {{"/explain", 8}, METHOD_GET, admin_explain, false},
    {{"/drain", 6}, METHOD_POST, admin_drain, false},
};

static void reply_wrong_method(struct stream *stream, enum method_id method)
{
    const struct answer answer = {
        .code = 405,
        .type = TEXT_PLAIN,
        .allow = method == METHOD_POST ? BYTES("POST") : BYTES("GET, HEAD"),
        .body = BYTES("another method is needed\n"),
    };

    answer_send(stream, &answer);
    stream->step = STREAM_FINISH;
}

static void reply_no_page(struct stream *stream, bool is_metrics)
{
    reply_text(stream, 404,
               is_metrics ? "/healthz /readyz /metrics\n"
                          : "/healthz /readyz /metrics /table /table?format=json "
                            "/explain?method=&url= and POST /drain\n");
}

void admin_begin(struct stream *stream)
{
    bool is_metrics = stream->conn->listener->config->is_metrics;

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        enum method_id method = stream->request.method_id;

        if (!bytes_equal(pages[i].path, stream->path) || (is_metrics && !pages[i].is_metrics))
            continue;
        if (method == METHOD_HEAD)
            method = METHOD_GET;
        if (method == pages[i].method)
            pages[i].answer(stream);
        else
            reply_wrong_method(stream, pages[i].method);
        return;
    }
    reply_no_page(stream, is_metrics);
}
