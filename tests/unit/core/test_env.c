/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env.c - CPUs by affinity and cgroup, with made-up /proc and /sys; limits of the process.
 */
#include "core/env.h"
#include "core/text.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A folder that stands for "/". */
struct fake_root {
    char path[64];
};

static void root_init(struct fake_root *root)
{
    snprintf(root->path, sizeof(root->path), "/tmp/fairlead-test-env-XXXXXX");
    assert_non_null(mkdtemp(root->path));
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *at)
{
    (void)file;
    (void)type;
    (void)at;
    return remove(path);
}

static void root_fini(struct fake_root *root)
{
    assert_int_equal(nftw(root->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Writes a file and makes the folders above it. */
static void root_put(const struct fake_root *root, const char *name, const char *content)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s%s", root->path, name);
    for (char *slash = path + strlen(root->path) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

static uint32_t affinity_count(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    return (uint32_t)CPU_COUNT(&set);
}

/* As the quota allows, but no more than this machine has. */
static void assert_cpus(const struct fake_root *root, uint32_t expected)
{
    uint32_t affinity = affinity_count();

    assert_int_equal(env_cpu_count(root->path), expected < affinity ? expected : affinity);
}

TEST(without_cgroups_the_affinity_decides)
{
    struct fake_root root;

    root_init(&root);
    assert_cpus(&root, UINT32_MAX);
    root_fini(&root);
}

TEST(the_real_machine_has_at_least_one_cpu)
{
    assert_in_range(env_cpu_count(""), 1, affinity_count());
}

TEST(cgroup_v2_quota_of_one_cpu)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "0::/\n");
    root_put(&root, "/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(cgroup_v2_quota_is_rounded_up)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "0::/\n");
    root_put(&root, "/sys/fs/cgroup/cpu.max", "100001 100000\n");
    assert_cpus(&root, 2);
    root_put(&root, "/sys/fs/cgroup/cpu.max", "1 100000\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(cgroup_v2_max_is_no_limit)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "0::/\n");
    root_put(&root, "/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_cpus(&root, UINT32_MAX);
    root_fini(&root);
}

TEST(cgroup_v2_the_tightest_parent_holds)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "0::/kubepods/pod1/box\n");
    root_put(&root, "/sys/fs/cgroup/kubepods/pod1/box/cpu.max", "max 100000\n");
    root_put(&root, "/sys/fs/cgroup/kubepods/pod1/cpu.max", "50000 100000\n");
    root_put(&root, "/sys/fs/cgroup/kubepods/cpu.max", "800000 100000\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(cgroup_v2_path_of_the_host_falls_back_to_the_mounted_top)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "0::/kubepods.slice/pod1.slice/box.scope\n");
    root_put(&root, "/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_cpus(&root, 1);
    root_put(&root, "/proc/self/cgroup", "0::/../../box.scope\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(cgroup_v1_quota_of_the_own_group)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup",
             "5:memory:/box\n4:cpu,cpuacct:/box\n3:cpuset:/box\n0::/box\n");
    root_put(&root, "/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "20000\n");
    root_put(&root, "/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    root_put(&root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    root_put(&root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(cgroup_v1_quota_of_a_parent_and_no_limit)
{
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "4:cpu:/pods/box\n");
    root_put(&root, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    root_put(&root, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_cpus(&root, UINT32_MAX);
    root_put(&root, "/sys/fs/cgroup/cpu/pods/cpu.cfs_quota_us", "90000\n");
    root_put(&root, "/sys/fs/cgroup/cpu/pods/cpu.cfs_period_us", "100000\n");
    assert_cpus(&root, 1);
    root_fini(&root);
}

TEST(odd_cgroup_files_count_as_no_limit)
{
    static const char *const odd[] = {"",
                                      "\n",
                                      "0 100000\n",
                                      "100000 0\n",
                                      "100000\n",
                                      "x y\n",
                                      "99999999999999999999 100000\n",
                                      "-5 100000\n"};
    struct fake_root root;

    root_init(&root);
    root_put(&root, "/proc/self/cgroup", "\n:\nno colons\n0::/\n1:cpu\n");
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        root_put(&root, "/sys/fs/cgroup/cpu.max", odd[i]);
        assert_cpus(&root, UINT32_MAX);
    }
    root_fini(&root);
}

/* In a child, since limits that were lowered can not be raised again. */
static void in_child(int (*body)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int raises_open_files(void)
{
    struct rlimit limit = {64, 256};

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || env_open_files_max() != 64)
        return 1;
    return env_raise_open_files() == 256 && env_open_files_max() == 256 ? 0 : 2;
}

TEST(open_files_are_raised_to_the_hard_limit)
{
    in_child(raises_open_files);
}

static int forbids_core_dumps(void)
{
    struct rlimit limit;

    env_forbid_core_dumps();
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
        return 1;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2;
}

TEST(hostile_98_no_core_dumps)
{
    in_child(forbids_core_dumps);
}

TEST(resident_memory_grows_with_what_is_touched)
{
    const size_t size = 32 << 20;
    uint64_t before = env_resident_bytes();
    char *memory = malloc(size);
    uint64_t after;

    assert_non_null(memory);
    memset(memory, 1, size);
    after = env_resident_bytes();
    free(memory);
    assert_true(before > 0);
    assert_true(after >= before + size / 2);
}

static void *step_back_twice(void *nice)
{
    env_step_back();
    env_step_back();
    *(int *)nice = getpriority(PRIO_PROCESS, 0);
    return NULL;
}

TEST(a_thread_that_steps_back_does_so_once_and_alone)
{
    int before = getpriority(PRIO_PROCESS, 0), nice = 0;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, step_back_twice, &nice), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(nice, before + BACKGROUND_NICE > 19 ? 19 : before + BACKGROUND_NICE);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

TESTS(UNIT(without_cgroups_the_affinity_decides), UNIT(the_real_machine_has_at_least_one_cpu),
      UNIT(cgroup_v2_quota_of_one_cpu), UNIT(cgroup_v2_quota_is_rounded_up),
      UNIT(cgroup_v2_max_is_no_limit), UNIT(cgroup_v2_the_tightest_parent_holds),
      UNIT(cgroup_v2_path_of_the_host_falls_back_to_the_mounted_top),
      UNIT(cgroup_v1_quota_of_the_own_group), UNIT(cgroup_v1_quota_of_a_parent_and_no_limit),
      UNIT(odd_cgroup_files_count_as_no_limit), UNIT(open_files_are_raised_to_the_hard_limit),
      UNIT(hostile_98_no_core_dumps), UNIT(resident_memory_grows_with_what_is_touched),
      UNIT(a_thread_that_steps_back_does_so_once_and_alone))
