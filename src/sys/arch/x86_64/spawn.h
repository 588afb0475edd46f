/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - clone3(2) on x86-64; see sys/arch/spawn.h for the contract.
 *
 * The kernel loses rcx and r11 and keeps all else, in parent and child. The child's stack begins at its top, which
 * is aligned to 16 bytes, as the ABI wants it before a call; rbp is zeroed as the mark of the outermost frame.
 */
#pragma once

#include <stddef.h>
#include <sys/syscall.h>

static inline long arch_spawn(const void *args, size_t size, int (*fn)(void *arg), void *arg)
{
	register int (*r8)(void *arg) __asm__("r8") = fn;
	register void *r9 __asm__("r9") = arg;
	long ret;

	__asm__ volatile("syscall\n"
			 "	testq %%rax, %%rax\n"
			 "	jnz 1f\n"
			 "	xorl %%ebp, %%ebp\n"
			 "	movq %%r9, %%rdi\n"
			 "	call *%%r8\n"
			 "	movl %%eax, %%edi\n"
			 "	movl %[exit], %%eax\n"
			 "	syscall\n"
			 "	hlt\n"
			 "1:\n"
			 : "=a"(ret)
			 : "a"((long)SYS_clone3), "D"(args), "S"(size), "r"(r8),
			   "r"(r9), [exit] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory", "cc");
	return ret;
}
