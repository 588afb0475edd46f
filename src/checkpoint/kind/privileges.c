/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.c - see privileges.h. */
#include "checkpoint/kind/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "checkpoint/inject/program.h"
#include "checkpoint/kind/proc_status.h"

int privileges_parse(const char *status, struct privileges *ret)
{
	struct privileges p = { 0 };
	uint64_t nnp = 0, seccomp = 0;
	if (proc_status_u64(status, "CapInh", 16, &p.inheritable) < 0 ||
	    proc_status_u64(status, "CapPrm", 16, &p.permitted) < 0 ||
	    proc_status_u64(status, "CapEff", 16, &p.effective) < 0 ||
	    proc_status_u64(status, "CapBnd", 16, &p.bounding) < 0 ||
	    proc_status_u64(status, "CapAmb", 16, &p.ambient) < 0 ||
	    proc_status_u64(status, "NoNewPrivs", 10, &nnp) < 0)
		return -EINVAL;
	int r = proc_status_u64(status, "Seccomp", 10, &seccomp); /* absent: not configured */
	if (r == -EINVAL)
		return r;
	p.no_new_privs = nnp;
	p.seccomp = (int)seccomp;
	*ret = p;
	return 0;
}

bool privileges_late(const struct privileges *p)
{
	return p->seccomp == PRIVILEGES_SECCOMP_FILTER && !p->no_new_privs &&
	       !(p->effective & PRIVILEGES_ADMIN);
}

static uint64_t header(struct program *p)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	return program_data(p, &h, sizeof(h));
}

void privileges_emit_caps(struct program *p, uint64_t effective, uint64_t permitted,
			  uint64_t inheritable)
{
	struct __user_cap_data_struct v[2];
	for (int i = 0; i < 2; i++) {
		v[i].effective = (uint32_t)(effective >> (32 * i));
		v[i].permitted = (uint32_t)(permitted >> (32 * i));
		v[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	program_what(p, "set the capabilities");
	program_call(p, SYS_capset, header(p), program_data(p, v, sizeof(v)));
}

void privileges_emit_inheritable(struct program *p, uint64_t inheritable)
{
	uint64_t head = header(p);
	uint64_t now = program_data(p, NULL, 2 * sizeof(struct __user_cap_data_struct));
	uint64_t words = program_data(p, &inheritable, sizeof(inheritable));
	program_what(p, "set the inheritable capabilities");
	program_call(p, SYS_capget, head, now);
	for (unsigned i = 0; i < 2; i++) {
		struct step *s = program_step(p, STEP_COPY);
		s->arg[0] = now + i * sizeof(struct __user_cap_data_struct) +
			    offsetof(struct __user_cap_data_struct, inheritable);
		s->arg[1] = words + i * sizeof(uint32_t);
		s->arg[2] = sizeof(uint32_t);
	}
	program_call(p, SYS_capset, head, now);
}
