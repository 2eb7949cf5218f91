/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - a directory of its own for a test, and what may be done to it.
 */
#ifndef TESTS_UNIT_CONTROLLER_KUBE_TREE_H
#define TESTS_UNIT_CONTROLLER_KUBE_TREE_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define TREE_PATH_MAX 400

struct tree {
    char root[TREE_PATH_MAX];
};

static inline void tree_init(struct tree *tree)
{
    snprintf(tree->root, sizeof(tree->root), "/tmp/fairlead-test-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
}

static inline int tree_unlink(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

static inline void tree_remove_dir(const char *path)
{
    nftw(path, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void tree_fini(struct tree *tree)
{
    tree_remove_dir(tree->root);
}

/* The path of a name below the root, in one of four buffers that take turns. */
static inline const char *tree_path(const struct tree *tree, const char *name)
{
    static char paths[4][TREE_PATH_MAX * 2];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", tree->root, name);
    return path;
}

static inline void tree_write(const struct tree *tree, const char *name, const char *text)
{
    int fd = open(tree_path(tree, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void tree_mkdir(const struct tree *tree, const char *name)
{
    assert_int_equal(mkdir(tree_path(tree, name), 0755), 0);
}

static inline void tree_rename(const struct tree *tree, const char *from, const char *to)
{
    assert_int_equal(rename(tree_path(tree, from), tree_path(tree, to)), 0);
}

static inline void tree_symlink(const struct tree *tree, const char *target, const char *name)
{
    assert_int_equal(symlink(target, tree_path(tree, name)), 0);
}

/* One Service with one port: the port is what tests tell states by. */
static inline void tree_write_service(const struct tree *tree, const char *file, const char *name,
                                      int port)
{
    char text[300];

    snprintf(text, sizeof(text),
             "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: %d}]}\n",
             name, port);
    tree_write(tree, file, text);
}

#endif
