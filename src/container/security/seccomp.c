/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.c - linux.seccomp of a spec to a filter and flags: from the cache, or compiled.
 * seccomp(2).
 */
#include "container/security/seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Raise this whenever the same profile would give other instructions than before. */
#define COMPILER_REVISION 3

/*
 * seccomp(2) looks at the flags first: EFAULT for the missing program means that it knows them all.
 */
static bool kernel_knows(unsigned flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

static bool notifies(const struct spec_seccomp *sc)
{
	for (size_t i = 0; i < sc->n_syscalls; i++) {
		uint32_t action;
		const struct spec_seccomp_rule *rule = &sc->syscalls[i];
		if (seccomp_action(rule->action, &rule->errno_ret, &action, NULL) == 0 &&
		    action == SECCOMP_RET_USER_NOTIF)
			return true;
	}
	return false;
}

static int prepare_flags(const struct spec_seccomp *sc, unsigned *ret, struct error *err)
{
	unsigned flags = 0;
	if (!strcmp(sc->default_action, "SCMP_ACT_NOTIFY")) {
		error_set(err, EINVAL, "SCMP_ACT_NOTIFY cannot be the default");
		error_hint(
			err,
			"to hand the listener over is itself a system call that would wait for it");
		return error_object(err, "/linux/seccomp/defaultAction");
	}
	int r = seccomp_filter_flags(&sc->flags, &flags, err);
	if (r < 0)
		return r;
	/*
	 * As other runtimes do when none is given: before Linux 5.16 a filter otherwise turns on
	 * the costly speculative store bypass mitigation for all that runs under it.
	 */
	if (sc->flags.n == 0)
		flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (sc->listener_path) {
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	} else if (notifies(sc)) {
		error_set(err, EINVAL,
			  "SCMP_ACT_NOTIFY is used, but nobody is named to be notified");
		error_hint(err, "set listenerPath to the agent's socket");
		return error_object(err, "/linux/seccomp/listenerPath");
	}
	if (!kernel_knows(flags)) {
		error_set(err, ENOTSUP, "this kernel does not know these seccomp flags (%#x)%s",
			  flags,
			  (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
				  ? ""
				  : ", or they need a listenerPath");
		error_hint(err, "leave out those that are newer than the kernel: see seccomp(2)");
		return error_object(err, "/linux/seccomp/flags");
	}
	*ret = flags;
	return 0;
}

static void key_string(struct buf *key, const char *s)
{
	buf_add(key, s ? s : "", strlen(s ? s : "") + 1);
}

static void key_number(struct buf *key, uint64_t v)
{
	buf_add(key, &v, sizeof(v));
}

static void key_errno(struct buf *key, const struct opt_u64 *v)
{
	key_number(key, v->set ? v->v : UINT64_MAX);
}

static void key_rule(struct buf *key, const struct spec_seccomp_rule *rule)
{
	key_string(key, rule->action);
	key_errno(key, &rule->errno_ret);
	key_number(key, rule->n_args);
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct spec_seccomp_arg *arg = &rule->args[i];
		key_string(key, arg->op);
		key_number(key, arg->index);
		key_number(key, arg->value);
		key_number(key, arg->value_two);
	}
	key_number(key, rule->names.n);
	for (size_t i = 0; i < rule->names.n; i++)
		key_string(key, rule->names.v[i]);
}

/*
 * Everything that the filter depends on. Strings keep their NUL and lists are counted, so that two profiles
 * cannot look alike whatever their words hold. The default list is as it stands in this program: to write it out
 * as rules takes longer than all the rest, and is only done to compile it.
 */
static void make_key(const struct spec *spec, const struct archs *archs, unsigned flags,
		     struct buf *key)
{
	const struct spec_seccomp *sc = &spec->linux_.seccomp;
	const struct scmp_version *v = seccomp_version();
	buf_printf(key, "revision %d libseccomp %u.%u.%u flags %#x", COMPILER_REVISION, v->major,
		   v->minor, v->micro, flags);
	key_number(key, archs->n);
	buf_add(key, archs->token, archs->n * sizeof(archs->token[0]));
	key_string(key, sc->default_action);
	key_errno(key, &sc->default_errno_ret);
	key_string(key, spec->contexe.default_seccomp ? "default" : "rules");
	if (spec->contexe.default_seccomp) {
		seccomp_default_key(spec, key);
		return;
	}
	key_number(key, sc->n_syscalls);
	for (size_t i = 0; i < sc->n_syscalls; i++)
		key_rule(key, &sc->syscalls[i]);
}

int seccomp_prepare(struct spec *spec, const char *cache_dir, struct arena *arena,
		    struct security *ret, struct error *err)
{
	const struct spec_seccomp *sc = &spec->linux_.seccomp;
	CLEANUP_BUF struct buf key = BUF_INIT;
	struct archs archs;
	struct filter filter = { 0 };

	if (!sc->default_action)
		return 0;
	int r = prepare_flags(sc, &ret->seccomp_flags, err);
	if (r == 0)
		r = seccomp_archs(sc, &archs, err);
	if (r < 0)
		return r;
	make_key(spec, &archs, ret->seccomp_flags, &key);
	ret->filter_from_cache =
		cache_dir && seccomp_cache_load(cache_dir, &key, arena, &filter) == 0;
	if (!ret->filter_from_cache) {
		if (spec->contexe.default_seccomp)
			security_default_seccomp(spec);
		r = seccomp_compile(sc, &archs, arena, &filter, err);
		if (r < 0)
			return r;
		if (cache_dir)
			(void)!seccomp_cache_store(cache_dir, &key,
						   &filter); /* a read-only cache is fine */
	}
	ret->filter = filter.insn;
	ret->filter_len = filter.len;
	return 0;
}
