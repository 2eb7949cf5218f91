/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - one uv_fs_event_t for each directory; libuv shares one inotify among them.
 */
#include "controller/kube/watch.h"

#include "core/check.h"

void watch_init(struct watch *watch, uv_loop_t *loop, struct log *log, watch_fn *on_event,
                void *context)
{
    *watch = (struct watch){.loop = loop, .log = log, .on_event = on_event, .context = context};
    map_init(&watch->dirs);
}

static struct bytes last_name(struct bytes path)
{
    size_t slash = bytes_find_last(path, '/');

    return slash == BYTES_NOT_FOUND ? path : bytes_skip(path, slash + 1);
}

/* libuv gives the name of the directory itself for what happens to it. An entry of that name in it
 * looks the same, so both are treated as the former. */
static void on_change(uv_fs_event_t *handle, const char *filename, int events, int status)
{
    struct watched *dir = handle->data;
    struct bytes name = bytes_of(filename);

    (void)events;
    if (status < 0 || bytes_equal(name, last_name(dir->path)))
        name = BYTES_NONE;
    if (name.len == 0)
        dir->is_stale = true;
    dir->watch->on_event(dir->watch->context, dir, name);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct watched *dir = handle->data;
    struct watch *watch = dir->watch;

    mem_free(dir);
    CHECK(watch->handles_open > 0);
    if (--watch->handles_open == 0 && watch->on_closed != NULL) {
        map_fini(&watch->dirs);
        watch->on_closed(watch->context);
    }
}

static struct watched *watched_create(struct watch *watch, struct bytes path)
{
    struct watched *dir = mem_alloc(sizeof(struct watched) + path.len + 1);

    memcpy(dir->text, path.at, path.len);
    dir->path = bytes_from(dir->text, path.len);
    dir->watch = watch;
    dir->is_stale = true;
    uv_fs_event_init(watch->loop, &dir->handle);
    dir->handle.data = dir;
    watch->handles_open++;
    map_put(&watch->dirs, dir->path, dir);
    return dir;
}

/* The last line of defence is the rescan, so this is told once and nothing stops. */
static void tell_incomplete(struct watch *watch, struct bytes path, int error)
{
    if (!watch->is_incomplete)
        log_warn(watch->log,
                 "a directory can not be watched, changes in it are found by the rescan only",
                 LOG_BYTES("directory", path), LOG_ERRNO(error),
                 LOG_STRING("remedy", "raise the sysctl fs.inotify.max_user_watches"));
    watch->is_incomplete = true;
}

/* Returns true when it is a fresh start. */
static bool watched_update(struct watched *dir, const struct scan_dir *found)
{
    bool is_same = !dir->is_stale && dir->device == found->device && dir->inode == found->inode;
    int error;

    dir->device = found->device;
    dir->inode = found->inode;
    dir->has_symlinks = found->has_symlinks;
    dir->is_target = found->is_target;
    if (is_same)
        return false;
    uv_fs_event_stop(&dir->handle);
    error = uv_fs_event_start(&dir->handle, on_change, dir->path.at, 0);
    if (error != 0 && error != UV_ENOENT)
        tell_incomplete(dir->watch, dir->path, error);
    dir->is_stale = error != 0;
    return error == 0;
}

static void forget_others(struct watch *watch)
{
    struct watched *dir;
    size_t at = 0;

    while ((dir = map_next(&watch->dirs, &at)) != NULL) {
        if (dir->update_number == watch->update_number)
            continue;
        map_remove(&watch->dirs, dir->path);
        uv_close((uv_handle_t *)&dir->handle, on_handle_closed);
    }
}

bool watch_update(struct watch *watch, const struct scan_dir *dirs, size_t count)
{
    bool is_more = false;

    watch->update_number++;
    for (size_t i = 0; i < count; i++) {
        struct watched *dir = map_get(&watch->dirs, dirs[i].path);

        if (dir == NULL)
            dir = watched_create(watch, dirs[i].path);
        dir->update_number = watch->update_number;
        if (watched_update(dir, &dirs[i]))
            is_more = true;
    }
    forget_others(watch);
    return is_more;
}

bool watch_mark_stale(struct watch *watch, struct bytes path)
{
    struct watched *dir = map_get(&watch->dirs, path);

    if (dir == NULL)
        return false;
    dir->is_stale = true;
    return true;
}

void watch_close(struct watch *watch, watch_closed_fn *on_closed)
{
    watch->on_closed = on_closed;
    if (watch->handles_open == 0) {
        map_fini(&watch->dirs);
        on_closed(watch->context);
        return;
    }
    watch->update_number++;
    forget_others(watch);
}
