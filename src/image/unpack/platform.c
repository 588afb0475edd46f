/* SPDX-License-Identifier: Apache-2.0 */
/* platform.c - see platform.h. */
#include "image/unpack/platform.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/compiler.h"

static const struct {
	const char *machine; /* uname(2) */
	const char *architecture;
	const char *also; /* what it runs beside */
} machines[] = {
	{ "x86_64", "amd64", "386" },
	{ "i686", "386", NULL },
	{ "i586", "386", NULL },
	{ "aarch64", "arm64", NULL },
	{ "armv7l", "arm", NULL },
	{ "armv8l", "arm", NULL },
	{ "riscv64", "riscv64", NULL },
	{ "ppc64le", "ppc64le", NULL },
	{ "ppc64", "ppc64", NULL },
	{ "s390x", "s390x", NULL },
	{ "loongarch64", "loong64", NULL },
	{ "mips64", "mips64le", "mips64" },
};

static const struct utsname *kernel(void)
{
	static struct utsname u;
	if (!u.machine[0])
		(void)uname(&u);
	return &u;
}

const char *platform_architecture(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].machine, kernel()->machine) == 0)
			return machines[i].architecture;
	}
	return kernel()->machine;
}

int platform_rank(const char *os, const char *architecture)
{
	if (os && os[0] && strcmp(os, "linux") != 0)
		return 0;
	if (!architecture || !architecture[0] || strcmp(architecture, platform_architecture()) == 0)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].machine, kernel()->machine) == 0 && machines[i].also &&
		    strcmp(machines[i].also, architecture) == 0)
			return 1;
	}
	return 0;
}
