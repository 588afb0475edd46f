/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_number.c - numbers of system calls newer than the oldest libseccomp we build with (2.5).
 * Since Linux 5.1 a new call has one number on every architecture but alpha; the few that exist on
 * one only say so. Names that neither libseccomp nor this table knows are calls that no libc of
 * today makes; the prologue answers ENOSYS to them. Source: scripts/syscall.tbl and
 * arch/x86/entry/syscalls/ of the kernel.
 */
#include "container/security/seccomp.h"

#include <seccomp.h>
#include <string.h>

static const struct number {
	const char *name;
	int nr;
	uint32_t only_arch; /* 0: on all */
} numbers[] = {
	{ "quotactl_fd", 443, 0 },
	{ "landlock_create_ruleset", 444, 0 },
	{ "landlock_add_rule", 445, 0 },
	{ "landlock_restrict_self", 446, 0 },
	{ "memfd_secret", 447, 0 },
	{ "process_mrelease", 448, 0 },
	{ "futex_waitv", 449, 0 },
	{ "set_mempolicy_home_node", 450, 0 },
	{ "cachestat", 451, 0 },	 /* 6.5 */
	{ "fchmodat2", 452, 0 },	 /* 6.6 */
	{ "map_shadow_stack", 453, 0 },	 /* 6.6 */
	{ "futex_wake", 454, 0 },	 /* 6.7 */
	{ "futex_wait", 455, 0 },	 /* 6.7 */
	{ "futex_requeue", 456, 0 },	 /* 6.7 */
	{ "statmount", 457, 0 },	 /* 6.8 */
	{ "listmount", 458, 0 },	 /* 6.8 */
	{ "lsm_get_self_attr", 459, 0 }, /* 6.8 */
	{ "lsm_set_self_attr", 460, 0 }, /* 6.8 */
	{ "lsm_list_modules", 461, 0 },	 /* 6.8 */
	{ "mseal", 462, 0 },		 /* 6.10 */
	{ "setxattrat", 463, 0 },	 /* 6.13 */
	{ "getxattrat", 464, 0 },	 /* 6.13 */
	{ "listxattrat", 465, 0 },	 /* 6.13 */
	{ "removexattrat", 466, 0 },	 /* 6.13 */
	{ "open_tree_attr", 467, 0 },	 /* 6.15 */
	{ "file_getattr", 468, 0 },	 /* 6.17 */
	{ "file_setattr", 469, 0 },	 /* 6.17 */
	{ "listns", 470, 0 },		 /* 6.19 */
	{ "uretprobe", 335, SCMP_ARCH_X86_64 },
	{ "uprobe", 336, SCMP_ARCH_X86_64 },
};

int seccomp_number(const char *name, uint32_t arch_token)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(name, numbers[i].name))
			return numbers[i].only_arch && numbers[i].only_arch != arch_token
				       ? -1
				       : numbers[i].nr;
	return -1;
}

/* libseccomp numbers x32's calls with this bit set, as the kernel does. */
#define X32_BIT 0x40000000

int seccomp_resolve(const char *name, uint32_t arch_token)
{
	int nr = seccomp_syscall_resolve_name_arch(arch_token, name);
	if (nr == __NR_SCMP_ERROR)
		return seccomp_number(name, arch_token);
	if (nr < 0) /* a call of other architectures */
		return -1;
	return arch_token == SCMP_ARCH_X32 ? nr & ~X32_BIT : nr;
}
