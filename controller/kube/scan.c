/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - a walk in order of names. Symlinks are followed; a directory seen before is not entered
 * again, so loops end and nothing is found twice.
 */
#include "controller/kube/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* One array that grows; `array`, `count` and `capacity` are fields of the scan. */
#define GROW(array, count, capacity)                                                               \
    do {                                                                                           \
        if ((count) == (capacity)) {                                                               \
            (capacity) = (capacity)*2 + 16;                                                        \
            (array) = mem_resize((array), (capacity) * sizeof((array)[0]));                        \
        }                                                                                          \
    } while (0)

void scan_init(struct scan *scan)
{
    *scan = (struct scan){0};
    arena_init(&scan->arena, 4096);
    map_init(&scan->visited);
}

void scan_fini(struct scan *scan)
{
    mem_free(scan->files);
    mem_free(scan->dirs);
    mem_free(scan->failures);
    mem_free(scan->bare);
    map_fini(&scan->visited);
    arena_fini(&scan->arena);
}

bool scan_is_manifest(struct bytes name)
{
    if (name.len == 0 || name.at[0] == '.')
        return false;
    return bytes_ends_with(name, BYTES(".yaml")) || bytes_ends_with(name, BYTES(".yml")) ||
           bytes_ends_with(name, BYTES(".json"));
}

static struct bytes join(struct scan *scan, struct bytes dir, struct bytes name)
{
    char *path = arena_alloc(&scan->arena, dir.len + 1 + name.len + 1);
    size_t length = dir.len;

    memcpy(path, dir.at, dir.len);
    if (length > 0 && path[length - 1] != '/')
        path[length++] = '/';
    memcpy(path + length, name.at, name.len);
    path[length + name.len] = '\0';
    return bytes_from(path, length + name.len);
}

static void add_failure(struct scan *scan, struct bytes path, int error, bool is_root)
{
    GROW(scan->failures, scan->failures_count, scan->failures_capacity);
    scan->failures[scan->failures_count++] = (struct scan_failure){path, error, is_root};
}

static void add_bare(struct scan *scan, struct bytes path)
{
    GROW(scan->bare, scan->bare_count, scan->bare_capacity);
    scan->bare[scan->bare_count++] = path;
}

static struct scan_dir *add_dir(struct scan *scan, struct bytes path, const struct stat *found)
{
    struct stamp stamp = stamp_of(found);

    GROW(scan->dirs, scan->dirs_count, scan->dirs_capacity);
    scan->dirs[scan->dirs_count] =
        (struct scan_dir){.path = path, .device = stamp.device, .inode = stamp.inode};
    return &scan->dirs[scan->dirs_count++];
}

/* False when the directory was entered before, under whatever name. */
static bool enter(struct scan *scan, const struct stat *found)
{
    uint64_t identity[2] = {(uint64_t)found->st_dev, (uint64_t)found->st_ino};
    struct bytes key = bytes_from((const char *)identity, sizeof(identity));

    if (map_get(&scan->visited, key) != NULL)
        return false;
    key = arena_copy(&scan->arena, key);
    map_put(&scan->visited, key, scan);
    return true;
}

/* The directory a symlinked manifest really is in gets watched too, if it can be found. */
static struct bytes resolve_target(struct scan *scan, struct bytes path)
{
    char *real = realpath(path.at, NULL);
    struct bytes target;
    struct stat found;
    size_t slash;

    if (real == NULL)
        return BYTES_NONE;
    target = arena_copy(&scan->arena, bytes_of(real));
    mem_free(real);
    slash = bytes_find_last(target, '/');
    if (slash != BYTES_NOT_FOUND && slash > 0) {
        struct bytes dir = arena_copy(&scan->arena, bytes_slice(target, 0, slash));

        if (stat(dir.at, &found) == 0 && scan->dirs_count < SCAN_DIRS_MAX && enter(scan, &found))
            add_dir(scan, dir, &found)->is_target = true;
    }
    return target;
}

static void add_file(struct scan *scan, struct bytes path, const struct stat *found)
{
    if (scan->files_count == SCAN_FILES_MAX) {
        scan->is_cut = true;
        return;
    }
    GROW(scan->files, scan->files_count, scan->files_capacity);
    scan->files[scan->files_count] = (struct scan_file){.path = path};
    if (found != NULL)
        scan->files[scan->files_count].stamp = stamp_of(found);
    scan->files_count++;
}

/* What a directory lists, hidden names left out. */
struct listing {
    struct listed {
        struct bytes name;
        unsigned char type; /* DT_... */
    } * names;
    size_t count, capacity;
};

static int compare_listed(const void *a, const void *b)
{
    const struct listed *left = a;
    const struct listed *right = b;

    return bytes_compare(left->name, right->name);
}

static void list_names(struct scan *scan, DIR *dir, struct listing *listing)
{
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL && listing->count <= SCAN_FILES_MAX) {
        if (entry->d_name[0] == '.')
            continue;
        GROW(listing->names, listing->count, listing->capacity);
        listing->names[listing->count++] =
            (struct listed){arena_copy(&scan->arena, bytes_of(entry->d_name)), entry->d_type};
    }
    if (listing->count > 1)
        qsort(listing->names, listing->count, sizeof(listing->names[0]), compare_listed);
}

static void scan_dir(struct scan *scan, struct bytes path, const struct stat *found,
                     unsigned depth);

/* A name that is no manifest is looked at only if it may be a directory. */
static void scan_name(struct scan *scan, DIR *dir, struct bytes dir_path,
                      const struct listed *listed, unsigned depth)
{
    bool is_manifest = scan_is_manifest(listed->name);
    struct bytes path;
    struct stat found;

    if (!is_manifest && listed->type != DT_DIR && listed->type != DT_LNK &&
        listed->type != DT_UNKNOWN)
        return;
    path = join(scan, dir_path, listed->name);
    if (fstatat(dirfd(dir), listed->name.at, &found, 0) != 0) {
        if (is_manifest && errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
            add_file(scan, path, NULL); /* the reader will say why */
        else if (is_manifest && lstat(path.at, &found) == 0)
            add_bare(scan, path);
        return;
    }
    if (S_ISDIR(found.st_mode))
        scan_dir(scan, path, &found, depth + 1);
    else if (is_manifest)
        add_file(scan, path, &found);
}

static void scan_names(struct scan *scan, DIR *dir, size_t dir_index, unsigned depth)
{
    struct listing listing = {0};

    list_names(scan, dir, &listing);
    for (size_t i = 0; i < listing.count; i++) {
        if (listing.names[i].type == DT_LNK || listing.names[i].type == DT_UNKNOWN)
            scan->dirs[dir_index].has_symlinks = true;
        scan_name(scan, dir, scan->dirs[dir_index].path, &listing.names[i], depth);
    }
    mem_free(listing.names);
}

static void scan_dir(struct scan *scan, struct bytes path, const struct stat *found, unsigned depth)
{
    DIR *dir;

    if (!enter(scan, found))
        return;
    if (depth > SCAN_DEPTH_MAX || scan->dirs_count >= SCAN_DIRS_MAX) {
        scan->is_cut = true;
        return;
    }
    dir = opendir(path.at);
    if (dir == NULL) {
        if (errno != ENOENT || depth == 0)
            add_failure(scan, path, errno, depth == 0);
        return;
    }
    add_dir(scan, path, found);
    scan_names(scan, dir, scan->dirs_count - 1, depth);
    closedir(dir);
}

/* Targets come last, so that a directory which is also below a root counts as that. */
static void scan_targets(struct scan *scan)
{
    bool has_symlinks = false;
    struct stat found;

    for (size_t i = 0; i < scan->dirs_count; i++)
        has_symlinks = has_symlinks || scan->dirs[i].has_symlinks;
    for (size_t i = 0; has_symlinks && i < scan->files_count; i++) {
        struct scan_file *file = &scan->files[i];

        if (lstat(file->path.at, &found) == 0 && S_ISLNK(found.st_mode))
            file->target = resolve_target(scan, file->path);
    }
}

/* A root that was entered under another name before is not bare. */
static void scan_root(struct scan *scan, struct bytes path)
{
    size_t dirs_before = scan->dirs_count, files_before = scan->files_count;
    struct stat found;

    if (stat(path.at, &found) != 0) {
        add_failure(scan, path, errno, true);
        return;
    }
    scan_dir(scan, path, &found, 0);
    if (scan->dirs_count > dirs_before && scan->files_count == files_before)
        add_bare(scan, path);
}

void scan_roots(struct scan *scan, const char *const *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        scan_root(scan, arena_copy(&scan->arena, bytes_of(roots[i])));
    }
    scan_targets(scan);
}
