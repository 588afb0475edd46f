/* SPDX-License-Identifier: Apache-2.0 */
/* clone_call.h - see ../clone_call.h. */
#pragma once

#include <asm/unistd.h>
#include <stddef.h>

static inline long arch_clone_call(const void *args, size_t size, int (*fn)(void *), void *arg)
{
	long r;
	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
			 "movq %[arg], %%rdi\n\t"
			 "callq *%[fn]\n\t"
			 "movl %%eax, %%edi\n\t"
			 "movl %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(r)
			 : "0"((long)__NR_clone3), "D"(args),
			   "S"(size), [fn] "r"(fn), [arg] "r"(arg), [exit] "i"(__NR_exit)
			 : "rcx", "r11", "memory");
	return r;
}
