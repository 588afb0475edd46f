/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likeness.c - a process becomes like another. See likeness.h. Raw system calls: libc's setuid family would speak to
 * threads that are not there.
 */
#include "container/security/likeness.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/security/parts.h"

#define BIT(n)	  (UINT64_C(1) << (n))
#define N_CAPS	  64
#define NO_ID	  UINT32_MAX
#define CLAMP_MIN SCHED_FLAG_UTIL_CLAMP_MIN
#define CLAMP_MAX SCHED_FLAG_UTIL_CLAMP_MAX

/* ---- early ---- */

int likeness_set_schedule(pid_t pid, const struct sys_sched *s)
{
	struct sys_sched now = { 0 }, want = *s;
	int r = sys_sched_get(pid, &now);
	if (r < 0)
		return r;
	if (!memcmp(&now, s, sizeof(now)))
		return 0;
	want.size = sizeof(want);
	if (now.clamp_min != s->clamp_min)
		want.flags |= CLAMP_MIN;
	if (now.clamp_max != s->clamp_max)
		want.flags |= CLAMP_MAX;
	return sys_sched_set(pid, &want);
}

static int set_schedule(const struct likeness *l, struct error *err)
{
	int r = l->schedule_later ? 0 : likeness_set_schedule(0, &l->schedule);
	if (r < 0)
		return apply_error(err, -r, "cannot set its scheduling policy %u, nice %d",
				   l->schedule.policy, l->schedule.nice);
	if (syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) != l->io_priority &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, l->io_priority) < 0)
		return apply_error(err, errno, "cannot set its I/O priority");
	uint8_t now[LIKENESS_CPUS];
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(now), now);
	if (n == (long)l->cpus_size && !memcmp(now, l->cpus, l->cpus_size))
		return 0;
	if (syscall(SYS_sched_setaffinity, 0, l->cpus_size, l->cpus) < 0)
		return apply_error(err, errno, "cannot run on its processors");
	return 0;
}

static int refuse_limit(int resource, int e, struct error *err)
{
	apply_error(err, e, "cannot set its limit (setrlimit resource %d)", resource);
	if (e == EPERM)
		error_hint(err, "its hard limit is above ours: CAP_SYS_RESOURCE is wanted");
	return -e;
}

/* Hard limits above ours, while we have the power; the others would hinder us now. */
static int raise_limits(const struct likeness *l, struct error *err)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit now;
		if (syscall(SYS_prlimit64, 0, i, NULL, &now) < 0)
			return refuse_limit(i, errno, err);
		if (l->limits[i].rlim_max <= now.rlim_max)
			continue;
		now.rlim_max = l->limits[i].rlim_max;
		if (syscall(SYS_prlimit64, 0, i, &now, NULL) < 0)
			return refuse_limit(i, errno, err);
	}
	return 0;
}

int likeness_apply_early(const struct likeness *l, struct error *err)
{
	int r = raise_limits(l, err);
	return r < 0 ? r : set_schedule(l, err);
}

int likeness_apply_oom_score_adj(const struct likeness *l, struct error *err)
{
	struct security sec = { .has_oom_score_adj = true, .oom_score_adj = l->oom_score_adj };
	return security_apply_oom_score_adj(&sec, err);
}

/* ---- ids and capabilities ---- */

static int capset_to(uint64_t effective, uint64_t permitted, uint64_t inheritable,
		     struct error *err)
{
	struct security sec = {
		.cap_effective = effective,
		.cap_permitted = permitted,
		.cap_inheritable = inheritable,
	};
	return caps_set(&sec, 0, err);
}

static uint64_t permitted_now(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int set_bounding(const struct proc_traits *inside, struct error *err)
{
	for (int i = 0; i < N_CAPS; i++) {
		int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
		if (held < 0)
			break; /* the kernel's last one was before */
		if (!held && (inside->bounding & BIT(i)))
			return error_set(err, EPERM,
					 "its bounding set has capability %d, and ours has not", i);
	}
	struct security sec = { .cap_bounding = inside->bounding };
	return caps_drop_bounding(&sec, err);
}

static bool same_groups(const struct proc_traits *a, const struct proc_traits *b)
{
	return a->n_groups == b->n_groups &&
	       (!a->n_groups || !memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)));
}

static bool same_ids(const uint32_t a[PROC_IDS], const uint32_t b[PROC_IDS])
{
	return !memcmp(a, b, PROC_IDS * sizeof(*a));
}

static int refuse_ids(int e, const char *which, struct error *err)
{
	apply_error(err, e, "cannot become its %s", which);
	if (e == EINVAL)
		error_hint(err, "its user namespace has no name for one of them");
	return e == EINVAL ? -EPERM : -e;
}

static int set_groups(const struct proc_traits *inside, struct error *err)
{
	if (syscall(SYS_setgroups, inside->n_groups, inside->groups) < 0)
		return refuse_ids(errno, "groups", err);
	return 0;
}

/* The id for files follows the effective one, until it is set. It tells what it was, not whether it worked. */
static int set_files_id(long nr, uint32_t id)
{
	(void)syscall(nr, id);
	return (uint32_t)syscall(nr, NO_ID) == id ? 0 : -EPERM;
}

static int set_gids(const uint32_t g[PROC_IDS], struct error *err)
{
	if (syscall(SYS_setresgid, g[PROC_ID_REAL], g[PROC_ID_EFFECTIVE], g[PROC_ID_SAVED]) < 0)
		return refuse_ids(errno, "group ids", err);
	int r = set_files_id(SYS_setfsgid, g[PROC_ID_FILES]);
	return r < 0 ? refuse_ids(-r, "group id for files", err) : 0;
}

static int set_uids(const uint32_t u[PROC_IDS], struct error *err)
{
	if (syscall(SYS_setresuid, u[PROC_ID_REAL], u[PROC_ID_EFFECTIVE], u[PROC_ID_SAVED]) < 0)
		return refuse_ids(errno, "user ids", err);
	int r = set_files_id(SYS_setfsuid, u[PROC_ID_FILES]);
	return r < 0 ? refuse_ids(-r, "user id for files", err) : 0;
}

static int set_securebits(unsigned bits, struct error *err)
{
	if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == (int)bits ||
	    prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0)
		return 0;
	return apply_error(err, errno, "cannot set its securebits %#x", bits);
}

static int become(const struct proc_traits *theirs, const struct proc_traits *ours,
		  const struct proc_traits *inside, struct error *err)
{
	bool groups = !same_groups(theirs, ours), uids = !same_ids(theirs->uids, ours->uids);
	bool gids = !same_ids(theirs->gids, ours->gids);
	int r = 0;
	/* or setresuid(2) from root to somebody else clears what we still need */
	if (uids)
		r = set_securebits(SECBIT_NO_SETUID_FIXUP, err);
	if (r == 0 && groups)
		r = set_groups(inside, err);
	if (r == 0 && gids)
		r = set_gids(inside->gids, err);
	if (r == 0 && uids)
		r = set_uids(inside->uids, err);
	return r;
}

/* A session keyring of its own, not the caller's: its own one nobody else can give it. */
static void new_keyring(void)
{
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

int likeness_apply_ids(const struct likeness *l, const struct proc_traits *theirs,
		       const struct proc_traits *ours, const struct proc_traits *inside,
		       struct error *err)
{
	uint64_t all = permitted_now();
	/* inheritable first: what is no more in the bounding set cannot be added to it */
	int r = capset_to(all, all, inside->inheritable, err);
	if (r == 0)
		r = set_bounding(inside, err);
	if (r == 0)
		r = become(theirs, ours, inside, err);
	struct security sec = { .cap_ambient = inside->ambient };
	if (r == 0)
		r = caps_raise_ambient(&sec, err);
	if (r == 0)
		r = set_securebits(l->securebits, err);
	if (r < 0)
		return r;
	new_keyring();
	if (inside->umask >= 0)
		(void)umask((mode_t)inside->umask);
	(void)personality(l->personality);
	if (l->timer_slack)
		(void)prctl(PR_SET_TIMERSLACK, l->timer_slack, 0, 0, 0);
	return 0;
}

/* ---- last ---- */

int likeness_apply_limits(const struct likeness *l, struct error *err)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (syscall(SYS_prlimit64, 0, i, &l->limits[i], NULL) < 0)
			return refuse_limit(i, errno, err);
	return 0;
}

int likeness_apply_label(const struct likeness *l, struct error *err)
{
	char text[sizeof(l->label) + 16];
	if (l->label_fd < 0)
		return 0;
	/* AppArmor shows "profile (enforce)" and takes the profile */
	size_t n = strlen(l->label);
	const char *mode = l->apparmor ? strrchr(l->label, '(') : NULL;
	if (mode && mode > l->label + 1)
		n = (size_t)(mode - l->label) - 1;
	int size = snprintf(text, sizeof(text), "%s%.*s", l->apparmor ? "changeprofile " : "",
			    (int)n, l->label);
	if (write(l->label_fd, text, (size_t)size) < 0)
		return apply_error(err, errno, "cannot take on its label \"%.100s\"", l->label);
	return 0;
}

static int install_filters(const struct likeness *l, struct error *err)
{
	for (size_t i = 0; i < l->n_filters; i++) {
		const struct likeness_filter *f = &l->filters[i];
		struct sock_fprog program = { .len = f->n, .filter = f->v };
		/* speculation: as it was, its filters do not tell */
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    f->flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) < 0)
			return apply_error(err, errno, "cannot install its filter %zu", i);
	}
	return 0;
}

int likeness_apply_last(const struct likeness *l, const struct proc_traits *inside,
			struct error *err)
{
	/* a filter needs one of these: what has neither got its filter before it lost the power */
	bool late =
		l->n_filters && !inside->no_new_privs && !(inside->effective & BIT(CAP_SYS_ADMIN));
	int r = 0;
	if (inside->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return apply_error(err, errno, "cannot set no_new_privs");
	if (late)
		r = install_filters(l, err);
	if (r == 0)
		r = capset_to(inside->effective, inside->permitted, inside->inheritable, err);
	if (r == 0 && !late)
		r = install_filters(l, err);
	return r;
}
