/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - the child dresses: security_apply_early() and security_apply_final(), after fork and
 * before exec. Raw system calls: libc's setuid family would signal every thread, and nothing here
 * allocates.
 */
#include "container/security/parts.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* i386 and the old 32-bit ABIs have 16-bit ids under the plain names. */
#ifdef SYS_setresuid32
#define NR_SETGROUPS SYS_setgroups32
#define NR_SETRESGID SYS_setresgid32
#define NR_SETRESUID SYS_setresuid32
#else
#define NR_SETGROUPS SYS_setgroups
#define NR_SETRESGID SYS_setresgid
#define NR_SETRESUID SYS_setresuid
#endif

typedef int step(const struct security *sec, struct error *err);

static int run_steps(step *const *steps, size_t n, const struct security *sec, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = steps[i](sec, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- early ---- */

int security_apply_oom_score_adj(const struct security *sec, struct error *err)
{
	if (!sec->has_oom_score_adj)
		return 0;
	char text[16];
	(void)snprintf(text, sizeof(text), "%d", sec->oom_score_adj);
	if (procfile_says("self/oom_score_adj", text))
		return 0; /* done before, by somebody who was allowed to */
	int r = procfile_write("self/oom_score_adj", text);
	if (r == 0)
		return 0;
	apply_error(err, -r, "cannot set oom_score_adj to %d", sec->oom_score_adj);
	if (r == -EACCES)
		error_hint(
			err,
			"going below the value that the caller was given needs CAP_SYS_RESOURCE");
	else if (r == -ENOENT || r == -EXDEV)
		error_hint(err, "a procfs must be mounted on /proc, with nothing over its files");
	return r;
}

/*
 * A session keyring of its own: else the container could use the keys of whoever started it.
 * Kernels without keyrings have none to leak; a seccomp filter around us that denies keyctl(2)
 * denies it to the container as well.
 */
static int join_keyring(const struct security *sec, struct error *err)
{
	if (!sec->new_keyring || syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 ||
	    errno == ENOSYS || errno == EPERM)
		return 0;
	int e = errno;
	apply_error(err, e, "cannot make a session keyring");
	if (e == EDQUOT)
		error_hint(err, "raise sysctl kernel.keys.maxkeys, or switch the new keyring off");
	return -e;
}

static int apply_rlimits(const struct security *sec, struct error *err)
{
	return security_apply_rlimits(sec, 0, err);
}

int security_apply_early(const struct security *sec, struct error *err)
{
	/*
	 * The limits come last: they may forbid what the others need, such as one more descriptor.
	 */
	static step *const steps[] = {
		security_apply_oom_score_adj,
		schedule_apply,
		join_keyring,
		personality_apply,
		lsm_apply,
		apply_rlimits,
	};
	return run_steps(steps, ARRAY_SIZE(steps), sec, err);
}

/* ---- final ---- */

static int set_groups(const struct security *sec, struct error *err)
{
	if (!sec->set_groups || syscall(NR_SETGROUPS, sec->n_groups, sec->groups) == 0)
		return 0;
	int e = errno;
	apply_error(err, e, "cannot set %zu supplementary groups", sec->n_groups);
	if (e == EINVAL)
		error_hint(err, "a group id is not mapped into the user namespace");
	else if (e == EPERM)
		error_hint(err,
			   "setgroups is denied in this user namespace, or CAP_SETGID is missing");
	return -e;
}

/* setresuid(2) takes -1 for "leave it as it is": a spec that asks for it would stay root. */
static int no_such_id(const char *kind, struct error *err)
{
	error_set(err, EINVAL, "4294967295 is no %s id", kind);
	return error_hint(err, "ids go up to 4294967294");
}

static int set_gid(const struct security *sec, struct error *err)
{
	if (sec->gid == (gid_t)-1)
		return no_such_id("group", err);
	if (syscall(NR_SETRESGID, sec->gid, sec->gid, sec->gid) == 0)
		return 0;
	int e = errno;
	apply_error(err, e, "cannot become group %u", sec->gid);
	if (e == EINVAL)
		error_hint(err, "group %u is not mapped into the user namespace", sec->gid);
	return -e;
}

static int set_uid(const struct security *sec, struct error *err)
{
	if (sec->uid == (uid_t)-1)
		return no_such_id("user", err);
	if (syscall(NR_SETRESUID, sec->uid, sec->uid, sec->uid) == 0)
		return 0;
	int e = errno;
	apply_error(err, e, "cannot become user %u", sec->uid);
	if (e == EINVAL)
		error_hint(err, "user %u is not mapped into the user namespace", sec->uid);
	else if (e == EAGAIN)
		error_hint(err, "user %u is at its RLIMIT_NPROC", sec->uid);
	return -e;
}

static int set_no_new_privs(const struct security *sec, struct error *err)
{
	if (sec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return apply_error(err, errno, "cannot set no_new_privs");
	return 0;
}

/* From here on the filter judges every system call. */
static int install_filter(const struct security *sec, struct error *err)
{
	if (!sec->filter)
		return 0;
	bool listens = sec->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (listens && !sec->listener)
		return error_set(err, EINVAL,
				 "the seccomp filter notifies, but nobody takes the listener");
	struct sock_fprog program = { .len = sec->filter_len, .filter = sec->filter };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, sec->seccomp_flags, &program);
	if (r >= 0) {
		if (listens)
			*sec->listener = (int)r;
		return 0;
	}
	int e = errno;
	apply_error(err, e, "cannot install the seccomp filter of %u instructions",
		    sec->filter_len);
	if (e == EACCES)
		error_hint(err, "without CAP_SYS_ADMIN only a process with noNewPrivileges may "
				"filter itself");
	else if (e == EBUSY)
		error_hint(err, "the caller is under a filter with a listener itself, and there "
				"can be one");
	return -e;
}

static int set_caps(const struct security *sec, struct error *err)
{
	return caps_set(sec, 0, err);
}

/*
 * With CAP_SYS_ADMIN on top for as long as seccomp(2) needs it; if the caller lacks it, seccomp(2)
 * tells.
 */
static int set_caps_and_admin(const struct security *sec, struct error *err)
{
	int r = caps_set(sec, UINT64_C(1) << CAP_SYS_ADMIN, NULL);
	return r == -EPERM ? caps_set(sec, 0, err) : r;
}

static int drop_admin(const struct security *sec, struct error *err)
{
	int r = caps_set(sec, 0, err);
	if (r < 0)
		error_hint(err, "without noNewPrivileges the seccomp profile must allow capset");
	return r;
}

static int become_user(const struct security *sec, struct error *err)
{
	static step *const steps[] = { caps_drop_bounding, set_groups, set_gid, set_uid };
	int r = caps_keep(err);
	return r < 0 ? r : run_steps(steps, ARRAY_SIZE(steps), sec, err);
}

int security_apply_final(const struct security *sec, struct error *err)
{
	static step *const filter_last[] = {
		become_user, set_caps, caps_raise_ambient, set_no_new_privs, install_filter,
	};
	static step *const filter_as_admin[] = {
		become_user, set_caps_and_admin, caps_raise_ambient, install_filter, drop_admin,
	};
	if (sec->umask >= 0)
		(void)umask((mode_t)sec->umask);
	if (sec->filter && !sec->no_new_privs)
		return run_steps(filter_as_admin, ARRAY_SIZE(filter_as_admin), sec, err);
	return run_steps(filter_last, ARRAY_SIZE(filter_last), sec, err);
}
