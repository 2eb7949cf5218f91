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

    if (status < 0 || bytes_equal(name, last_name(dir->path)))
        name = BYTES_NONE;
    if (name.len == 0)
        dir->is_stale = true;
    dir->watch->on_event(dir->watch->context, dir, name, events == UV_CHANGE);
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

static const char *remedy(int error)
{
    if (error == UV_ENOSPC)
        return "raise the sysctl fs.inotify.max_user_watches";
    if (error == UV_EMFILE)
        return "raise the sysctl fs.inotify.max_user_instances or the limit of open files";
    return "see that the directory may be read";
}

/* Told when it begins, and not for each directory or update. */
static void tell_incomplete(struct watch *watch, struct bytes path, int error)
{
    if (watch->is_incomplete)
        return;
    log_warn(watch->log, "a directory can not be watched, changes are found by scans alone",
             LOG_BYTES("directory", path), LOG_ERRNO(error), LOG_STRING("remedy", remedy(error)));
    watch->is_incomplete = true;
}

/* No directory after this one will fare better in the same update. */
static bool is_limit(int error)
{
    return error == UV_ENOSPC || error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOMEM;
}

struct update {
    bool is_full;   /* a limit was met */
    bool is_failed; /* some directory is not watched */
    bool is_more;
};

static void watched_start(struct watched *dir, struct update *update)
{
    int error;

    uv_fs_event_stop(&dir->handle);
    dir->is_stale = true;
    if (update->is_full)
        return;
    error = uv_fs_event_start(&dir->handle, on_change, dir->path.at, 0);
    if (error == 0) {
        dir->is_stale = false;
        update->is_more = true;
    } else if (error != UV_ENOENT) {
        update->is_full = is_limit(error);
        update->is_failed = true;
        tell_incomplete(dir->watch, dir->path, error);
    }
}

/* The first symlinks of a directory give a meaning to hidden names: until now they were passed
 * over. */
static void watched_update(struct watched *dir, const struct scan_dir *found, struct update *update)
{
    bool is_same = !dir->is_stale && dir->device == found->device && dir->inode == found->inode;

    if (found->has_symlinks && !dir->has_symlinks)
        update->is_more = true;
    dir->device = found->device;
    dir->inode = found->inode;
    dir->has_symlinks = found->has_symlinks;
    dir->is_target = found->is_target;
    if (!is_same)
        watched_start(dir, update);
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

/* Others are forgotten first, so that their watches are free. */
bool watch_update(struct watch *watch, const struct scan_dir *dirs, size_t count)
{
    struct update update = {0};

    watch->update_number++;
    for (size_t i = 0; i < count; i++) {
        struct watched *dir = map_get(&watch->dirs, dirs[i].path);

        if (dir == NULL)
            dir = watched_create(watch, dirs[i].path);
        dir->update_number = watch->update_number;
    }
    forget_others(watch);
    for (size_t i = 0; i < count; i++)
        watched_update(map_get(&watch->dirs, dirs[i].path), &dirs[i], &update);
    if (watch->is_incomplete && !update.is_failed)
        log_info(watch->log, "all directories of manifests are watched again");
    watch->is_incomplete = update.is_failed;
    return update.is_more;
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
