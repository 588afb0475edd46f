/* SPDX-License-Identifier: Apache-2.0 */
/* test_interrupted.c - what becomes of interrupted system calls: the table, on made-up registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/compiler.h"
#include "checkpoint/inject/interrupted.h"

enum { SYS = -512, NOINTR = -513, NOHAND = -514, BLOCK = -516 };
enum { UNCHANGED, AGAIN, FROM_RSI, FROM_R10, AS_NOHAND, AS_EINTR };

struct row {
	int64_t nr, rax;
	bool pending;
	enum interrupted_how running, restored;
	int restored_regs; /* running: AGAIN exactly when INTERRUPTED_REISSUE */
	uint64_t rsi, r10;
};

static const struct row rows[] = {
	/* in user mode, and calls that had ended */
	{ -1, -EINTR, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ -1, BLOCK, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ SYS_read, 5, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ SYS_read, 0, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ SYS_read, -EAGAIN, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	/* the kernel makes them again */
	{ SYS_read, SYS, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_wait4, SYS, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_clone, NOINTR, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_pause, NOHAND, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_ppoll, NOHAND, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_pause, NOHAND, 1, INTERRUPTED_KERNEL, INTERRUPTED_KERNEL, UNCHANGED, 0, 0 },
	{ SYS_read, SYS, 1, INTERRUPTED_KERNEL, INTERRUPTED_KERNEL, UNCHANGED, 0, 0 },
	/* by a restart block */
	{ SYS_poll, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 5, 0 },
	{ SYS_futex, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 7 },
	{ SYS_poll, BLOCK, 1, INTERRUPTED_KERNEL, INTERRUPTED_KERNEL, AS_NOHAND, 5, 0 },
	{ SYS_nanosleep, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_SLEEP, FROM_RSI, 0x77, 0 },
	{ SYS_nanosleep, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_nanosleep, BLOCK, 1, INTERRUPTED_KERNEL, INTERRUPTED_KERNEL, AS_NOHAND, 0x77, 0 },
	{ SYS_clock_nanosleep, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_SLEEP, FROM_R10, 0, 0x88 },
	{ SYS_clock_nanosleep, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_clock_nanosleep, NOHAND, 0, INTERRUPTED_KERNEL, INTERRUPTED_REISSUE, AGAIN,
	  TIMER_ABSTIME, 0x88 },
	{ SYS_restart_syscall, BLOCK, 0, INTERRUPTED_KERNEL, INTERRUPTED_NOT, AS_EINTR, 0, 0 },
	/* EINTR of a stop, and EINTR that is one */
	{ SYS_epoll_wait, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_epoll_wait, -EINTR, 1, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ SYS_rt_sigtimedwait, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_semop, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_io_getevents, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_io_uring_enter, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_recvfrom, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ 441, -EINTR, 0, INTERRUPTED_REISSUE, INTERRUPTED_REISSUE, AGAIN, 0, 0 },
	{ SYS_close, -EINTR, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
	{ SYS_nanosleep, -EINTR, 0, INTERRUPTED_NOT, INTERRUPTED_NOT, UNCHANGED, 0, 0 },
};

static struct user_regs_struct regs_of(const struct row *r)
{
	struct user_regs_struct regs;
	memset(&regs, 0x5a, sizeof(regs));
	regs.rip = 0x401000;
	regs.rax = (uint64_t)r->rax;
	regs.orig_rax = (uint64_t)r->nr;
	regs.rdi = 1;
	regs.rsi = r->rsi;
	regs.rdx = 3;
	regs.r10 = r->r10;
	return regs;
}

static void expect(const struct row *r, const struct user_regs_struct *got, int what)
{
	struct user_regs_struct want = regs_of(r);
	switch (what) {
	case UNCHANGED:
		break;
	case AS_NOHAND:
		want.rax = (uint64_t)NOHAND;
		break;
	case AS_EINTR:
		want.rax = (uint64_t)-EINTR;
		want.orig_rax = (uint64_t)-1;
		break;
	default:
		want.rip = 0x400ffe;
		want.rax = (uint64_t)r->nr;
		want.orig_rax = (uint64_t)-1;
		if (what == FROM_RSI)
			want.rdi = r->rsi;
		if (what == FROM_R10)
			want.rdx = r->r10;
	}
	assert_memory_equal(got, &want, sizeof(want));
}

static void table_is_kept(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct user_regs_struct regs = regs_of(r);
		assert_int_equal(interrupted_fix_running(&regs, r->pending), r->running);
		expect(r, &regs, r->running == INTERRUPTED_REISSUE ? AGAIN : UNCHANGED);
		regs = regs_of(r);
		assert_int_equal(interrupted_fix_restored(&regs, r->pending), r->restored);
		expect(r, &regs, r->restored_regs);
	}
}

static void restarted_calls_are_found(void **state UNUSED)
{
	struct user_regs_struct regs = { .orig_rax = SYS_restart_syscall, .rax = (uint64_t)BLOCK };
	assert_true(interrupted_by_restart(&regs));
	regs.rax = (uint64_t)-EINTR;
	assert_false(interrupted_by_restart(&regs));

	static const uint8_t sleep[] = { 0x45, 0x31, 0xd2, 0xb8, 0xe6, 0, 0, 0, 0x0f, 0x05 };
	assert_int_equal(interrupted_call_of(sleep, sizeof(sleep)), SYS_clock_nanosleep);
	static const uint8_t far[] = { 0xb8, 7, 0, 0, 0, 0x4c, 0x89, 0xe7, 0x89, 0xea, 0x0f, 0x05 };
	assert_int_equal(interrupted_call_of(far, sizeof(far)), SYS_poll);
	static const uint8_t other[] = { 0xb8, 1, 0, 0, 0, 0x0f, 0x05 };
	assert_int_equal(interrupted_call_of(other, sizeof(other)), -1);
	static const uint8_t none[] = { 0xb8, 7, 0, 0, 0, 0x90, 0x90 };
	assert_int_equal(interrupted_call_of(none, sizeof(none)), -1);
	assert_int_equal(interrupted_call_of(sleep, 0), -1);
	assert_int_equal(interrupted_call_of(sleep + 8, 2), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_kept),
		cmocka_unit_test(restarted_calls_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
