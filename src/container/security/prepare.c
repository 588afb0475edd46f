/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare.c - security_prepare(): a spec's words as the numbers that the child will hand to the
 * kernel.
 */
#include "container/security/parts.h"

#include <string.h>

#include "container/security/seccomp.h"

#define OOM_ADJ_MIN (-1000)
#define OOM_ADJ_MAX 1000

static void prepare_user(const struct spec_process *proc, struct arena *arena, struct security *ret)
{
	const struct spec_user *user = &proc->user;
	ret->uid = user->uid;
	ret->gid = user->gid;
	ret->umask = user->umask.set ? (int)(user->umask.v & 0777) : -1;
	ret->set_groups = true;
	for (size_t i = 0; i < user->n_additional_gids; i++)
		*arena_push(arena, ret->groups, ret->n_groups) = user->additional_gids[i];
}

static int prepare_oom(const struct spec_process *proc, struct security *ret, struct error *err)
{
	const struct opt_i64 *adj = &proc->oom_score_adj;
	if (!adj->set)
		return 0;
	if (adj->v < OOM_ADJ_MIN || adj->v > OOM_ADJ_MAX) {
		error_set(err, EINVAL, "%lld is not within %d..%d", (long long)adj->v, OOM_ADJ_MIN,
			  OOM_ADJ_MAX);
		return error_object(err, "/process/oomScoreAdj");
	}
	ret->has_oom_score_adj = true;
	ret->oom_score_adj = (int)adj->v;
	return 0;
}

/* The default list is long and always the same: a spec only says that it is meant. */
static int prepare_filter(const struct spec *spec, const char *cache_dir, struct arena *arena,
			  struct security *ret, struct error *err)
{
	struct spec full = *spec;
	full.arena = (struct arena){ 0 };
	if (spec->contexe.default_seccomp)
		seccomp_default_frame(&full);
	int r = seccomp_prepare(&full, cache_dir, arena, ret, err);
	arena_done(&full.arena);
	return r;
}

int security_prepare(const struct spec *spec, const char *cache_dir, struct arena *arena,
		     struct security *ret, struct error *err)
{
	struct security sec = { .new_keyring = true };
	prepare_user(&spec->process, arena, &sec);
	sec.no_new_privs = spec->process.no_new_privs;
	int r = caps_prepare(spec, &sec, err);
	if (r == 0)
		r = rlimit_prepare(spec, arena, &sec, err);
	if (r == 0)
		r = prepare_oom(&spec->process, &sec, err);
	if (r == 0)
		r = schedule_prepare(spec, &sec, err);
	if (r == 0)
		r = personality_prepare(spec, &sec, err);
	if (r == 0)
		r = lsm_prepare(spec, arena, &sec, err);
	if (r == 0)
		r = prepare_filter(spec, cache_dir, arena, &sec, err);
	if (r == 0)
		*ret = sec;
	return r;
}
