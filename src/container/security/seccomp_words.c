/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_words.c - the words of a seccomp profile. OCI runtime-spec config-linux.md, "Seccomp". */
#include "container/security/seccomp.h"

#include <ctype.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#define MAX_ERRNO 4095

struct word {
	const char *name;
	uint32_t value;
	bool has_data; /* the low 16 bits carry errnoRet */
};

static const struct word actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
};

static const struct word operators[] = {
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ, false }, { "SCMP_CMP_GE", SCMP_CMP_GE, false },
	{ "SCMP_CMP_GT", SCMP_CMP_GT, false }, { "SCMP_CMP_LE", SCMP_CMP_LE, false },
	{ "SCMP_CMP_LT", SCMP_CMP_LT, false }, { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ, false },
	{ "SCMP_CMP_NE", SCMP_CMP_NE, false },
};

static const struct word filter_flags[] = {
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG, false },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, false },
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0, false },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, false },
};

static const struct word *find(const struct word *words, size_t n, const char *name,
			       const char *kind, struct error *err)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(name, words[i].name))
			return &words[i];
	error_set(err, EINVAL, "\"%.64s\" is no seccomp %s", name ? name : "", kind);
	error_hint(err, "such as %s", words[0].name);
	return NULL;
}

int seccomp_action(const char *name, const struct opt_u64 *errno_ret, uint32_t *ret,
		   struct error *err)
{
	const struct word *w = find(actions, ARRAY_SIZE(actions), name, "action", err);
	if (!w)
		return -EINVAL;
	uint64_t data = errno_ret && errno_ret->set ? errno_ret->v : EPERM;
	if (w->has_data && data > MAX_ERRNO)
		return error_set(err, EINVAL, "errnoRet %llu is above %d", (unsigned long long)data,
				 MAX_ERRNO);
	*ret = w->has_data ? w->value | (uint32_t)data : w->value;
	return 0;
}

int seccomp_operator(const char *name, struct error *err)
{
	const struct word *w = find(operators, ARRAY_SIZE(operators), name, "operator", err);
	return w ? (int)w->value : -EINVAL;
}

int seccomp_arch(const char *name, uint32_t *ret, struct error *err)
{
	static const char prefix[] = "SCMP_ARCH_";
	char lower[24] = "";
	if (name && !strncmp(name, prefix, strlen(prefix)))
		for (size_t i = 0; i < sizeof(lower) - 1 && name[strlen(prefix) + i]; i++)
			lower[i] = (char)tolower((unsigned char)name[strlen(prefix) + i]);
	*ret = lower[0] ? seccomp_arch_resolve_name(lower) : 0;
	if (*ret)
		return 0;
	error_set(err, EINVAL, "libseccomp knows no architecture \"%.64s\"", name ? name : "");
	return error_hint(err, "such as SCMP_ARCH_X86_64");
}

int seccomp_filter_flags(const struct strings *names, unsigned *ret, struct error *err)
{
	unsigned flags = 0;
	for (size_t i = 0; i < names->n; i++) {
		const struct word *w =
			find(filter_flags, ARRAY_SIZE(filter_flags), names->v[i], "flag", err);
		if (!w)
			return error_object(err, "/linux/seccomp/flags/%zu", i);
		flags |= w->value;
	}
	*ret = flags;
	return 0;
}
