/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - builds the parts, hands each what it needs, runs the loop, drains on SIGTERM.
 *
 *     options -> log -> proxy (binds) + controller (reads) -> loop -> proxy_stop() -> the end
 *
 * The two halves know nothing of each other: the controller publishes a table, and this file gives
 * it to the proxy.
 */
#include "cli/cli.h"
#include "controller/controller.h"
#include "core/check.h"
#include "core/env.h"
#include "core/mem.h"
#include "proxy/proxy.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Of the open files, this part is kept for endpoints, manifests and the admin port. */
#define FILES_RESERVED_SHARE 4
#define FILES_RESERVED_MIN   64
/* Loops, listeners, manifests and the admin port need some before the first client comes. */
#define FILES_NEEDED_MIN 32

#define SIGNALS_COUNT     3
#define OWN_ADDRESSES_MAX 64

struct program {
    const struct options *options; /* borrowed */
    struct log *log;               /* owned */
    uv_loop_t loop;
    struct listener_config *listeners; /* owned */
    size_t listeners_count;
    struct proxy *proxy;                   /* owned */
    struct address own[OWN_ADDRESSES_MAX]; /* where the admin port can be reached */
    struct controller *controller;         /* owned; NULL once closed */
    uv_signal_t signals[SIGNALS_COUNT];
};

static const int watched_signals[SIGNALS_COUNT] = {SIGTERM, SIGINT, SIGHUP};

/* ---- between the halves ---- */

static void on_table(void *context, struct table *table)
{
    struct program *program = context;

    proxy_publish(program->proxy, table);
}

static bool is_synced(void *context)
{
    const struct program *program = context;

    return program->controller != NULL && controller_is_synced(program->controller);
}

static void add_detail(void *context, struct text *out)
{
    const struct program *program = context;

    if (program->controller != NULL)
        controller_add_detail(program->controller, out);
}

static void write_metrics(void *context, struct text *out)
{
    const struct program *program = context;

    if (program->controller != NULL)
        controller_write_metrics(program->controller, out);
}

static void retire(void *context, struct table *table)
{
    struct program *program = context;

    if (program->controller != NULL)
        controller_retire(program->controller, table);
    else
        table_unref(table);
}

static void on_controller_closed(void *context)
{
    struct program *program = context;

    program->controller = NULL;
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        uv_close((uv_handle_t *)&program->signals[i], NULL);
        (void)signal(watched_signals[i], SIG_IGN); /* one that comes now changes nothing */
    }
}

static void on_proxy_stopped(void *context)
{
    struct program *program = context;

    controller_close(program->controller, on_controller_closed, program);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;

    if (number == SIGHUP) {
        log_info(program->log, "SIGHUP: opening the access log again");
        proxy_reopen_log(program->proxy);
        return;
    }
    log_info(program->log, "told to stop", LOG_UINT("signal", (uint64_t)number));
    proxy_stop(program->proxy);
}

static void watch_signals(struct program *program)
{
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        CHECK(uv_signal_init(&program->loop, &program->signals[i]) == 0);
        program->signals[i].data = program;
        CHECK(uv_signal_start(&program->signals[i], on_signal, watched_signals[i]) == 0);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
}

/* ---- configuration ---- */

static void add_listener(struct program *program, struct listener_config listener)
{
    program->listeners[program->listeners_count++] = listener;
}

static void make_listeners(struct program *program)
{
    const struct options *options = program->options;

    program->listeners =
        mem_new_array(struct listener_config,
                      options->http.count + options->https.count + options->metrics.count + 1);
    for (size_t i = 0; i < options->http.count; i++)
        add_listener(program, (struct listener_config){.address = options->http.at[i],
                                                       .proxy_protocol = options->proxy_protocol});
    for (size_t i = 0; i < options->https.count; i++)
        add_listener(program, (struct listener_config){.address = options->https.at[i],
                                                       .is_tls = true,
                                                       .proxy_protocol = options->proxy_protocol});
    add_listener(program, (struct listener_config){.address = options->admin, .is_admin = true});
    for (size_t i = 0; i < options->metrics.count; i++)
        add_listener(program, (struct listener_config){.address = options->metrics.at[i],
                                                       .is_admin = true,
                                                       .is_metrics = true});
}

static uint32_t client_connections_max(const struct options *options, struct log *log)
{
    uint64_t files = env_raise_open_files();
    uint64_t reserved = files / FILES_RESERVED_SHARE + FILES_RESERVED_MIN;
    uint64_t room = files > 2 * reserved ? files - reserved : files / 2;

    if (options->connections_max <= room)
        return options->connections_max;
    log_info(log, "fewer client connections than configured: the limit of open files is in the way",
             LOG_UINT("open_files", files), LOG_UINT("connections_max", room));
    return (uint32_t)room;
}

static struct proxy_config proxy_config_of(struct program *program)
{
    const struct options *options = program->options;
    struct proxy_timeouts timeouts = PROXY_TIMEOUTS_DEFAULT;

    timeouts.head_ms = options->request_head_timeout_ms;
    timeouts.handshake_ms = options->handshake_timeout_ms;
    timeouts.keep_alive_ms = options->keep_alive_timeout_ms;
    timeouts.body_ms = options->request_body_timeout_ms;
    timeouts.client_write_ms = options->client_write_timeout_ms;
    timeouts.connect_ms = options->connect_timeout_ms;
    timeouts.pending_ms = options->pending_timeout_ms;
    timeouts.response_head_ms = options->response_head_timeout_ms;
    timeouts.stream_idle_ms = options->stream_idle_timeout_ms;
    timeouts.tunnel_idle_ms = options->tunnel_idle_timeout_ms;
    timeouts.tcp_idle_ms = options->tcp_idle_timeout_ms;
    timeouts.pool_idle_ms = options->upstream_idle_timeout_ms;
    return (struct proxy_config){
        .listeners = program->listeners,
        .listeners_count = program->listeners_count,
        .trusted = options->trusted_proxies.at,
        .trusted_count = options->trusted_proxies.count,
        .workers_count = options->workers != 0 ? options->workers : env_cpu_count(""),
        .limits = {.head_bytes_max = options->request_head_bytes_max,
                   .target_bytes_max = options->request_target_bytes_max,
                   .fields_max = options->request_fields_max,
                   .underscores_allowed = options->allow_underscores},
        .timeouts = timeouts,
        .connections_max = client_connections_max(options, program->log),
        .handshakes_max = options->handshakes_max,
        .h2_streams_max = options->h2_streams_max,
        .connections_per_address_max = options->connections_per_address_max,
        .request_body_bytes_max = options->request_body_bytes_max,
        .memory_bytes_max = options->memory_bytes_max,
        .shares_ports = options->share_ports,
        .drain_delay_ms = options->drain_delay_ms,
        .drain_timeout_ms = options->drain_timeout_ms,
        .public_http_port = options->public_http_port,
        .public_https_port = options->public_https_port,
        .access_log = options->access_log,
        .access_log_is_json = options->access_log_format == ACCESS_LOG_JSON,
        .loop = &program->loop,
        .log = program->log,
    };
}

/* Before the slash, if there is one; and after it. */
static void split_name(struct bytes title, struct bytes *ns, struct bytes *name)
{
    size_t slash = bytes_find(title, '/');

    *ns = slash == BYTES_NOT_FOUND ? BYTES_NONE : bytes_slice(title, 0, slash);
    *name = slash == BYTES_NOT_FOUND ? title : bytes_skip(title, slash + 1);
}

static struct controller_reports reports_of(const struct options *options)
{
    struct controller_reports reports = {.elects = options->leader_election,
                                         .pod_labels = options->publish_nodes,
                                         .addresses = options->publish_addresses.at,
                                         .addresses_count = options->publish_addresses.count};

    split_name(options->lease_name, &reports.lease_ns, &reports.lease_name);
    split_name(options->publish_service, &reports.published_ns, &reports.published_name);
    return reports;
}

static struct controller_config controller_config_of(struct program *program)
{
    const struct options *options = program->options;
    struct compile_options compile_options = options_for_compile(options);

    compile_options.own = program->own;
    compile_options.own_count =
        proxy_admin_addresses(program->proxy, program->own, OWN_ADDRESSES_MAX);
    return (struct controller_config){
        .loop = &program->loop,
        .log = program->log,
        .directories = options->objects.at,
        .directories_count = options->objects.count,
        .kubeconfig = options->kubeconfig,
        .snapshot = options->snapshot,
        .snapshot_bytes_max = options->snapshot_bytes_max,
        .reports = reports_of(options),
        .options = compile_options,
        .publish = on_table,
        .context = program,
    };
}

/* ---- serve ---- */

static enum status open_parts(struct program *program)
{
    const struct proxy_hooks hooks = {
        .is_synced = is_synced,
        .add_detail = add_detail,
        .write_metrics = write_metrics,
        .retire = retire,
        .on_stopped = on_proxy_stopped,
        .context = program,
    };
    const struct proxy_config proxy_config = proxy_config_of(program);
    struct controller_config controller_config;

    if (proxy_open(&program->proxy, &proxy_config, &hooks) != STATUS_OK)
        return STATUS_REFUSED;
    controller_config = controller_config_of(program);
    return controller_open(&program->controller, &controller_config);
}

static int serve(const struct options *options)
{
    struct program program = {.options = options};

    env_forbid_core_dumps();
    env_claim_low_ports();
    program.log = log_create(STDERR_FILENO, options->log_level);
    if (env_raise_open_files() < FILES_NEEDED_MIN) {
        log_error(
            program.log, "too few open files are allowed to serve: raise the limit (ulimit -n)",
            LOG_UINT("open_files", env_open_files_max()), LOG_UINT("needed", FILES_NEEDED_MIN));
        log_destroy(program.log);
        return EXIT_FOUND;
    }
    CHECK(uv_loop_init(&program.loop) == 0);
    make_listeners(&program);
    watch_signals(&program); /* first: a SIGTERM that comes while the parts open is heard */
    if (open_parts(&program) != STATUS_OK)
        _exit(EXIT_FOUND); /* said in the log; nothing was served yet */
    proxy_run(program.proxy);
    proxy_destroy(program.proxy);
    CHECK(uv_loop_close(&program.loop) == 0);
    log_info(program.log, "stopped");
    log_destroy(program.log);
    mem_free(program.listeners);
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, serve);
}
