/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_look.c - what there is at the start.
 */
#include "controller/kube/snapshot_look.h"

#include "controller/kube/place.h"
#include "controller/object/record.h"

#include <unistd.h>

static void not_used(const struct snapshot_config *config, const char *why)
{
    log_warn(config->log, "the snapshot is not used, and is written anew",
             LOG_STRING("file", config->path), LOG_STRING("why", why));
}

static bool is_too_large(const struct snapshot_config *config, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);

    if (size >= 0 && (uint64_t)size <= config->bytes_max)
        return false;
    not_used(config, "it is larger than --max-snapshot-bytes");
    return true;
}

/* What stands there is ours; whether it is for us. */
static bool is_for_us(const struct snapshot_config *config, int fd)
{
    struct text first;
    struct bytes server;
    struct arena arena;
    enum status status;
    ssize_t count;
    bool is_same;

    arena_init(&arena, 1024);
    text_init(&first);
    text_reserve(&first, RECORD_HEADER_MAX);
    count = pread(fd, first.at, RECORD_HEADER_MAX, 0);
    first.len = count > 0 ? (size_t)count : 0;
    first.len = bytes_find(text_bytes(&first), '\n') == BYTES_NOT_FOUND
                    ? 0
                    : bytes_find(text_bytes(&first), '\n');
    status = record_read_header(text_bytes(&first), &arena, &server);
    is_same = status == STATUS_OK && bytes_equal(server, config->server);
    if (status == STATUS_REFUSED)
        not_used(config, "it is of another version of Fairlead");
    else if (status == STATUS_INVALID && count != 0)
        not_used(config, "its first line is broken");
    else if (status == STATUS_OK && !is_same)
        not_used(config, "it is of another API server");
    text_wipe(&first);
    arena_fini(&arena);
    return is_same;
}

enum status snapshot_look(const struct snapshot_config *config, int *fd, bool *is_over_limit)
{
    struct text error;
    enum status status;
    int found = -1;

    text_init(&error);
    status = place_look(config->path, &found, &error);
    if (status == STATUS_REFUSED)
        log_error(config->log, "--snapshot cannot be used", LOG_BYTES("why", text_bytes(&error)));
    else if (status != STATUS_OK)
        log_error(config->log, "the snapshot cannot be read", LOG_BYTES("why", text_bytes(&error)));
    text_fini(&error);
    if (found >= 0) {
        bool is_usable = is_for_us(config, found);

        *is_over_limit = is_usable && is_too_large(config, found);
        if (is_usable && !*is_over_limit)
            *fd = found;
        else
            (void)close(found);
    }
    return status == STATUS_REFUSED ? status : STATUS_OK;
}
