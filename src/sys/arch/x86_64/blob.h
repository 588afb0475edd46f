/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.h - the interpreter's instructions on x86-64; see sys/arch/blob.h for the contract.
 *
 * The tile instructions are written as bytes, since not every assembler knows them (AMX: Intel's
 * "Instruction Set Extensions Programming Reference", chapter 3).
 */
#pragma once

#include <asm/unistd.h>
#include <stdint.h>

#define ARCH_RUN_STACK 32 /* offsetof(struct run, stack), for assembler */

#define ARCH_BLOB_STRING_(x) #x
#define ARCH_BLOB_STRING(x)  ARCH_BLOB_STRING_(x)

#define ARCH_BLOB_ENTRY(function)                                                                  \
	__asm__(".section .text.entry, \"ax\", @progbits\n"                                        \
		".globl blob_entry\n"                                                              \
		".hidden blob_entry\n"                                                             \
		"blob_entry:\n"                                                                    \
		"	movq " ARCH_BLOB_STRING(                                                   \
			ARCH_RUN_STACK) "(%rdi), %rsp\n"                                           \
					"1:	xorl %ebp, %ebp\n"                                     \
					"	andq $-16, %rsp\n"                                       \
					"	jmp 2f\n"                                                \
					".org blob_entry + 16, 0x90\n"                             \
					"blob_home:\n"                                             \
					"	movq $" ARCH_BLOB_STRING(                          \
						__NR_rt_sigreturn) ", %rax\n"                      \
								   "	syscall\n"                    \
								   "2:	call " #function "\n"      \
								   "	ud2\n"                        \
								   ".hidden blob_on_stack\n"       \
								   ".globl blob_on_stack\n"        \
								   ".set blob_on_stack, 1b\n"      \
								   ".hidden blob_home\n"           \
								   ".globl blob_home\n"            \
								   ".text\n")

static inline long arch_blob_clone(uint64_t args, uint64_t size, uint64_t run, uint64_t stack)
{
	long ret;

	/* In the child the stack may be the parent's: registers only, until it has its own. */
	__asm__ volatile("syscall\n"
			 "	testq %%rax, %%rax\n"
			 "	jnz 9f\n"
			 "	movq %[run], %%rdi\n"
			 "	movq %[stack], %%rsp\n"
			 "	testq %%rsp, %%rsp\n"
			 "	jz blob_entry\n"
			 "	jmp blob_on_stack\n"
			 "9:"
			 : "=a"(ret)
			 : "a"((long)__NR_clone3), "D"(args),
			   "S"(size), [run] "r"(run), [stack] "r"(stack)
			 : "rcx", "r11", "memory");
	return ret;
}

__attribute__((noreturn)) static inline void arch_blob_home(uint64_t frame)
{
	__asm__ volatile("movq %0, %%rsp\n"
			 "	jmp blob_home"
			 :
			 : "r"(frame)
			 : "memory");
	__builtin_unreachable();
}

static inline void arch_blob_grow(void)
{
	/* Palette 1, tile 0 of one row of 4 bytes. */
	struct {
		uint8_t palette, start, reserved[14];
		uint16_t columns[16];
		uint8_t rows[16];
	} config __attribute__((aligned(64))) = { .palette = 1, .columns = { 4 }, .rows = { 1 } };

	__asm__ volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0x00\n" /* ldtilecfg (%rax) */
			 ".byte 0xc4, 0xe2, 0x7b, 0x49, 0xc0\n" /* tilezero %tmm0 */
			 ".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0\n" /* tilerelease */
			 :
			 : "a"(&config)
			 : "memory");
}

static inline void arch_blob_relax(void)
{
	__asm__ volatile("pause");
}
