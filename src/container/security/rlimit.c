/* SPDX-License-Identifier: Apache-2.0 */
/* rlimit.c - resource limits. getrlimit(2), prlimit(2). */
#include "container/security/parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static int limit_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(limits); i++)
		if (!strcmp(name, limits[i].name))
			return limits[i].resource;
	return -EINVAL;
}

static const char *limit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].resource == resource)
			return limits[i].name;
	return "rlimit";
}

static int check(const struct spec *spec, size_t i, struct error *err)
{
	const struct spec_rlimit *rl = &spec->process.rlimits[i];
	if (limit_find(rl->type) < 0) {
		error_set(err, EINVAL, "there is no limit \"%.64s\"", rl->type ? rl->type : "");
		return error_hint(err, "getrlimit(2) names them: RLIMIT_NOFILE, RLIMIT_CORE, ...");
	}
	for (size_t j = 0; j < i; j++)
		if (limit_find(spec->process.rlimits[j].type) == limit_find(rl->type))
			return error_set(err, EINVAL, "%s is given twice", rl->type);
	if (rl->soft > rl->hard) {
		error_set(err, EINVAL, "%s: the soft limit %llu is above the hard limit %llu",
			  rl->type, (unsigned long long)rl->soft, (unsigned long long)rl->hard);
		return error_hint(err, "lower the soft limit or raise the hard one");
	}
	return 0;
}

int rlimit_prepare(const struct spec *spec, struct arena *arena, struct security *ret,
		   struct error *err)
{
	for (size_t i = 0; i < spec->process.n_rlimits; i++) {
		const struct spec_rlimit *rl = &spec->process.rlimits[i];
		if (check(spec, i, err) < 0)
			return error_object(err, "/process/rlimits/%zu", i);
		struct security_rlimit *to = arena_push(arena, ret->rlimits, ret->n_rlimits);
		to->resource = limit_find(rl->type);
		to->value = (struct rlimit){ .rlim_cur = rl->soft, .rlim_max = rl->hard };
	}
	return 0;
}

static const char *print_value(rlim_t v, char *buf, size_t size)
{
	if (v == RLIM_INFINITY)
		return "unlimited";
	(void)snprintf(buf, size, "%llu", (unsigned long long)v);
	return buf;
}

/*
 * EPERM has one cause: a hard limit above the present one, without CAP_SYS_RESOURCE (or a
 * RLIMIT_NOFILE above fs.nr_open, which nobody may exceed).
 */
static int refused(const struct security_rlimit *rl, pid_t pid, int errnum, struct error *err)
{
	struct rlimit now = rl->value;
	char asked_text[24], held_text[24];
	(void)syscall(SYS_prlimit64, pid, rl->resource, NULL, &now);
	const char *asked = print_value(rl->value.rlim_max, asked_text, sizeof(asked_text));
	const char *held = print_value(now.rlim_max, held_text, sizeof(held_text));
	if (errnum != EPERM)
		return apply_error(err, errnum, "cannot set the hard limit to %s", asked);
	error_set(err, EPERM,
		  "the hard limit asked for, %s, is above the caller's own, %s, and the caller may "
		  "not raise it",
		  asked, held);
	return error_hint(err, "ask for at most %s, or start with CAP_SYS_RESOURCE%s", held,
			  rl->resource == RLIMIT_NOFILE ? " and sysctl fs.nr_open that high" : "");
}

int security_apply_rlimits(const struct security *sec, pid_t pid, struct error *err)
{
	for (size_t i = 0; i < sec->n_rlimits; i++) {
		const struct security_rlimit *rl = &sec->rlimits[i];
		if (syscall(SYS_prlimit64, pid, rl->resource, &rl->value, NULL) == 0)
			continue;
		refused(rl, pid, errno, err);
		return error_object(err, "%s", limit_name(rl->resource));
	}
	return 0;
}
