/* SPDX-License-Identifier: Apache-2.0 */
/* options_blame.c - an error of what options became names the option. See options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "engine/options.h"

/* Where in the configuration an option's value ends up, if somebody may complain about it there. */
static const struct {
	const char *option, *pointer;
} places[] = {
	{ "label", "/annotations" },
	{ "env", "/process/env" },
	{ "workdir", "/process/cwd" },
	{ "ulimit", "/process/rlimits" },
	{ "oom-score-adj", "/process/oomScoreAdj" },
	{ "hostname", "/hostname" },
	{ "uid-map", "/linux/uidMappings" },
	{ "gid-map", "/linux/gidMappings" },
	{ "time-offset", "/linux/timeOffsets" },
	{ "seccomp", "/linux/seccomp" },
	{ "apparmor", "/process/apparmorProfile" },
	{ "selinux", "/process/selinuxLabel" },
	{ "mask", "/linux/maskedPaths" },
	{ "sysctl", "/linux/sysctl" },
	{ "cgroup-path", "/linux/cgroupsPath" },
	{ "memory", "/linux/resources/memory/limit" },
	{ "memory-swap", "/linux/resources/memory/swap" },
	{ "memory-reservation", "/linux/resources/memory/reservation" },
	{ "cpus", "/linux/resources/cpu/quota" },
	{ "cpu-shares", "/linux/resources/cpu/shares" },
	{ "cpu-quota", "/linux/resources/cpu/quota" },
	{ "cpu-period", "/linux/resources/cpu/period" },
	{ "cpuset-cpus", "/linux/resources/cpu/cpus" },
	{ "cpuset-mems", "/linux/resources/cpu/mems" },
	{ "pids-limit", "/linux/resources/pids" },
	{ "io-weight", "/linux/resources/blockIO/weight" },
	{ "hugetlb", "/linux/resources/hugepageLimits" },
	{ "unified", "/linux/resources/unified" },
};

/* Which of the values given for an option a JSON pointer means: by its index or its key, or the last one. */
static const char *given_value(const struct contexe_spec *s, const char *option, const char *rest)
{
	const char *last = NULL;
	size_t digits = *rest ? strspn(rest + 1, "0123456789") : 0, at = 0;
	uint64_t index = UINT64_MAX;
	if (digits && (!rest[1 + digits] || rest[1 + digits] == '/'))
		index = strtoull(rest + 1, NULL, 10);
	for (size_t i = 0; i + 1 < s->given.n; i += 2) {
		if (!str_eq(s->given.v[i], option))
			continue;
		last = s->given.v[i + 1];
		size_t key = strcspn(last, "=");
		if (at++ == index)
			return last;
		if (*rest && last[key] && !strncmp(rest + 1, last, key) && !rest[1 + key])
			return last;
	}
	return last;
}

void options_blame(const struct contexe_spec *s, struct error *err)
{
	for (size_t i = 0; err && i < ARRAY_SIZE(places); i++) {
		size_t n = strlen(places[i].pointer);
		if (strncmp(err->object, places[i].pointer, n) ||
		    (err->object[n] && err->object[n] != '/'))
			continue;
		const char *value = given_value(s, places[i].option, err->object + n);
		if (!value)
			continue;
		(void)snprintf(err->object, sizeof(err->object), "--%s %s", places[i].option,
			       value);
		return;
	}
}
