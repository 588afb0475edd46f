/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peek.c - looks at every process that appears, as fast as it can: by ptrace(2), and in /proc/PID at fd, exe, root, cwd, mem and
 * status. Until SIGTERM; then it tells what it has seen:
 *
 *   processes  how many others came
 *   early      how often one let itself be looked into before it was the program named on the command line
 *   breaches   how often one had what we have not: capabilities, another root, a descriptor but 0, 1 and 2, no filter where we
 *              have one, or a file that can be written to
 *
 * usage: peek PROGRAM
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t over;
static const char *program;
static int seen, early, breaches;
static char mine[3][32];
static const char *const keys[] = { "CapPrm:", "Seccomp:", "NoNewPrivs:" };

static void stop(int sig)
{
	over = sig;
}

static void tell(int *count, int pid, const char *what, const char *detail)
{
	(*count)++;
	printf("found %s %d %s %s\n", count == &early ? "early" : "breach", pid, what, detail);
}

static void read_status(int dir, char values[3][32])
{
	char text[8192];
	int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 3; i++) {
		const char *p = strstr(text, keys[i]);
		values[i][0] = '\0';
		if (p)
			sscanf(p + strlen(keys[i]), "%31s", values[i]);
	}
}

/* What it may do is told to all; from its first moment on it must be no more than we may. */
static void check_status(int dir, int pid)
{
	char its[3][32];
	read_status(dir, its);
	if (!its[0][0] || !its[2][0])
		return; /* gone */
	if (strtoull(its[0], NULL, 16) & ~strtoull(mine[0], NULL, 16))
		tell(&breaches, pid, "capabilities", its[0]);
	if (atoi(its[1]) < atoi(mine[1]) || atoi(its[2]) < atoi(mine[2]))
		tell(&breaches, pid, "filter", its[1]);
}

/* 1: it is the program; 0: it may not be told; -1: it is another */
static int which(int dir, char *exe, size_t size)
{
	ssize_t n = readlinkat(dir, "exe", exe, size - 1);
	if (n < 0)
		return 0;
	exe[n] = '\0';
	return strcmp(exe, program) ? -1 : 1;
}

static void check_exe(int dir, int pid, const char *exe)
{
	struct statvfs fs;
	struct stat its, wanted;
	tell(&early, pid, "exe", exe);
	int fd = openat(dir, "exe", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	bool executed = fstat(fd, &its) == 0 && stat(program, &wanted) == 0 &&
			its.st_dev == wanted.st_dev && its.st_ino == wanted.st_ino;
	if (!executed && fstatvfs(fd, &fs) == 0 && !(fs.f_flag & ST_RDONLY))
		tell(&breaches, pid, "exe can be written to", exe);
	close(fd);
}

static void check_descriptors(int dir, int pid)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	if (!d)
		return;
	while ((e = readdir(d)))
		if (atoi(e->d_name) > 2)
			tell(&breaches, pid, "fd", e->d_name);
	closedir(d);
}

static void check_places(int dir, int pid)
{
	static const char *const names[] = { "root", "cwd" };
	struct stat its, ours;
	for (int i = 0; i < 2; i++)
		if (fstatat(dir, names[i], &its, 0) == 0 && stat(i ? "." : "/", &ours) == 0 &&
		    (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino))
			tell(&breaches, pid, names[i], "");
}

/*
 * Right after something was allowed: was it that to the program? The kernel names the new file before it lets anybody at a
 * process that executes (cred_guard_mutex), and to execute takes much longer than to ask.
 */
static void check_early(int dir, int pid, const char *what)
{
	char exe[256];
	int is = which(dir, exe, sizeof(exe));
	if (is < 0 || (is == 0 && errno == EACCES))
		tell(&early, pid, what, is < 0 ? exe : "");
}

static void check_memory(int dir, int pid)
{
	int fd = openat(dir, "mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	check_early(dir, pid, "mem");
	close(fd);
}

static void check_trace(int dir, int pid)
{
	int status;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	check_early(dir, pid, "ptrace");
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		if (ptrace(PTRACE_CONT, pid, 0, 0) < 0)
			break;
}

static void look(int dir, int pid, bool trace)
{
	char exe[256];
	check_status(dir, pid);
	int is = which(dir, exe, sizeof(exe));
	if (is < 0)
		check_exe(dir, pid, exe);
	check_descriptors(dir, pid);
	check_places(dir, pid);
	check_memory(dir, pid);
	if (trace)
		check_trace(dir, pid);
}

static void look_around(int pid)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	seen++;
	/* every second one only by its files, as long as it lives */
	do
		look(dir, pid, seen % 2);
	while (!over && faccessat(dir, "status", F_OK, 0) == 0 && !(seen % 2));
	close(dir);
}

/* The number given last in our pid namespace: faster than any list. */
static int newest(void)
{
	static int fd = -1;
	char text[128];
	int pid = 0;
	if (fd < 0)
		fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	const char *p = strrchr(text, ' ');
	if (p)
		sscanf(p, "%d", &pid);
	return pid;
}

int main(int argc, char **argv)
{
	int last = getpid(), self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (argc != 2)
		return 2;
	program = argv[1];
	signal(SIGTERM, stop);
	read_status(self, mine);
	printf("ready\n");
	fflush(stdout);
	while (!over) {
		int now = newest();
		for (int pid = now > last + 8 ? now - 8 : last + 1; pid <= now && !over; pid++)
			look_around(pid);
		last = now;
	}
	printf("processes %d\nearly %d\nbreaches %d\n", seen, early, breaches);
	return 0;
}
