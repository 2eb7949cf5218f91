/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.c - what the machine and the container around us allow.
 *
 * The files read here are the kernel's, but the paths in them were chosen by whoever made the
 * container; anything that does not read as expected counts as "no limit known".
 */
#include "core/env.h"

#include "core/bytes.h"
#include "core/text.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PROC_FILE_BYTES_MAX 16384 /* /proc/self/cgroup: a dozen lines of one path each */
#define AFFINITY_CPUS_MAX   65536
#define CPUS_UNLIMITED      UINT32_MAX

/* The start of a file, into `room`; empty when it can not be read. */
static struct bytes read_file(struct bytes path, char *room, size_t size)
{
    char *name = mem_string(path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 0;

    mem_free(name);
    if (fd < 0)
        return BYTES_NONE;
    while (len < size && (got = read(fd, room + len, size - len)) > 0)
        len += (size_t)got;
    close(fd);
    return got < 0 ? BYTES_NONE : bytes_from(room, len);
}

static uint32_t affinity_cpu_count(void)
{
    /* The kernel refuses a mask smaller than its own with EINVAL. */
    for (size_t cpus = CPU_SETSIZE; cpus <= AFFINITY_CPUS_MAX; cpus *= 2) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        cpu_set_t *set = mem_alloc(size);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;

        mem_free(set);
        if (count > 0)
            return (uint32_t)count;
    }
    return 1;
}

/* quota per period as whole CPUs, rounded up. */
static uint32_t cpus_of_quota(struct bytes quota, struct bytes period)
{
    uint64_t quota_us;
    uint64_t period_us;
    uint64_t cpus;

    if (!bytes_to_uint(quota, INT64_MAX, &quota_us) || quota_us == 0 ||
        !bytes_to_uint(period, INT64_MAX, &period_us) || period_us == 0)
        return CPUS_UNLIMITED;
    cpus = (quota_us - 1) / period_us + 1;
    return cpus < CPUS_UNLIMITED ? (uint32_t)cpus : CPUS_UNLIMITED;
}

/* The first line of folder/file. */
static struct bytes read_value(const struct text *folder, const char *file, char *room, size_t size)
{
    struct text path;
    struct bytes rest;
    struct bytes line = BYTES_NONE;

    text_init(&path);
    text_add(&path, text_bytes(folder));
    text_add_str(&path, file);
    rest = read_file(text_bytes(&path), room, size);
    text_fini(&path);
    bytes_next_item(&rest, '\n', &line);
    return line;
}

/* cpu.max is "QUOTA PERIOD" or "max PERIOD" (Linux, cgroup-v2.rst). */
static uint32_t v2_cpus(const struct text *folder)
{
    char room[128];
    struct bytes rest = read_value(folder, "/cpu.max", room, sizeof(room));
    struct bytes quota = BYTES_NONE;
    struct bytes period = BYTES_NONE;

    bytes_next_item(&rest, ' ', &quota);
    bytes_next_item(&rest, ' ', &period);
    return cpus_of_quota(quota, period);
}

/* cpu.cfs_quota_us is -1 without a limit (Linux, sched-bwc.rst). */
static uint32_t v1_cpus(const struct text *folder)
{
    char quota[128];
    char period[128];

    return cpus_of_quota(read_value(folder, "/cpu.cfs_quota_us", quota, sizeof(quota)),
                         read_value(folder, "/cpu.cfs_period_us", period, sizeof(period)));
}

typedef uint32_t cpus_fn(const struct text *folder);

/*
 * The least of a cgroup and its parents. In a container the path is often the host's, of which only
 * the last part is mounted at the top: then the folders on the way do not exist, and the top one
 * is ours.
 */
static uint32_t least_of_parents(const char *root, const char *mount, struct bytes group,
                                 cpus_fn *cpus)
{
    uint32_t least = CPUS_UNLIMITED;
    struct text folder;

    text_init(&folder);
    for (;;) {
        uint32_t here;
        size_t slash;

        text_clear(&folder);
        text_add_str(&folder, root);
        text_add_str(&folder, mount);
        text_add(&folder, group);
        here = cpus(&folder);
        if (here < least)
            least = here;
        slash = bytes_find_last(group, '/');
        if (slash == BYTES_NOT_FOUND)
            break;
        group = bytes_slice(group, 0, slash);
    }
    text_fini(&folder);
    return least;
}

static bool has_item(struct bytes list, struct bytes wanted)
{
    struct bytes item;

    while (bytes_next_item(&list, ',', &item))
        if (bytes_equal(item, wanted))
            return true;
    return false;
}

/* A group of another namespace reads "/../x": only the top is ours then. */
static struct bytes without_parents(struct bytes group)
{
    struct bytes rest = group;
    struct bytes segment;

    while (bytes_next_item(&rest, '/', &segment))
        if (bytes_equal(segment, BYTES("..")))
            return BYTES_NONE;
    return group;
}

/* One line of /proc/self/cgroup, "ID:CONTROLLERS:PATH" (cgroups(7)). */
static uint32_t cpus_of_line(const char *root, struct bytes line)
{
    struct bytes id = BYTES_NONE;
    struct bytes controllers = BYTES_NONE;
    struct bytes group;
    uint32_t least;
    uint32_t together;

    if (!bytes_next_item(&line, ':', &id) || !bytes_next_item(&line, ':', &controllers))
        return CPUS_UNLIMITED;
    group = without_parents(line);
    if (bytes_equal(id, BYTES("0")) && controllers.len == 0)
        return least_of_parents(root, "/sys/fs/cgroup", group, v2_cpus);
    if (!has_item(controllers, BYTES("cpu")))
        return CPUS_UNLIMITED;
    least = least_of_parents(root, "/sys/fs/cgroup/cpu", group, v1_cpus);
    together = least_of_parents(root, "/sys/fs/cgroup/cpu,cpuacct", group, v1_cpus);
    return together < least ? together : least;
}

static uint32_t cgroup_cpu_count(const char *root)
{
    char room[PROC_FILE_BYTES_MAX];
    uint32_t least = CPUS_UNLIMITED;
    struct text path;
    struct bytes rest;
    struct bytes line;

    text_init(&path);
    text_add_str(&path, root);
    text_add_str(&path, "/proc/self/cgroup");
    rest = read_file(text_bytes(&path), room, sizeof(room));
    text_fini(&path);
    while (bytes_next_item(&rest, '\n', &line)) {
        uint32_t here = cpus_of_line(root, line);

        if (here < least)
            least = here;
    }
    return least;
}

uint32_t env_cpu_count(const char *root)
{
    uint32_t affinity = affinity_cpu_count();
    uint32_t cgroup = cgroup_cpu_count(root);

    return cgroup < affinity ? cgroup : affinity;
}

uint64_t env_open_files_max(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

uint64_t env_raise_open_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* refused: the old limit holds and is returned */
    }
    return env_open_files_max();
}

uint64_t env_resident_bytes(void)
{
    char room[256];
    struct bytes rest = read_file(BYTES("/proc/self/statm"), room, sizeof(room));
    struct bytes size = BYTES_NONE;
    struct bytes resident = BYTES_NONE;
    uint64_t pages;

    bytes_next_item(&rest, ' ', &size);
    bytes_next_item(&rest, ' ', &resident);
    if (!bytes_to_uint(resident, UINT32_MAX, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define NICE_MAX 19

/* As sched_setattr(2) takes it; the C library of Debian 12 has no name for it. */
struct schedule {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/* Where there is no such call, or it is not allowed, the priority alone. On Linux that is the
 * calling thread's, not the process's (setpriority(2), "C library/kernel differences"). */
void env_step_back(void)
{
    static _Thread_local bool is_back;
    struct schedule schedule = {
        .size = sizeof(schedule), .policy = SCHED_OTHER, .slice_ns = BACKGROUND_SLICE_NS};

    if (is_back)
        return;
    is_back = true;
    schedule.nice = getpriority(PRIO_PROCESS, 0) + BACKGROUND_NICE;
    if (schedule.nice > NICE_MAX)
        schedule.nice = NICE_MAX;
    if (syscall(SYS_sched_setattr, 0, &schedule, 0) != 0)
        (void)setpriority(PRIO_PROCESS, 0, schedule.nice);
}

void env_forbid_core_dumps(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    /* The limit does not hold for a core_pattern that pipes into a program (core(5)); this does,
     * and keeps other processes of our user from attaching. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Permitted is what the file gives, effective what counts. The file does not give it the effective
 * way, for then the program could not be started at all where a container may not have it. */
void env_claim_low_ports(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    const uint32_t wanted = UINT32_C(1) << CAP_NET_BIND_SERVICE;

    if (syscall(SYS_capget, &header, data) != 0 || (data[0].permitted & wanted) == 0)
        return;
    data[0].effective |= wanted;
    (void)syscall(SYS_capset, &header, data);
}
