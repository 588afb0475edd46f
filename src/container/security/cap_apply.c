/* SPDX-License-Identifier: Apache-2.0 */
/* cap_apply.c - capability sets of the calling process, by raw system calls. capabilities(7). */
#include "container/security/parts.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

int caps_keep(struct error *err)
{
	/*
	 * Or setresuid(2) from root to somebody else clears the permitted set. execve(2) resets
	 * this.
	 */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return apply_error(err, errno,
				   "cannot keep capabilities across the change of user");
	return 0;
}

int caps_drop_bounding(const struct security *sec, struct error *err)
{
	/* Up to where the kernel ends (EINVAL), which may be beyond the names that we know. */
	for (int i = 0; i < 64; i++) {
		if ((sec->cap_bounding & BIT(i)) || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		int e = errno, held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
		if (held < 0)
			return 0;
		if (held) {
			apply_error(err, e, "cannot drop capability %d from the bounding set", i);
			return error_hint(
				err,
				"dropping needs CAP_SETPCAP: run as root, or in a user namespace");
		}
	}
	return 0;
}

int caps_set(const struct security *sec, uint64_t extra, struct error *err)
{
	uint64_t permitted = sec->cap_permitted | extra, effective = sec->cap_effective | extra;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(effective >> (32 * i)),
			.permitted = (uint32_t)(permitted >> (32 * i)),
			.inheritable = (uint32_t)(sec->cap_inheritable >> (32 * i)),
		};
	if (syscall(SYS_capset, &head, data) < 0)
		return apply_error(err, errno, "cannot set the capabilities (permitted %#llx)",
				   (unsigned long long)permitted);
	return 0;
}

int caps_raise_ambient(const struct security *sec, struct error *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return apply_error(err, errno, "cannot clear the ambient capabilities");
	for (int i = 0; i < 64; i++)
		if ((sec->cap_ambient & BIT(i)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return apply_error(err, errno, "cannot make %s ambient",
					   capability_name(i));
	return 0;
}
