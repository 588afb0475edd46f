/* SPDX-License-Identifier: Apache-2.0 */
/* frame_x86_64.c - see frame.h. The layout is that of struct ucontext and struct sigcontext in the kernel's uapi. */
#include <string.h>

#include "checkpoint/inject/frame.h"
#include "checkpoint/inject/interrupted.h"
#include "checkpoint/inject/trap.h"
#include "checkpoint/inject/xstate.h"

#define UC_FP_XSTATE	     1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4

/*
 * sigreturn sets the alternate stack to what the frame says, which we do not know; a mode that does not exist is
 * refused by the kernel there, and the refusal ignored (restore_altstack() in kernel/signal.c).
 */
#define NO_SUCH_MODE 4

#define FRAME_MARK 0x656d6f686f676f67ULL

struct frame {
	uint64_t flags, link;
	struct {
		uint64_t sp;
		int32_t flags, pad;
		uint64_t size;
	} stack;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
	uint64_t mask;
	uint64_t ours, size; /* FRAME_MARK; the state that follows is aligned to 64 */
};
_Static_assert(sizeof(struct frame) == 5 * FRAME_ALIGN, "struct ucontext has 304 bytes");

static size_t state_size(const struct tracee *t)
{
	return t->xstate.size < XSTATE_MIN ? XSTATE_MIN : t->xstate.size;
}

size_t frame_size(const struct tracee *t)
{
	return sizeof(struct frame) + state_size(t) + sizeof(uint32_t);
}

static void build_state(const struct tracee *t, uint8_t *state)
{
	size_t size = state_size(t);
	uint32_t magic2 = XSTATE_MAGIC2;
	struct xstate_sw sw = {
		.magic1 = XSTATE_MAGIC1,
		.extended_size = (uint32_t)(size + sizeof(magic2)),
		.xfeatures = xstate_features(t->xstate.data, t->xstate.size),
		.xstate_size = (uint32_t)size,
	};
	memset(state, 0, size);
	memcpy(state, t->xstate.data, t->xstate.size);
	memcpy(state + XSTATE_SW_OFFSET, &sw, sizeof(sw));
	memcpy(state + size, &magic2, sizeof(magic2));
}

void frame_build(const struct tracee *t, uint64_t at, void *buf)
{
	struct user_regs_struct r = t->regs;
	interrupted_fix_restored(&r, false);
	struct frame f = {
		.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.stack = { .flags = NO_SUCH_MODE },
		.r8 = r.r8,
		.r9 = r.r9,
		.r10 = r.r10,
		.r11 = r.r11,
		.r12 = r.r12,
		.r13 = r.r13,
		.r14 = r.r14,
		.r15 = r.r15,
		.rdi = r.rdi,
		.rsi = r.rsi,
		.rbp = r.rbp,
		.rbx = r.rbx,
		.rdx = r.rdx,
		.rax = r.rax,
		.rcx = r.rcx,
		.rsp = r.rsp,
		.rip = r.rip,
		.eflags = r.eflags,
		.cs = (uint16_t)r.cs,
		.ss = (uint16_t)r.ss,
		.fpstate = at + sizeof(f),
		.mask = trap_mask(t),
		.ours = FRAME_MARK,
		.size = frame_size(t),
	};
	memcpy(buf, &f, sizeof(f));
	build_state(t, (uint8_t *)buf + sizeof(f));
}

size_t frame_left(const void *buf, size_t size)
{
	struct frame f;
	if (size < sizeof(f))
		return 0;
	memcpy(&f, buf, sizeof(f));
	return f.ours == FRAME_MARK && f.size <= size ? f.size : 0;
}
