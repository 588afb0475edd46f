/* SPDX-License-Identifier: Apache-2.0 */
/* test_seed.c - contexe-seed: from exec to the program in its arena, and what it tells when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "checkpoint/seed/protocol.h"
#include "program_harness.h"

static struct program_world world;

static int setup(void **state UNUSED)
{
	program_world_new(&world);
	/* an address that the seed's own stack and vdso, which lie high, do not have */
	arena_map_place(&world.am, 0x100000000);
	world.abort = arena_map_alloc(&world.am, 4, 4);
	world.done = arena_map_alloc(&world.am, 4, 4);
	return 0;
}

static int teardown(void **state UNUSED)
{
	program_world_done(&world);
	return 0;
}

static pid_t seed_start(int type, int *ret_sock)
{
	const char *path = getenv("CONTEXE_SEED");
	assert_non_null(path);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int sock = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
		int arena = fcntl(world.am.fd, F_DUPFD_CLOEXEC, 10);
		dup2(sock, SEED_FD_ENGINE);
		dup2(arena, SEED_FD_ARENA);
		execl(path, "contexe-seed", NULL);
		_exit(98);
	}
	close(pair[1]);
	*ret_sock = pair[0];
	return pid;
}

static void seed_runs(int type)
{
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_fcntl, SEED_FD_ENGINE, F_GETFD);
	program_call(&p, SYS_fcntl, SEED_FD_ARENA, F_GETFD)->want = WANT_EQUAL;
	p.v[p.n - 1].value = -EBADF;
	/* all signals are blocked */
	uint64_t mask = program_data(&p, NULL, 8);
	program_call(&p, SYS_rt_sigprocmask, 0, 0, mask, 8);
	/* its own image can go */
	program_call(&p, SYS_munmap, SEED_BASE, 2 * 4096);
	/* a child with an arena of the same memory */
	struct program child;
	program_init(&child, &world.am);
	program_call(&child, SYS_getppid);
	program_close_in(&world, &child);
	struct clone3_args args = { .exit_signal = SIGCHLD };
	struct step *s = program_step(&p, STEP_CLONE);
	memcpy(s->arg,
	       (uint64_t[6]){ program_data(&p, &args, sizeof(args)), sizeof(args), child.run },
	       sizeof(s->arg));
	program_close_in(&world, &p);

	int sock;
	pid_t pid = seed_start(type, &sock);
	struct seed_msg msg = { world.am.base, world.am.size, p.run };
	assert_int_equal(write(sock, &msg, sizeof(msg)), sizeof(msg));
	assert_true(program_wait(&world, 2));
	assert_int_equal(program_outcome(&p, NULL, NULL), 0);
	assert_int_equal(program_outcome(&child, NULL, NULL), 0);
	const struct step *done = program_at(&child, child.addr);
	assert_int_equal(done[0].result, pid);
	assert_true(*(uint64_t *)program_at(&p, mask) == ~((1ULL << 8) | (1ULL << 18)));
	/* nothing is left but the arena, the stack, and the kernel's own mappings */
	CLEANUP_STR char *path = xasprintf("/proc/%d/maps", pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	char line[512];
	int others = 0;
	while (fgets(line, sizeof(line), f))
		others += !strstr(line, "memfd:contexe-arena") && !strstr(line, "[stack]") &&
			  !strstr(line, "[v");
	fclose(f);
	assert_int_equal(others, 0);
	done = program_at(&p, p.addr);
	kill((pid_t)done[4].result, SIGKILL);
	program_end(pid);
	close(sock);
	program_done(&p);
	program_done(&child);
}

static void enters_the_program(void **state)
{
	seed_runs(SOCK_SEQPACKET);
	teardown(state);
	setup(state);
	seed_runs(SOCK_STREAM);
}

static void expect_failure(const struct seed_msg *msg, size_t size, enum seed_step step, int err)
{
	int sock, status;
	pid_t pid = seed_start(SOCK_SEQPACKET, &sock);
	if (size)
		assert_int_equal(write(sock, msg, size), (ssize_t)size);
	shutdown(sock, SHUT_WR);
	struct seed_failure f;
	assert_int_equal(read(sock, &f, sizeof(f)), sizeof(f));
	assert_int_equal(f.step, step);
	assert_int_equal(f.err, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	close(sock);
}

static void tells_what_fails(void **state UNUSED)
{
	uint64_t base = world.am.base, size = world.am.size;
	expect_failure(NULL, 0, SEED_RECEIVE, EPIPE);
	expect_failure(&(struct seed_msg){ base, size, base }, 10, SEED_RECEIVE, EPROTO);
	expect_failure(&(struct seed_msg){ base, size, base + size }, 24, SEED_RECEIVE, EPROTO);
	expect_failure(&(struct seed_msg){ SEED_BASE, size, SEED_BASE }, 24, SEED_MAP, EEXIST);
	expect_failure(&(struct seed_msg){ base + 1, size, base + 8 }, 24, SEED_MAP, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enters_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_what_fails, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
