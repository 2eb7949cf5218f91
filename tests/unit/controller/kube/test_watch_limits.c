/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch_limits.c - the system lets us watch fewer directories than there are. A user namespace
 * of its own has limits of its own, so the kernel itself says no here.
 */
#include "tests/unit/controller/kube/owner.h"
#include "tests/unit/unit.h"

#include <sched.h>

#include <sys/wait.h>

#define CHILD_SKIPS 77

/* False where the system does not allow it. */
static bool set_limit(const char *file, const char *value)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

    if (fd >= 0)
        close(fd);
    return is_written;
}

static size_t count_in_file(const char *path, const char *part)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t count = 0, length;

    assert_non_null(file);
    length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* In a child of one thread, as a namespace is for a whole process. */
static int run_limited(const char *limit, const char *value, bool is_raised)
{
    struct owner owner;
    uint64_t wrote_at_ms;
    int fd;

    if (unshare(CLONE_NEWUSER) != 0 || !set_limit(limit, value))
        return CHILD_SKIPS;
    owner_init(&owner);
    fd = open(tree_path(&owner.tree, "log"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    owner.log = log_create(fd, LOG_LEVEL_DEBUG);
    for (char name[] = "1"; name[0] <= '4'; name[0]++)
        tree_mkdir(&owner.tree, name);
    tree_write_service(&owner.tree, "4/a.yaml", "a", 1);
    owner_open(&owner);
    for (int port = 2; port < 4; port++) {
        wrote_at_ms = clock_ms();
        tree_write_service(&owner.tree, "4/a.yaml", "a", port);
        assert_true(turn_until(&owner, "a", port, WAIT_MS));
        assert_in_range(owner.batch_at_ms - wrote_at_ms, 0, 5000);
    }
    assert_int_equal(count_in_file(tree_path(&owner.tree, "log"), " warn "), 1);
    if (is_raised) {
        assert_true(set_limit(limit, "1000"));
        turn_for(&owner, 1200);
        wrote_at_ms = clock_ms();
        tree_write_service(&owner.tree, "4/a.yaml", "a", 9);
        assert_true(turn_until(&owner, "a", 9, WAIT_MS));
        assert_in_range(owner.batch_at_ms - wrote_at_ms, 0, 900);
    }
    owner_fini(&owner);
    log_destroy(owner.log);
    close(fd);
    return 0;
}

static void in_a_child(const char *limit, const char *value, bool is_raised)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0)
        _exit(run_limited(limit, value, is_raised));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_SKIPS)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(directories_past_the_limit_of_watches_are_scanned_every_second_until_it_is_raised)
{
    in_a_child("/proc/sys/user/max_inotify_watches", "3", true);
}

TEST(without_any_inotify_everything_is_scanned_every_second)
{
    in_a_child("/proc/sys/user/max_inotify_instances", "0", false);
}

TESTS(UNIT(directories_past_the_limit_of_watches_are_scanned_every_second_until_it_is_raised),
      UNIT(without_any_inotify_everything_is_scanned_every_second))
