/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - what is checkpointed in the bench, and the floor to compare with.
 *
 * usage: load hold MIB PROCESSES     holds MIB of random memory, forks PROCESSES - 1 children, prints "ready", sleeps
 *        load floor MIB FILE         prints three numbers of nanoseconds: fork(2) of a process with MIB of random
 *                                    memory (until the child was born, and reaped), writing that memory to FILE
 *                                    (page cache), reading it from there into fresh memory
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB   ((size_t)1 << 20)
#define CHUNK MIB

static uint64_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static char *fresh(size_t size)
{
	char *p = mmap(NULL, size ? size : MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Each page another content, none of them zero; cheap to make. */
static char *random_memory(size_t size)
{
	char *p = fresh(size);
	uint64_t x = 88172645463325252u;
	for (size_t i = 0; p && i + 8 <= size; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, sizeof(x));
	}
	return p;
}

static int hold(size_t size, long processes)
{
	if (!random_memory(size))
		return 1;
	for (long i = 1; i < processes; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static int copy(int fd, char *p, size_t size, int out)
{
	for (size_t at = 0; at < size; at += CHUNK) {
		ssize_t n = out ? pwrite(fd, p + at, CHUNK, (off_t)at)
				: pread(fd, p + at, CHUNK, (off_t)at);
		if (n != (ssize_t)CHUNK)
			return -1;
	}
	return 0;
}

static int floor_of(size_t size, const char *path)
{
	char *p = random_memory(size), *q = fresh(size);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!p || !q || fd < 0)
		return 1;
	uint64_t t0 = now();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	uint64_t t1 = now();
	waitpid(pid, NULL, 0);
	uint64_t t2 = now();
	int r = copy(fd, p, size, 1);
	uint64_t t3 = now();
	r |= copy(fd, q, size, 0);
	uint64_t t4 = now();
	printf("%llu %llu %llu\n", (unsigned long long)(t1 - t0), (unsigned long long)(t3 - t2),
	       (unsigned long long)(t4 - t3));
	return pid < 0 || r ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "hold"))
		return hold(strtoul(argv[2], NULL, 10) * MIB, strtol(argv[3], NULL, 10));
	if (argc == 4 && !strcmp(argv[1], "floor"))
		return floor_of(strtoul(argv[2], NULL, 10) * MIB, argv[3]);
	fprintf(stderr, "usage: load hold MIB PROCESSES | load floor MIB FILE\n");
	return 2;
}
