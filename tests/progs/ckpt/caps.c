/* SPDX-License-Identifier: Apache-2.0 */
/* caps.c - capability sets, the bounding and the ambient set, securebits; what is not permitted stays so. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "ckpt.h"

#define BIT(cap) (1u << (cap))

static struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };

int main(void)
{
	struct __user_cap_data_struct d[2] = { 0 }, now[2];
	CKPT_SETUP(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
	CKPT_SETUP(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS, 0, 0, 0));
	CKPT_SETUP(syscall(SYS_setresuid, 1000, 1000, 1000));
	d[0].permitted = BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_NET_BIND_SERVICE);
	d[0].inheritable = BIT(CAP_CHOWN) | BIT(CAP_NET_BIND_SERVICE);
	d[0].effective = BIT(CAP_CHOWN);
	CKPT_SETUP(syscall(SYS_capset, &head, d));
	CKPT_SETUP(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));

	ckpt_ready();

	CKPT_CHECK(syscall(SYS_capget, &head, now) == 0, "capget");
	CKPT_CHECK(memcmp(d, now, sizeof(d)) == 0, "sets %x %x %x", now[0].effective,
		   now[0].permitted, now[0].inheritable);
	CKPT_CHECK(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0) == 0, "CAP_KILL is back");
	CKPT_CHECK(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) == 1, "CAP_CHOWN is gone");
	CKPT_CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) == 1,
		   "the ambient set is lost");
	CKPT_CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) == 0,
		   "the ambient set has grown");
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	CKPT_CHECK(bits == (SECBIT_NOROOT | SECBIT_KEEP_CAPS), "securebits %x", bits);
	CKPT_CHECK(syscall(SYS_setresuid, 0, 0, 0) < 0 && errno == EPERM, "it can become root");
	ckpt_pass();
}
