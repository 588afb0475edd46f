/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - _start on x86-64; see sys/arch/entry.h for the contract.
 *
 * System V ABI, AMD64 supplement, 3.4.1: rsp points at argc; rbp is to be zeroed, as the mark of
 * the outermost frame; the stack is aligned to 16 bytes before the call.
 *
 * Behind it lies what a C library has as __restore_rt, though nobody here handles signals: a checkpoint begins its work in a
 * process there, so that it ends well if the engine dies (checkpoint/inject/home.h).
 */
#pragma once

#define ARCH_ENTRY(function)                                                                       \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		".type _start, @function\n"                                                        \
		"_start:\n"                                                                        \
		"	xorl %ebp, %ebp\n"                                                               \
		"	movq %rsp, %rdi\n"                                                               \
		"	andq $-16, %rsp\n"                                                               \
		"	call " #function "\n"                                                      \
		"	hlt\n"                                                                           \
		"	movq $15, %rax\n" /* __NR_rt_sigreturn */                                  \
		"	syscall\n"                                                                       \
		".size _start, . - _start\n")
