/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likeness.c - a process with unusual resources, for others to be made like it: takes on what its arguments say, in their
 * order, reports itself (report.h), writes "ready", and waits for the end of its input.
 *
 * usage: likeness [chroot=DIR | cwd=DIR | uid=R,E,S | gid=R,E,S | groups=A,B | fsuid=N | bounding-=N | keep |
 *                  caps=PERMITTED,EFFECTIVE,INHERITABLE | ambient=N | securebits=N | nnp | filter | filter2 | deny=NR | kill=NR |
 *                  strict | nofile=N | nproc=N | umask=N | cpu=N | nice=N | policy=N[,PRIORITY] | reset | io=N |
 *                  oom=N | personality=N | slack=N | nodump | thread]...
 * Numbers as strtol(3) takes them. With "late:" in front: when it has reported, right after "ready".
 */
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "report.h"

#define LATE "late:"

static void must(long r, const char *what)
{
	if (r >= 0)
		return;
	perror(what);
	exit(1);
}

static int numbers(const char *text, long v[4])
{
	int n = 0;
	for (char *end; n < 4 && *text; text = *end == ',' ? end + 1 : end, n++)
		v[n] = strtol(text, &end, 0);
	return n;
}

/* One call (with this first argument, 0: any) gets this answer, everything else is let through. */
static long filter(long nr, uint32_t argument, uint32_t action)
{
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_filter any[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(v) / sizeof(*v), v };
	if (!argument)
		p = (struct sock_fprog){ sizeof(any) / sizeof(*any), any };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);
}

static long capset_to(const long v[4])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	for (int i = 0; i < 2; i++) {
		d[i].permitted = (uint32_t)(v[0] >> (32 * i));
		d[i].effective = (uint32_t)(v[1] >> (32 * i));
		d[i].inheritable = (uint32_t)(v[2] >> (32 * i));
	}
	return syscall(SYS_capset, &head, d);
}

static long schedule(uint32_t policy, uint32_t priority, uint64_t flags)
{
	struct report_schedule s = {
		.size = 48, .policy = policy, .priority = priority, .flags = flags
	};
	return syscall(SYS_sched_setattr, 0, &s, 0);
}

static long limit(int resource, long v)
{
	struct rlimit l = { (rlim_t)v, (rlim_t)v };
	return setrlimit((enum __rlimit_resource)resource, &l);
}

static long oom(const char *text)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	return fd < 0 ? -1 : write(fd, text, strlen(text));
}

static void *rest(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static long affinity(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static long privileges(const char *word, const char *text, const long v[4])
{
	(void)text;
	if (!strcmp(word, "bounding-"))
		return prctl(PR_CAPBSET_DROP, v[0], 0, 0, 0);
	if (!strcmp(word, "keep"))
		return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (!strcmp(word, "caps"))
		return capset_to(v);
	if (!strcmp(word, "ambient"))
		return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, v[0], 0, 0);
	if (!strcmp(word, "securebits"))
		return prctl(PR_SET_SECUREBITS, v[0], 0, 0, 0);
	if (!strcmp(word, "nnp"))
		return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!strcmp(word, "filter"))
		return filter(SYS_getpriority, 77, SECCOMP_RET_ERRNO | 99);
	if (!strcmp(word, "filter2"))
		return filter(SYS_prctl, 0x7fffffff, SECCOMP_RET_ERRNO | 98);
	if (!strcmp(word, "deny"))
		return filter(v[0], 0, SECCOMP_RET_ERRNO | 97);
	if (!strcmp(word, "kill"))
		return filter(v[0], 0, SECCOMP_RET_KILL_PROCESS);
	if (!strcmp(word, "nodump"))
		return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return -2;
}

static long ids(const char *word, const char *text, const long v[4], int n)
{
	gid_t groups[4] = { (gid_t)v[0], (gid_t)v[1], (gid_t)v[2], (gid_t)v[3] };
	if (!strcmp(word, "uid"))
		return setresuid((uid_t)v[0], (uid_t)v[1], (uid_t)v[2]);
	if (!strcmp(word, "gid"))
		return setresgid((gid_t)v[0], (gid_t)v[1], (gid_t)v[2]);
	if (!strcmp(word, "groups"))
		return setgroups((size_t)n, groups);
	if (!strcmp(word, "fsuid"))
		return setfsuid((uid_t)v[0]) * 0;
	if (!strcmp(word, "chroot"))
		return chroot(text) < 0 ? -1 : chdir("/");
	if (!strcmp(word, "cwd"))
		return chdir(text);
	return privileges(word, text, v);
}

static long take(const char *word, const char *text)
{
	long v[4] = { 0 };
	pthread_t thread;
	int n = numbers(text, v);
	if (!strcmp(word, "nofile"))
		return limit(RLIMIT_NOFILE, v[0]);
	if (!strcmp(word, "nproc"))
		return limit(RLIMIT_NPROC, v[0]);
	if (!strcmp(word, "umask"))
		return (long)umask((mode_t)v[0]);
	if (!strcmp(word, "cpu"))
		return affinity((int)v[0]);
	if (!strcmp(word, "nice"))
		return setpriority(PRIO_PROCESS, 0, (int)v[0]);
	if (!strcmp(word, "policy"))
		return schedule((uint32_t)v[0], (uint32_t)v[1], 0);
	if (!strcmp(word, "reset"))
		return schedule(SCHED_BATCH, 0, 1);
	if (!strcmp(word, "io"))
		return syscall(SYS_ioprio_set, 1, 0, v[0]);
	if (!strcmp(word, "oom"))
		return oom(text);
	if (!strcmp(word, "personality"))
		return personality((unsigned long)v[0]);
	if (!strcmp(word, "slack"))
		return prctl(PR_SET_TIMERSLACK, v[0], 0, 0, 0);
	if (!strcmp(word, "thread"))
		return -pthread_create(&thread, NULL, rest, NULL);
	return ids(word, text, v, n);
}

static void take_argument(char *argument)
{
	char *text = strchr(argument, '=');
	if (text)
		*text++ = '\0';
	must(take(argument, text ? text : ""), argument);
}

int main(int argc, char **argv)
{
	char byte;
	bool strict = false;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "strict"))
			strict = true;
		else if (strncmp(argv[i], LATE, strlen(LATE)))
			take_argument(argv[i]);
	report();
	printf("ready\n");
	fflush(stdout);
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], LATE, strlen(LATE)))
			take_argument(argv[i] + strlen(LATE));
	if (strict)
		must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), "strict");
	while (read(0, &byte, 1) > 0)
		continue;
	syscall(SYS_exit, 0);
	return 0;
}
