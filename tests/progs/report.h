/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what a process is made of, one line a row: for comparing two. Asks itself, by system calls where it can. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct report_schedule {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t clamp_min, clamp_max;
};

static void report_file(const char *name, const char *path)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	printf("%s %s\n", name, n < 0 ? "?" : text);
}

static void report_namespaces(void)
{
	static const char *const names[] = { "user", "pid", "mnt",    "net",
					     "ipc",  "uts", "cgroup", "time" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[48], target[64];
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		printf("ns.%s %s\n", names[i], n < 0 ? "?" : target);
	}
}

static void report_place(const char *name, const char *path)
{
	struct stat st;
	char cwd[4096] = "?";
	if (stat(path, &st) == 0 && (*path == '/' || syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0))
		printf("%s %lx:%lx %s\n", name, (long)st.st_dev, (long)st.st_ino, cwd);
	else
		printf("%s errno %d\n", name, errno);
}

static void report_ids(void)
{
	uid_t u[3];
	gid_t g[3], groups[1024];
	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	printf("uids %u %u %u %d\n", u[0], u[1], u[2], setfsuid(-1));
	printf("gids %u %u %u %d\n", g[0], g[1], g[2], setfsgid(-1));
	int n = getgroups(1024, groups);
	printf("groups");
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	printf("\n");
}

static void report_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };
	uint64_t bounding = 0, ambient = 0;
	syscall(SYS_capget, &head, d);
	for (int i = 0; i < 64; i++) {
		bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) << i;
		ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			   << i;
	}
	printf("cap.effective %x %x\n", d[1].effective, d[0].effective);
	printf("cap.permitted %x %x\n", d[1].permitted, d[0].permitted);
	printf("cap.inheritable %x %x\n", d[1].inheritable, d[0].inheritable);
	printf("cap.bounding %lx\ncap.ambient %lx\n", (long)bounding, (long)ambient);
	printf("securebits %x\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void report_schedule_rows(void)
{
	struct report_schedule s = { 0 };
	unsigned char cpus[1024];
	syscall(SYS_sched_getattr, 0, &s, sizeof(s), 0);
	printf("policy %u flags %lx\n", s.policy, (long)s.flags);
	printf("nice %d\npriority %u\n", s.nice, s.priority);
	printf("deadline %lu %lu %lu\n", (long)s.runtime, (long)s.deadline, (long)s.period);
	printf("clamps %u %u\n", s.clamp_min, s.clamp_max);
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(cpus), cpus);
	printf("cpus");
	for (long i = 0; i < n; i++)
		printf(" %02x", cpus[i]);
	printf("\nioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
}

/* What a filter shows by its effect: the error of a call that nothing else refuses. */
static void report_filters(void)
{
	long r = syscall(SYS_getpriority, 77, 0);
	printf("seccomp %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	printf("filtered %d\n", r < 0 ? errno : 0);
	r = syscall(SYS_prctl, 0x7fffffff, 0, 0, 0, 0);
	printf("filtered.second %d\n", r < 0 ? errno : 0);
	char line[256], count[32] = "?";
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp_filters: %31s", count);
	if (f)
		fclose(f);
	printf("filters %s\n", count);
}

static void report(void)
{
	char name[65] = "?";
	report_namespaces();
	report_file("cgroup", "/proc/self/cgroup");
	report_place("root", "/");
	report_place("cwd", ".");
	report_ids();
	report_capabilities();
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l = { 0 };
		getrlimit((enum __rlimit_resource)i, &l);
		printf("rlimit.%d %lx %lx\n", i, (long)l.rlim_cur, (long)l.rlim_max);
	}
	mode_t mask = umask(0);
	umask(mask);
	printf("umask %o\n", mask);
	report_schedule_rows();
	report_filters();
	report_file("oom_score_adj", "/proc/self/oom_score_adj");
	report_file("label", "/proc/self/attr/current");
	printf("personality %lx\n", (long)personality(0xffffffff));
	printf("timerslack %d\n", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	gethostname(name, sizeof(name) - 1);
	printf("hostname %s\n", name);
	fflush(stdout);
}
