/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - the control groups of one container, on every layout.
 *
 * Layouts, found at run time by looking at the mounts (never by version):
 *   v2      one cgroup2 tree at /sys/fs/cgroup with all controllers
 *   hybrid  v1 controllers, and a cgroup2 tree beside them (/sys/fs/cgroup/unified) with few or none
 *   v1      v1 controllers only
 *   none    nothing writable (inside another container, or rootless without delegation)
 * A container gets one group of its own in the v2 tree where there is one (freeze, kill, membership,
 * eBPF devices), and one in each v1 controller only where a limit asks for that controller: each attach
 * in v1 costs a grace period. On v1 the freezer controller takes the part of the v2 group.
 *
 * Groups are named `contexe-<id>` directly below the base (the delegated subtree, or the root), so that
 * nothing of ours is left when the last container is gone. A group that was killed by cgroup.kill is
 * never used again (Linux 6.14+ kills everything that is cloned into it later).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "spec/spec.h"

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

struct cgroup; /* one container's groups, open */

/* The layout of this mount namespace, looked up once a process. */
enum cgroup_layout cgroup_layout(void);
const char *cgroup_layout_name(enum cgroup_layout layout); /* "none" "v1" "hybrid" "v2" */
/* Space separated names of the controllers that limits can be set with here, v1 and v2. */
void cgroup_controllers(struct buf *out);
/* Whether one of them is there, by its v2 name ("pids"): quicker, since only it is looked for. */
bool cgroup_has_controller(const char *name);

/*
 * Makes the groups called id and applies the resources. With path (absolute in the hierarchy, as OCI's
 * cgroupsPath; a relative one is below the base) they are made there instead, missing parents too, which
 * go again with cgroup_remove() once nothing else is in them. A limit whose controller is not there, or
 * that the kernel refuses, is an error that names limit, file, value and the kernel's answer; nothing is
 * left then. On CGROUP_NONE: success without any group if no limit was asked for (-EOPNOTSUPP else).
 * -EEXIST: a group of that name is in use (an unused one is made anew). -EBUSY: the v2 base has processes
 * itself and so cannot give controllers. Controllers that a limit needs are switched on in the groups
 * above and stay on, since others may count on them by then. Device rules are left out where we have no
 * privilege over devices (nobody in the container can make a node there either).
 * *ret is the caller's: cgroup_free().
 */
int cgroup_create(const char *id, const char *path, const struct spec_resources *res,
		  struct cgroup **ret, struct error *err) NODISCARD;

/*
 * Applies the device rules to new groups that were made without (n_devices 0): loading the program takes
 * longer than all else, and can be done while the container is being built. Where there is a v2 group, any
 * time before its program runs; on v1 alone, before anybody enters. 0 or -errno.
 */
int cgroup_set_devices(struct cgroup *cg, const struct spec_resources *res, struct error *err)
	NODISCARD;

/* Kills and removes whatever groups were made for this id, in every hierarchy, when nothing was written down
 * about them: their maker died. Best effort. */
void cgroup_purge(const char *id);

/* Opens the groups of an existing container from what cgroup_describe() wrote. -ENOENT when gone. */
int cgroup_open(const char *description, struct cgroup **ret, struct error *err) NODISCARD;

/* One line of text that cgroup_open() takes, to be kept in the container's state. */
void cgroup_describe(const struct cgroup *cg, struct buf *out);

/* Closes; the groups stay. NULL is fine. */
void cgroup_free(struct cgroup *cg);

/* The directory of the v2 group for CLONE_INTO_CGROUP, -EBADF when there is none (v1 only). */
int cgroup_fd(const struct cgroup *cg);

/*
 * Moves the calling, single-threaded process into the v1 groups (and the v2 group where it was not born
 * there: if into_v2). Writes "0" to `tasks`, which takes no lock in the kernel, where cgroup.procs would
 * wait for a grace period. No memory is allocated: callable in a child after clone3. 0 or -errno.
 */
int cgroup_enter(const struct cgroup *cg, bool into_v2) NODISCARD;

/*
 * For CLONE_INTO_CGROUP of a process that joins later (exec): the v2 group that pid, the container's
 * first process, is in now. It is another than cgroup_fd() when the container divides its group (a
 * systemd in it does), because a v2 group with such children may have no processes itself. The
 * descriptor is the caller's. -EBADF: no v2 group; -ENOENT: the process is gone or elsewhere; or -errno.
 */
int cgroup_fd_beside(const struct cgroup *cg, pid_t pid) NODISCARD;

/* Moves another process by pid into all groups (v2 and v1). 0 or -errno. */
int cgroup_attach(const struct cgroup *cg, pid_t pid, struct error *err) NODISCARD;

/* In which groups a process is, of the hierarchies that cg has groups in, so that it can be put back there. */
struct cgroup_place {
	int fds[16]; /* O_PATH; -EBADF: not known */
	size_t n;
};
void cgroup_place_of(const struct cgroup *cg, pid_t pid, struct cgroup_place *ret);
/* Best effort. Closes. */
void cgroup_put_back(struct cgroup_place *place, pid_t pid);
void cgroup_place_done(struct cgroup_place *place);

/* Changes limits while it runs: those set in res, the others stay. A group for a v1 controller that has
 * none yet is made and the container's processes are moved there. All or nothing where the kernel lets us:
 * on failure the values written before are put back. */
int cgroup_update(struct cgroup *cg, const struct spec_resources *res, struct error *err) NODISCARD;

/* Freezes or thaws and waits until it is so (timeout in ms; -ETIMEDOUT, thawed again). */
int cgroup_freeze(const struct cgroup *cg, bool freeze, unsigned timeout_ms, struct error *err)
	NODISCARD;
bool cgroup_frozen(const struct cgroup *cg);

/* SIGKILLs every process in the groups, frozen ones too. Returns when the signal is sent, not when they
 * are gone. -EOPNOTSUPP when there is no group. The group must not be entered again after it. */
int cgroup_kill(const struct cgroup *cg, struct error *err) NODISCARD;

/* Whether any process is left. */
bool cgroup_populated(const struct cgroup *cg);

/* All pids in the group and the groups below it, appended to the malloc'ed array *ret_pids of *ret_n (start
 * with NULL and 0; free it on failure too). 0, -EOPNOTSUPP without a group, or -errno. */
int cgroup_pids(const struct cgroup *cg, pid_t **ret_pids, size_t *ret_n) NODISCARD;

/* Removes the groups with those below them; waits up to timeout_ms for them to become empty. */
int cgroup_remove(const struct cgroup *cg, unsigned timeout_ms, struct error *err) NODISCARD;

/* Bits of cgroup_stats.missing: what this layout cannot tell; those fields are 0 (limits UINT64_MAX). */
enum {
	CGROUP_STATS_CPU = 1,	   /* usage, user, system */
	CGROUP_STATS_THROTTLE = 2, /* throttled, periods (without the cpu controller: no quota) */
	CGROUP_STATS_MEMORY = 4,   /* usage */
	CGROUP_STATS_PEAK = 8,	   /* peak, swap, file, oom_kills */
	CGROUP_STATS_PIDS = 16,
	CGROUP_STATS_IO_BYTES = 32,
	CGROUP_STATS_IO_COUNT = 64, /* io_reads, io_writes */
};

/* What a group has used. */
struct cgroup_stats {
	uint64_t cpu_usage_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_throttled_ns, cpu_periods, cpu_throttled_periods;
	uint64_t memory_usage, memory_limit /* UINT64_MAX: none */, memory_peak, memory_swap,
		memory_file;
	uint64_t oom_kills;
	uint64_t pids, pids_limit /* UINT64_MAX: none */;
	uint64_t io_read_bytes, io_write_bytes, io_reads, io_writes;
	unsigned missing;    /* CGROUP_STATS_* */
	bool from_processes; /* some of it has no controller here: summed over the processes in /proc
			      * (of those that live; pages that two of them share count twice) */
};
int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *ret, struct error *err) NODISCARD;

/*
 * Appends the text of a group's file: v2 of the v2 group where that has it, else v1 of the v1 group of the controller (its v1
 * name); NULL: it has no such file. up: of the group so many levels above, which limits this one too. Returns which
 * it was, -ENOENT when there is none (or no level so high), or -errno.
 */
struct cgroup_file {
	const char *controller, *v2, *v1;
};
enum { CGROUP_TEXT_V1 = 1, CGROUP_TEXT_V2 = 2 };
int cgroup_read(const struct cgroup *cg, const struct cgroup_file *f, unsigned up, struct buf *out)
	NODISCARD;

/* v1 mounts to show inside the container: calls fn(controller names, path of the group) for each. */
int cgroup_each_v1(const struct cgroup *cg,
		   int (*fn)(void *arg, const char *controllers, const char *dir), void *arg);

/* Lets the ids own the groups' files that delegation needs (v2: cgroup.procs, cgroup.subtree_control,
 * what /sys/kernel/cgroup/delegate lists). The limits stay ours. */
int cgroup_delegate(const struct cgroup *cg, uid_t uid, gid_t gid, struct error *err) NODISCARD;
