/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.c - the same reading and compiling as the proxy's, without a loop.
 */
#include "cli/offline.h"

#include "cli/api_server.h"
#include "cli/commands.h"

#include <errno.h>
#include <netdb.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#define BROKEN_TOLD_MAX 8 /* manifests that cannot be used and are named on stderr */

static size_t copy_answers(const struct addrinfo *answers, struct address *addresses, size_t max)
{
    size_t count = 0;

    for (; answers != NULL && count < max; answers = answers->ai_next) {
        if (address_from_sockaddr(answers->ai_addr, &addresses[count]) == STATUS_OK)
            addresses[count++].port = 0;
    }
    return count;
}

static void resolve_one(struct compiler *compiler, struct bytes name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *answers = NULL;
    struct address addresses[RESOLVED_ADDRESSES_MAX];
    struct resolved_name resolved = {.name = name, .addresses = addresses};
    char *text = mem_string(name);

    if (getaddrinfo(address_name_to_ask(text), "0", &hints, &answers) == 0) {
        resolved.addresses_count = copy_answers(answers, addresses, RESOLVED_ADDRESSES_MAX);
        freeaddrinfo(answers);
    }
    mem_free(text);
    compiler_resolved(compiler, &resolved);
}

static void resolve_all(struct offline *offline)
{
    size_t count;
    const struct bytes *names = compiler_external_names(offline->compiler, &count);
    struct table *resolved;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        resolve_one(offline->compiler, names[i]);
    resolved = compiler_run(offline->compiler, (int64_t)time(NULL));
    if (resolved == NULL)
        return;
    table_unref(offline->table);
    offline->table = resolved;
}

/* A mistyped name is the usual reason, and gets a plain line. */
static enum status check_path(const char *path)
{
    struct stat stat_of_path;
    struct text line;

    if (stat(path, &stat_of_path) == 0)
        return STATUS_OK;
    text_init(&line);
    text_printf(&line, "%s: %s", path, strerror(errno));
    print_error(text_bytes(&line));
    text_fini(&line);
    return STATUS_NOT_FOUND;
}

static enum status check_paths(const struct string_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (check_path(paths->at[i]) != STATUS_OK)
            return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

static enum status read_objects(const struct offline *offline, const struct options *options,
                                const struct string_list *paths, bool for_check,
                                struct source_batch **batch)
{
    if (options->kubeconfig != NULL)
        return check_path(options->kubeconfig) == STATUS_OK
                   ? api_server_read(options, offline->log, batch)
                   : STATUS_NOT_FOUND;
    if (check_paths(paths) != STATUS_OK)
        return STATUS_NOT_FOUND;
    return files_read_once(paths->at, paths->count, for_check, offline->log, batch);
}

/* The fault comes last. */
static void tell_broken(const struct source_file *file)
{
    const struct decode_note *note = &file->decoded.notes[file->decoded.notes_count - 1];
    struct text line;

    text_init(&line);
    text_add_escaped(&line, file->path);
    text_printf(&line, ":%u: ", note->line);
    if (note->column > 0)
        text_printf(&line, "column %u: ", note->column);
    text_add(&line, note->text);
    print_error(text_bytes(&line));
    text_fini(&line);
}

static void count_broken(struct offline *offline, const struct source_batch *batch, bool tells)
{
    for (size_t i = 0; i < batch->files_count; i++) {
        const struct source_file *file = &batch->files[i];

        if (!file->decoded.is_broken)
            continue;
        offline->files_unread += file->decoded.is_unread;
        if (offline->files_broken++ < BROKEN_TOLD_MAX && tells)
            tell_broken(file);
    }
    if (tells && offline->files_broken > BROKEN_TOLD_MAX)
        print_error(BYTES("more manifests cannot be used; fairlead check names all of them"));
}

enum status offline_open(struct offline *offline, const struct options *options,
                         const struct string_list *paths, bool for_check)
{
    struct source_batch *batch;
    enum status status;

    *offline = (struct offline){.options = options_for_compile(options)};
    offline->log = log_create(STDERR_FILENO, LOG_LEVEL_ERROR);
    status = read_objects(offline, options, paths, for_check, &batch);
    if (status != STATUS_OK) {
        log_destroy(offline->log);
        return status;
    }
    count_broken(offline, batch, !for_check);
    offline->compiler = compiler_create(&offline->options);
    compiler_apply(offline->compiler, batch);
    source_batch_destroy(batch);
    offline->table = compiler_run(offline->compiler, (int64_t)time(NULL));
    if (!for_check)
        resolve_all(offline);
    return STATUS_OK;
}

void offline_close(struct offline *offline)
{
    table_unref(offline->table);
    compiler_destroy(offline->compiler);
    log_destroy(offline->log);
}
