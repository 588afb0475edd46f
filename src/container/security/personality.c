/* SPDX-License-Identifier: Apache-2.0 */
/* personality.c - the execution domain. personality(2). */
#include "container/security/parts.h"

#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AS_IT_IS (~0UL)

static const struct {
	const char *name;
	unsigned long value;
} domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
};

int personality_prepare(const struct spec *spec, struct security *ret, struct error *err)
{
	const char *name = spec->linux_.personality;
	ret->personality = AS_IT_IS;
	if (!name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		if (!strcmp(name, domains[i].name)) {
			ret->personality = domains[i].value;
			return 0;
		}
	error_set(err, EINVAL, "there is no personality \"%.64s\"", name);
	error_hint(err, "use LINUX or LINUX32");
	return error_object(err, "/linux/personality/domain");
}

int personality_apply(const struct security *sec, struct error *err)
{
	if (sec->personality == AS_IT_IS)
		return 0;
	if (syscall(SYS_personality, sec->personality) < 0)
		return apply_error(err, errno, "cannot set the personality to %#lx",
				   sec->personality);
	return 0;
}
