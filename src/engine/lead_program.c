/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lead_program.c - see lead_program.h. The order: all namespaces at once, so that it is in or out; then the walls, as
 * for a job (container/security/apply.c), the filter last since it judges every call after it.
 */
#include "engine/lead_program.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "checkpoint/inject/arena_map.h"

#define PROGRAM_BYTES	   (192u << 10)
#define PROGRAM_TIMEOUT_MS 10000
#define CAP_COUNT	   64

static void add_any(struct program *p, uint32_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	program_call(p, nr, a, b, c)->want = WANT_ANY;
}

/* Fewer than those it has: never one that it has not. The sets are narrowed by the caller. */
static void add_caps(struct program *p, const struct security *s, const uint64_t has[3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const uint64_t sets[3] = { s->cap_effective & has[0], s->cap_permitted & has[1],
				   s->cap_inheritable & has[2] };
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(sets[0] >> (32 * i)),
			.permitted = (uint32_t)(sets[1] >> (32 * i)),
			.inheritable = (uint32_t)(sets[2] >> (32 * i)),
		};
	program_what(p, "limiting its capabilities");
	for (unsigned i = 0; i < CAP_COUNT; i++) /* EINVAL beyond those that the kernel has */
		if (!(s->cap_bounding >> i & 1))
			add_any(p, SYS_prctl, PR_CAPBSET_DROP, i, 0);
	add_any(p, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
	uint64_t at = program_data(p, &header, sizeof(header));
	(void)program_call(p, SYS_capset, at, program_data(p, data, sizeof(data)));
}

/* Installed without CAP_SYS_ADMIN, which it has no more: hence no_new_privs, asked for or not. */
static void add_filter(struct program *p, const struct security *s)
{
	if (s->no_new_privs || s->filter) {
		program_what(p, "setting no_new_privs");
		(void)program_call(p, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	}
	if (!s->filter)
		return;
	struct {
		uint64_t len, filter;
	} fprog = { s->filter_len, program_data(p, s->filter, s->filter_len * sizeof(*s->filter)) };
	program_what(p, "installing the filter of system calls");
	(void)program_call(p, SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			   s->seccomp_flags & ~SECCOMP_FILTER_FLAG_NEW_LISTENER,
			   program_data(p, &fprog, sizeof(fprog)));
}

/* In a user namespace that it enters it has every capability. */
static void caps_of(const struct tracee *t, const struct lead_entry *e, uint64_t ret[3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3,
						   .pid = t->tid };
	struct __user_cap_data_struct data[2] = { 0 };
	ret[0] = ret[1] = ~0ULL;
	ret[2] = 0;
	if ((e->flags & CLONE_NEWUSER) || syscall(SYS_capget, &header, data) < 0)
		return;
	ret[0] = data[0].effective | (uint64_t)data[1].effective << 32;
	ret[1] = data[0].permitted | (uint64_t)data[1].permitted << 32;
	ret[2] = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
}

static void write_program(struct program *p, const struct tracee *t, const struct lead_entry *e,
			  uint64_t *ret_fd, uint64_t *ret_entered)
{
	uint64_t caps[3];
	caps_of(t, e, caps);
	program_what(p, "opening the container's first process");
	(void)program_call(p, SYS_pidfd_open, (uint64_t)e->init);
	*ret_fd = program_result(p);
	/*
	 * Entering several at once, the kernel does not see that root and directory are shared with another process
	 * (CLONE_FS), and would change that one's, too (commit_nsset(), as of Linux 6.18).
	 */
	program_what(p, "having a root directory of its own");
	(void)program_call(p, SYS_unshare, CLONE_FS);
	program_what(p, "entering the container's namespaces");
	program_call(p, SYS_setns, *ret_fd, e->flags)->refs = 1;
	*ret_entered = program_result(p);
	if (e->flags & CLONE_NEWUSER) /* or its tracer, no root, could not look at it any more */
		add_any(p, SYS_prctl, PR_SET_DUMPABLE, 1, 0);
	struct step *s = program_call(p, SYS_close, *ret_fd);
	s->refs = 1;
	s->want = WANT_ANY;
	add_any(p, SYS_chdir, program_text(p, e->cwd), 0, 0);
	add_caps(p, e->security, caps);
	add_filter(p, e->security);
	program_close(p);
	/* until they are made */
	*(int64_t *)program_at(p, *ret_fd) = *(int64_t *)program_at(p, *ret_entered) = -1;
}

/* It never came in: the descriptor is taken from it again. */
static void close_left(struct tracee *t, const struct program *p, uint64_t at)
{
	int64_t fd = *(const int64_t *)program_at(p, at);
	struct error ignored = ERROR_INIT;
	if (fd >= 0)
		IGNORE_RESULT(
			tracee_call(t, SYS_close, (const uint64_t[6]){ (uint64_t)fd }, &ignored));
}

int lead_enter(struct tracee *leader, const struct lead_entry *entry, bool *ret_inside,
	       struct error *err)
{
	struct arena_map am;
	struct program p;
	uint64_t base, fd_at, entered_at;
	int r = arena_map_new_private(PROGRAM_BYTES, &am, err);
	if (r < 0)
		return r;
	r = tracee_map(leader, am.size, &base, err);
	if (r < 0) {
		arena_map_done(&am);
		return r;
	}
	arena_map_place(&am, base);
	program_init(&p, &am);
	write_program(&p, leader, entry, &fd_at, &entered_at);
	r = arena_map_check(&am, err);
	if (r == 0)
		r = tracee_run(leader, &am, &p, PROGRAM_TIMEOUT_MS, err);
	*ret_inside = *(const int64_t *)program_at(&p, entered_at) == 0;
	if (r < 0 && r != -ESRCH && !*ret_inside)
		close_left(leader, &p, fd_at);
	/* it is in, or out: memory that could not be given back changes neither */
	struct error ignored = ERROR_INIT;
	IGNORE_RESULT(tracee_unmap(leader, base, am.size, &ignored));
	program_done(&p);
	arena_map_done(&am);
	return r;
}
