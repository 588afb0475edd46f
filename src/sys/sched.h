/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.h - sched_getattr(2) and sched_setattr(2), which this C library does not wrap.
 * Source: sched_setattr(2); include/uapi/linux/sched/types.h. Linux 3.14; the clamps since 5.3.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct sys_sched {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* ns; SCHED_DEADLINE */
	uint32_t clamp_min, clamp_max;	    /* 0 to 1024 */
};
/* Without clamps: what every kernel takes. */
#define SYS_SCHED_SHORT offsetof(struct sys_sched, clamp_min)

/* tid 0: ours. Both: 0 or -errno. */
static inline int sys_sched_get(pid_t tid, struct sys_sched *ret)
{
	return syscall(SYS_sched_getattr, tid, ret, sizeof(*ret), 0) < 0 ? -errno : 0;
}

static inline int sys_sched_set(pid_t tid, const struct sys_sched *s)
{
	return syscall(SYS_sched_setattr, tid, s, 0) < 0 ? -errno : 0;
}
