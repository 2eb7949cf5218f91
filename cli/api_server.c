/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_server.c - asks, shows how far it has come, says what is missing.
 */
#include "cli/api_server.h"

#include "cli/commands.h"
#include "controller/kube/kube_once.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct shown {
    uint32_t timeout_ms;
    bool is_on; /* a line of progress stands on the terminal */
};

/* One line that is written over; a pipe or a file gets none of it. */
static void on_progress(void *context, const struct kube_progress *progress, uint64_t elapsed_ms)
{
    struct shown *shown = context;

    if (elapsed_ms < PROGRESS_AFTER_MS || isatty(STDERR_FILENO) == 0)
        return;
    shown->is_on = true;
    (void)fprintf(stderr,
                  "\rfairlead: reading the API server: %zu of %zu lists, %llu s of %llu s\033[K",
                  progress->read, progress->lists, (unsigned long long)elapsed_ms / 1000,
                  (unsigned long long)shown->timeout_ms / 1000);
}

static void wipe_progress(const struct shown *shown)
{
    if (shown->is_on)
        (void)fputs("\r\033[K", stderr);
}

static void print_why(const struct options *options, enum status status, struct bytes why)
{
    struct text line;

    if (why.len == 0)
        return; /* it is in the log */
    text_init(&line);
    text_printf(&line, "--kubeconfig %s: ", options->kubeconfig);
    text_add(&line, why);
    if (status == STATUS_IO)
        text_add_str(&line, "; --list-timeout gives it more time");
    print_error(text_bytes(&line));
    text_fini(&line);
}

/* A server that hangs up is an answer, and must not end us; a reader of ours that does may. */
enum status api_server_read(const struct options *options, struct log *log,
                            struct source_batch **batch)
{
    struct shown shown = {.timeout_ms = options->list_timeout_ms};
    const struct kube_once_config config = {
        .kubeconfig = options->kubeconfig,
        .log = log,
        .watch_namespaces = options->watch_namespaces.at,
        .watch_namespaces_count = options->watch_namespaces.count,
        .timeout_ms = options->list_timeout_ms,
        .on_progress = on_progress,
        .context = &shown,
    };
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    enum status status;
    struct text why;

    text_init(&why);
    status = kube_read_once(&config, batch, &why);
    (void)signal(SIGPIPE, before);
    wipe_progress(&shown);
    if (status != STATUS_OK)
        print_why(options, status, text_bytes(&why));
    text_fini(&why);
    return status;
}
