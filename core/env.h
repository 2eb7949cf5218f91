/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - what the machine and the container around us allow.
 */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include "core/status.h"

#include <stdint.h>

/* How much nicer a thread is than the loops once it has stepped back (sched(7)): where both want
 * one CPU, a loop gets three quarters of it. And for how long at a time it then has the CPU: Linux
 * gives 3 ms otherwise, in the middle of a turn, and asks for no less than this; from 6.12 on. */
#define BACKGROUND_NICE     5
#define BACKGROUND_SLICE_NS 100000

/*
 * CPUs this process may use, at least 1: the smaller of the affinity mask and the cgroup's quota
 * (v2 cpu.max, v1 cpu.cfs_quota_us / cpu.cfs_period_us, own cgroup and its parents; rounded up).
 * `root` is "" in the program; a test gives a folder with its own proc/ and sys/.
 */
uint32_t env_cpu_count(const char *root);
/* Raise the soft limit of open files to the hard one; returns what holds then. */
uint64_t env_raise_open_files(void);
uint64_t env_open_files_max(void);
/* Resident memory of this process in bytes, from /proc/self/statm; 0 when unknown. */
uint64_t env_resident_bytes(void);
/* Ports below 1024, where the file of the program may have them for its users (setcap
 * cap_net_bind_service=p). Nothing happens where it may not: binding then says so. */
void env_claim_low_ports(void);
/* First thing in a job on the thread pool that may take long, compiling or decoding: from now on
 * this thread gives way to those that serve. Where the system does not let it, nothing changes. */
void env_step_back(void);
/* No core dumps, which would hold keys (hostile-input 98). */
void env_forbid_core_dumps(void);

#endif
