/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - contexe-procfs: shows one container its own /proc files.
 *
 *   contexe-procfs INIT INIT_START BORN [CGROUPS]
 *
 * Started by the container's supervisor, with descriptors: 3 /dev/fuse of the mounted file system, whose first requests
 * were answered already; 4 the memory of struct viewfs_shared; 5 the read end of a pipe that the supervisor
 * holds open. INIT, INIT_START: the container's first process and when it began; BORN: the container's own
 * CLOCK_BOOTTIME then, in ns; CGROUPS: as cgroup_describe() writes it. Exit status 0: not needed any more, or nobody to serve.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/parse.h"
#include "procview/serve.h"

enum { FUSE_FD = 3, MEMORY_FD, LEASH_FD };

int main(int argc, char **argv)
{
	struct server s = { .fuse = FUSE_FD, .leash = LEASH_FD };
	struct error err = ERROR_INIT;
	uint64_t init;

	if (argc < 4 || argc > 5 || parse_u64(argv[1], 1, INT32_MAX, &init) < 0 ||
	    parse_u64(argv[2], 0, UINT64_MAX, &s.gatherer.init_start) < 0 ||
	    parse_u64(argv[3], 0, UINT64_MAX, &s.gatherer.born) < 0) {
		fprintf(stderr,
			"contexe-procfs: usage: contexe-procfs INIT INIT_START BORN [CGROUPS] "
			"(started by contexe, not by hand)\n");
		return 125;
	}
	s.gatherer.init = (pid_t)init;
	s.shared = mmap(NULL, sizeof(*s.shared), PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY_FD, 0);
	if (s.shared == MAP_FAILED) {
		perror("contexe-procfs: cannot map the shared memory");
		return 1;
	}
	s.gatherer.load = &s.shared->load;
	/* without its groups it still has processes */
	if (argc == 5 && *argv[4] && cgroup_open(argv[4], &s.gatherer.cg, &err) < 0)
		s.gatherer.cg = NULL;
	int r = serve(&s);
	gatherer_done(&s.gatherer);
	buf_done(&s.big);
	return r;
}
