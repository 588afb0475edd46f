/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed.c - contexe-seed, all of it: maps the arena and enters the interpreter in it. See protocol.h. Freestanding:
 * what it leaves in the address space is two pages.
 */
#include <asm/unistd.h>
#include <linux/errno.h>

#include "base/compiler.h"
#include "checkpoint/inject/blob_code.h"
#include "checkpoint/seed/protocol.h"
#include "sys/arch/entry.h"
#include "sys/arch/syscall.h"

/* Values of the kernel's interface whose headers need a C library. */
#define SIG_SETMASK	    2
#define PROT_RWX	    7
#define MAP_SHARED	    0x01
#define MAP_FIXED_NOREPLACE 0x100000
#define MSG_NOSIGNAL	    0x4000

ARCH_ENTRY(seed_start);
NORETURN void seed_start(long *stack);

NORETURN static void seed_fail(enum seed_step step, long err)
{
	const struct seed_failure f = { step, (int32_t)-err };
	arch_syscall6(__NR_sendto, SEED_FD_ENGINE, (long)&f, sizeof(f), MSG_NOSIGNAL, 0, 0);
	for (;;)
		arch_syscall1(__NR_exit_group, 1);
}

static void seed_receive(struct seed_msg *ret)
{
	unsigned long have = 0;
	while (have < sizeof(*ret)) {
		long n = arch_syscall3(__NR_read, SEED_FD_ENGINE, (long)ret + (long)have,
				       (long)(sizeof(*ret) - have));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			seed_fail(SEED_RECEIVE, n < 0 ? n : have ? -EPROTO : -EPIPE);
		have += (unsigned long)n;
	}
}

void seed_start(long *stack UNUSED)
{
	const uint64_t all = ~(uint64_t)0;
	struct seed_msg msg;

	arch_syscall4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all));
	seed_receive(&msg);
	if (msg.run < msg.base || msg.run >= msg.base + msg.size)
		seed_fail(SEED_RECEIVE, -EPROTO);
	long r = arch_syscall6(__NR_mmap, (long)msg.base, (long)msg.size, PROT_RWX,
			       MAP_SHARED | MAP_FIXED_NOREPLACE, SEED_FD_ARENA, 0);
	if (r < 0 && r >= -4095)
		seed_fail(SEED_MAP, r);
	if ((uint64_t)r != msg.base) /* before Linux 4.17 the flag was a hint */
		seed_fail(SEED_MAP, -EEXIST);
	arch_syscall1(__NR_close, SEED_FD_ARENA);
	((void (*)(uint64_t))(msg.base + BLOB_ENTRY))(msg.run);
	__builtin_unreachable();
}
