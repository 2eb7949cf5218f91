/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_plugin.c - a child process, the pipe of its stdout, and the timer that ends it.
 *
 *     spawn -> [pipe ends | timeout | too much] -> [child gone] -> all handles closed -> on_end
 *
 * A plugin may leave children that keep the pipe open, so the end of the child closes it as well,
 * after what is in the pipe by then has been read.
 */
#include "controller/kube/exec_plugin.h"

#include "controller/kube/secret_file.h"
#include "core/check.h"

#include <signal.h>
#include <stdlib.h>

#define EXEC_INFO     "KUBERNETES_EXEC_INFO"
#define HANDLES_COUNT 3
#define READ_BYTES    16384
#define AFTER_EXIT_MS 100 /* for what is in the pipe when the child ends */

struct exec_plugin {
    uv_process_t process;
    uv_pipe_t output_pipe;
    uv_timer_t timer;
    int handles_open;
    bool is_gone;  /* the child ended */
    bool is_ended; /* its output did */
    bool is_closing;
    int64_t exit_status;
    int signal;
    enum status status;
    struct text output;
    struct text error;
    const struct exec_config *exec; /* borrowed */
    exec_plugin_fn *on_end;
    void *context;
    char buffer[READ_BYTES];
};

static void finish(struct exec_plugin *plugin)
{
    plugin->on_end(plugin->context, plugin->status, text_bytes(&plugin->output),
                   text_bytes(&plugin->error));
    explicit_bzero(plugin->buffer, sizeof(plugin->buffer));
    secret_text_fini(&plugin->output);
    text_fini(&plugin->error);
    mem_free(plugin);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct exec_plugin *plugin = handle->data;

    CHECK(plugin->handles_open > 0);
    if (--plugin->handles_open == 0)
        finish(plugin);
}

static void close_all(struct exec_plugin *plugin)
{
    if (plugin->is_closing)
        return;
    plugin->is_closing = true;
    uv_close((uv_handle_t *)&plugin->process, on_handle_closed);
    uv_close((uv_handle_t *)&plugin->output_pipe, on_handle_closed);
    uv_close((uv_handle_t *)&plugin->timer, on_handle_closed);
}

/* The first fault counts. */
static void fail(struct exec_plugin *plugin, enum status status, const char *sentence)
{
    if (plugin->status != STATUS_OK)
        return;
    plugin->status = status;
    text_printf(&plugin->error, "the credential plugin %s %s", plugin->exec->command.at, sentence);
}

/* With all that it has started: it leads a group of its own. Once it is gone the group may be
 * another's. */
static void kill_child(struct exec_plugin *plugin)
{
    if (!plugin->is_gone)
        (void)kill(-plugin->process.pid, SIGKILL);
}

static void fail_by_exit(struct exec_plugin *plugin)
{
    char sentence[80];

    if (plugin->signal != 0)
        (void)snprintf(sentence, sizeof(sentence), "was ended by signal %d", plugin->signal);
    else
        (void)snprintf(sentence, sizeof(sentence), "ended with status %lld, see stderr",
                       (long long)plugin->exit_status);
    fail(plugin, STATUS_REFUSED, sentence);
}

static void close_if_over(struct exec_plugin *plugin)
{
    if (!plugin->is_gone || !plugin->is_ended)
        return;
    if (plugin->signal != 0 || plugin->exit_status != 0)
        fail_by_exit(plugin);
    close_all(plugin);
}

static void on_timer(uv_timer_t *timer)
{
    struct exec_plugin *plugin = timer->data;

    if (plugin->is_gone) { /* what it left behind holds the pipe: it has had its time */
        plugin->is_ended = true;
        close_if_over(plugin);
        return;
    }
    fail(plugin, STATUS_TIMEOUT, "gave no answer in 60 seconds");
    kill_child(plugin);
}

static void on_child_end(uv_process_t *process, int64_t exit_status, int signal)
{
    struct exec_plugin *plugin = process->data;

    plugin->is_gone = true;
    plugin->exit_status = exit_status;
    plugin->signal = signal;
    if (!plugin->is_ended)
        uv_timer_start(&plugin->timer, on_timer, AFTER_EXIT_MS, 0);
    close_if_over(plugin);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct exec_plugin *plugin = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(plugin->buffer, sizeof(plugin->buffer));
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct exec_plugin *plugin = stream->data;

    if (count < 0) {
        plugin->is_ended = true;
        uv_read_stop(stream);
        close_if_over(plugin);
    } else if (plugin->output.len + (size_t)count > EXEC_OUTPUT_BYTES_MAX) {
        fail(plugin, STATUS_TOO_LARGE, "printed more than 1 MiB");
        plugin->is_ended = true;
        uv_read_stop(stream);
        kill_child(plugin);
        close_if_over(plugin);
    } else {
        text_add(&plugin->output, bytes_from(buffer->base, (size_t)count));
    }
}

/* Texts one behind the other, each with its NUL. */
struct words {
    struct text text;
    size_t count;
};

static void add_variable(struct words *words, struct bytes name, struct bytes value)
{
    text_add(&words->text, name);
    text_add_byte(&words->text, '=');
    text_add(&words->text, value);
    text_add_byte(&words->text, '\0');
    words->count++;
}

static char **words_split(struct words *words)
{
    char **list = mem_new_array(char *, words->count + 1);
    char *at = words->text.at;

    for (size_t i = 0; i < words->count; i++) {
        list[i] = at;
        at += strlen(at) + 1;
    }
    return list;
}

/* The kubeconfig has a variable of this name, from the place `from` on. */
static bool is_set(const struct exec_config *exec, size_t from, struct bytes name)
{
    for (size_t i = from; i < exec->variables_count; i++)
        if (bytes_equal(exec->variables[i].name, name))
            return true;
    return bytes_equal(name, BYTES(EXEC_INFO));
}

/* Our own environment, less what the kubeconfig sets (the last of a name counts), and the info. No
 * name may be there twice: programs do not agree on which one counts then. */
static char **make_environment(const struct exec_config *exec, struct bytes info,
                               struct words *words)
{
    text_init(&words->text);
    for (char **at = environ; *at != NULL; at++) {
        struct bytes variable = bytes_of(*at);
        size_t equals = bytes_find(variable, '=');

        if (equals == BYTES_NOT_FOUND || is_set(exec, 0, bytes_slice(variable, 0, equals)))
            continue;
        add_variable(words, bytes_slice(variable, 0, equals), bytes_skip(variable, equals + 1));
    }
    for (size_t i = 0; i < exec->variables_count; i++)
        if (!is_set(exec, i + 1, exec->variables[i].name))
            add_variable(words, exec->variables[i].name, exec->variables[i].value);
    add_variable(words, BYTES(EXEC_INFO), info);
    return words_split(words);
}

static char **make_arguments(const struct exec_config *exec, struct words *words)
{
    text_init(&words->text);
    text_add(&words->text, bytes_from(exec->command.at, exec->command.len + 1));
    for (size_t i = 0; i < exec->args_count; i++)
        text_add(&words->text, bytes_from(exec->args[i].at, exec->args[i].len + 1));
    words->count = exec->args_count + 1;
    return words_split(words);
}

static int spawn(struct exec_plugin *plugin, struct bytes info)
{
    struct words environment = {0}, arguments = {0};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&plugin->output_pipe},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {
        .exit_cb = on_child_end,
        .flags = UV_PROCESS_DETACHED,
        .file = plugin->exec->command.at,
        .args = make_arguments(plugin->exec, &arguments),
        .env = make_environment(plugin->exec, info, &environment),
        .stdio_count = 3,
        .stdio = stdio,
    };
    int error = uv_spawn(plugin->process.loop, &plugin->process, &options);

    mem_free(options.args);
    mem_free(options.env);
    text_fini(&arguments.text);
    secret_text_fini(&environment.text);
    return error;
}

/* No such program, or none: that does not pass by itself, as a lack of memory does. */
static bool is_no_program(int error)
{
    return error == UV_ENOENT || error == UV_EACCES;
}

static void on_not_spawned(struct exec_plugin *plugin, int error)
{
    fail(plugin, is_no_program(error) ? STATUS_NOT_FOUND : STATUS_IO, "can not be run: ");
    text_add_str(&plugin->error, uv_strerror(error));
    if (plugin->exec->install_hint.len > 0) {
        text_add_str(&plugin->error, "; ");
        text_add_escaped(&plugin->error, bytes_slice(plugin->exec->install_hint, 0, 500));
    }
    plugin->is_gone = true;
    close_all(plugin);
}

struct exec_plugin *exec_plugin_start(uv_loop_t *loop, const struct exec_config *exec,
                                      struct bytes info, exec_plugin_fn *on_end, void *context)
{
    struct exec_plugin *plugin = mem_new(struct exec_plugin);
    int error;

    plugin->exec = exec;
    plugin->on_end = on_end;
    plugin->context = context;
    plugin->handles_open = HANDLES_COUNT;
    plugin->process.loop = loop;
    uv_pipe_init(loop, &plugin->output_pipe, 0);
    uv_timer_init(loop, &plugin->timer);
    plugin->process.data = plugin->output_pipe.data = plugin->timer.data = plugin;
    error = spawn(plugin, info);
    if (error != 0) {
        on_not_spawned(plugin, error);
        return plugin;
    }
    uv_timer_start(&plugin->timer, on_timer, EXEC_TIMEOUT_MS, 0);
    uv_read_start((uv_stream_t *)&plugin->output_pipe, on_buffer, on_output);
    return plugin;
}

void exec_plugin_stop(struct exec_plugin *plugin)
{
    fail(plugin, STATUS_CLOSED, "was stopped");
    plugin->is_ended = true;
    kill_child(plugin);
    if (!plugin->is_closing)
        (void)uv_read_stop((uv_stream_t *)&plugin->output_pipe);
    close_if_over(plugin);
}
