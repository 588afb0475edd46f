/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - see process.h. */
#include "proc/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

#define STAT_MAX    (16u << 10)
#define STATUS_MAX  (256u << 10) /* the list of groups may be long */
#define CMDLINE_MAX (64u << 10)

/* --- numbers in a text --- */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Reads one number that ends at a blank or the end of the line and moves *p behind it. */
static int next_i64(const char **p, int64_t *ret)
{
	const char *s = skip_blanks(*p);
	if (!isdigit((unsigned char)*s) && *s != '-')
		return -EINVAL;
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (end == s || errno || (*end && !isspace((unsigned char)*end)))
		return -EINVAL;
	*p = end;
	*ret = v;
	return 0;
}

/* The same for a value that has no sign; those of the kernel's that are beyond 2^63 are kept. */
static int next_u64(const char **p, uint64_t *ret)
{
	const char *s = skip_blanks(*p);
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno || (*end && !isspace((unsigned char)*end)))
		return -EINVAL;
	*p = end;
	*ret = v;
	return 0;
}

static int next_pid(const char **p, pid_t *ret)
{
	int64_t v;
	if (next_i64(p, &v) < 0 || v < 0 || v > INT_MAX)
		return -EINVAL;
	*ret = (pid_t)v;
	return 0;
}

/* --- stat --- */

/*
 * Everything behind the name is a number. Field numbers are those of proc(5). A task that has just been
 * reaped has -1 as group and session, and a tty is a signed number in %d: so all is read signed, but for
 * the addresses, which are not wanted.
 */
enum {
	FIELD_PPID = 4,
	FIELD_PGRP = 5,
	FIELD_SID = 6,
	FIELD_TTY = 7,
	FIELD_UTIME = 14,
	FIELD_STIME = 15,
	FIELD_THREADS = 20,
	FIELD_START = 22,
	FIELD_VSIZE = 23,
	FIELD_RSS = 24,
	FIELD_END = 25
};

/* The kernel writes a newline in the name as "\n" and a backslash as "\\". */
static void copy_comm(char *to, size_t size, const char *from, const char *end)
{
	size_t n = 0;
	for (; from < end && n + 1 < size; from++) {
		if (*from == '\\' && from + 1 < end && (from[1] == 'n' || from[1] == '\\')) {
			from++;
			to[n++] = *from == 'n' ? '\n' : '\\';
		} else {
			to[n++] = *from;
		}
	}
	to[n] = '\0';
}

static int read_stat_fields(const char *p, uint64_t *field)
{
	for (int i = FIELD_PPID; i < FIELD_END; i++) {
		int64_t v = 0;
		int r = *skip_blanks(p) == '-' ? next_i64(&p, &v) : next_u64(&p, &field[i]);
		if (r < 0)
			return r;
		if (v < 0) /* nothing that we want has a meaning below 0 */
			field[i] = i == FIELD_TTY ? (uint64_t)v : 0;
	}
	static const int pids[] = { FIELD_PPID, FIELD_PGRP, FIELD_SID, FIELD_THREADS };
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		if (field[pids[i]] > INT_MAX)
			return -EINVAL;
	return 0;
}

int proc_parse_stat(const char *text, struct proc_process *ret)
{
	pid_t pid;
	const char *p = text;
	if (next_pid(&p, &pid) < 0 || pid == 0)
		return -EINVAL;
	p = skip_blanks(p);
	const char *close = strrchr(p, ')'); /* the name itself may hold parentheses */
	if (*p != '(' || !close)
		return -EINVAL;
	const char *state = skip_blanks(close + 1);
	if (!isalpha((unsigned char)*state) || !isspace((unsigned char)state[1]))
		return -EINVAL;
	uint64_t field[FIELD_END] = { 0 };
	if (read_stat_fields(state + 1, field) < 0)
		return -EINVAL;

	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	ret->pid = pid;
	copy_comm(ret->comm, sizeof(ret->comm), p + 1, close);
	ret->state = *state;
	ret->ppid = (pid_t)field[FIELD_PPID];
	ret->pgrp = (pid_t)field[FIELD_PGRP];
	ret->sid = (pid_t)field[FIELD_SID];
	ret->tty = (int)field[FIELD_TTY];
	ret->utime = field[FIELD_UTIME];
	ret->stime = field[FIELD_STIME];
	ret->threads = (uint32_t)field[FIELD_THREADS];
	ret->start = field[FIELD_START];
	ret->vsize = field[FIELD_VSIZE];
	ret->rss = field[FIELD_RSS] > UINT64_MAX / page ? UINT64_MAX : field[FIELD_RSS] * page;
	return 0;
}

/* --- status --- */

/* What is taken from a status text, gathered apart so that a bad text changes nothing. */
struct status {
	pid_t pid, tgid, ppid, threads;
	uint64_t ruid, uid;
	pid_t ids[4][PROC_MAX_LEVELS]; /* in the order of the rows below */
	int n[4];
};

static int read_levels(const char *p, pid_t *ids, int *ret_n)
{
	int n = 0;
	for (p = skip_blanks(p); *p && *p != '\n'; p = skip_blanks(p)) {
		if (n == PROC_MAX_LEVELS || next_pid(&p, &ids[n]) < 0)
			return -EINVAL;
		n++;
	}
	if (n == 0)
		return -EINVAL;
	*ret_n = n;
	return 0;
}

static int read_status_uids(const char *p, struct status *s)
{
	if (next_u64(&p, &s->ruid) < 0 || next_u64(&p, &s->uid) < 0)
		return -EINVAL;
	return s->ruid > UINT32_MAX || s->uid > UINT32_MAX ? -EINVAL : 0;
}

static int read_status_line(const char *line, struct status *s)
{
	const struct {
		const char *key;
		pid_t *pid;
		int levels; /* row of ids, where pid is NULL; -1: the uids */
	} keys[] = {
		{ "Tgid:", &s->tgid, 0 },	{ "Pid:", &s->pid, 0 }, { "PPid:", &s->ppid, 0 },
		{ "Threads:", &s->threads, 0 }, { "Uid:", NULL, -1 },	{ "NSpid:", NULL, 0 },
		{ "NStgid:", NULL, 1 },		{ "NSpgid:", NULL, 2 }, { "NSsid:", NULL, 3 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!str_has_prefix(line, keys[i].key))
			continue;
		const char *p = line + strlen(keys[i].key);
		int level = keys[i].levels;
		if (keys[i].pid)
			return next_pid(&p, keys[i].pid);
		return level < 0 ? read_status_uids(p, s)
				 : read_levels(p, s->ids[level], &s->n[level]);
	}
	return 0;
}

int proc_parse_status(const char *text, struct proc_process *ret)
{
	struct status s = { .uid = UINT64_MAX, .ruid = UINT64_MAX };
	for (const char *line = text; line && *line;) {
		if (read_status_line(line, &s) < 0)
			return -EINVAL;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (s.pid == 0 || s.tgid == 0 || s.uid == UINT64_MAX) /* a line that must be there */
		return -EINVAL;
	for (int i = 1; i < 4; i++)
		if (s.n[i] != s.n[0])
			return -EINVAL;

	ret->pid = s.pid;
	ret->tgid = s.tgid;
	ret->ppid = s.ppid;
	ret->threads = (uint32_t)s.threads;
	ret->ruid = (uid_t)s.ruid;
	ret->uid = (uid_t)s.uid;
	ret->n_levels = s.n[0];
	pid_t *to[4] = { ret->nspid, ret->nstgid, ret->nspgid, ret->nssid };
	for (int i = 0; i < 4; i++)
		memcpy(to[i], s.ids[i], sizeof(s.ids[i]));
	if (ret->n_levels == 0) { /* a kernel without CONFIG_PID_NS has but one */
		ret->n_levels = 1;
		ret->nspid[0] = s.pid;
		ret->nstgid[0] = s.tgid;
		ret->nspgid[0] = ret->pgrp;
		ret->nssid[0] = ret->sid;
	}
	return 0;
}

/* --- readers --- */

/* A process that ends while it is read shows as a missing file or as ESRCH, whichever comes first. */
static int gone(int r)
{
	return r == -ENOENT ? -ESRCH : r;
}

/* dir is /proc/PID held open: whatever is read below it is of that one process, even if it is reaped
 * and its number given to another. */
static int read_process_at(int dir, struct proc_process *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(dir, "stat", STAT_MAX, &text);
	if (r < 0)
		return gone(r);
	struct proc_process p = { 0 };
	r = proc_parse_stat(buf_str(&text), &p);
	if (r < 0)
		return r;
	buf_reset(&text);
	r = file_read(dir, "status", STATUS_MAX, &text);
	if (r < 0)
		return gone(r);
	r = proc_parse_status(buf_str(&text), &p);
	if (r < 0)
		return r;
	struct stat st;
	if (fstatat(dir, "ns/pid", &st, 0) == 0)
		p.pidns = st.st_ino;
	*ret = p;
	return 0;
}

static int read_process(int proc, const char *name, struct proc_process *ret)
{
	CLEANUP_FD int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return gone(-errno);
	return read_process_at(dir, ret);
}

int proc_read(pid_t pid, struct proc_process *ret)
{
	char path[32];
	if (pid <= 0)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	return read_process(AT_FDCWD, path, ret);
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct proc_process *)a)->pid, y = ((const struct proc_process *)b)->pid;
	return (x > y) - (x < y);
}

static void dir_cleanup(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int proc_read_all(struct proc_process **ret, size_t *ret_n)
{
	CLEANUP(dir_cleanup) DIR *dir = opendir("/proc");
	if (!dir)
		return -errno;
	struct proc_process *list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *de;
	while (errno = 0, (de = readdir(dir))) {
		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			list = xrealloc(list, cap * sizeof(*list));
		}
		/* gone, hidden from us (hidepid) or of a kernel that writes what we cannot read: left out */
		if (read_process(dirfd(dir), de->d_name, &list[n]) == 0)
			n++;
	}
	if (errno) {
		int r = -errno;
		free(list);
		return r;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_pid);
	*ret = list;
	*ret_n = n;
	return 0;
}

void proc_cmdline(pid_t pid, struct buf *out)
{
	char path[48], comm[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	CLEANUP_BUF struct buf raw = BUF_INIT;
	int r = file_read(AT_FDCWD, path, CMDLINE_MAX, &raw);
	if (r < 0 && r != -EFBIG) /* what came before the limit is enough to show */
		return;
	size_t len = raw.len;
	while (len > 0 && raw.data[len - 1] == '\0')
		len--;
	if (len == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (file_read_line(AT_FDCWD, path, comm, sizeof(comm)) < 0)
			return;
		buf_putc(out, '[');
		for (const char *c = comm; *c; c++)
			buf_putc(out, iscntrl((unsigned char)*c) ? '?' : *c);
		buf_putc(out, ']');
		return;
	}
	for (size_t i = 0; i < len; i++) {
		char c = raw.data[i];
		buf_putc(out, c == '\0' ? ' ' : iscntrl((unsigned char)c) ? '?' : c);
	}
}

uint64_t proc_ns_inode(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;
	int n = pid > 0 ? snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name)
			: snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0)
		return 0;
	return st.st_ino;
}

uint64_t proc_pidns_parent(int ns_fd)
{
	CLEANUP_FD int parent = ioctl(ns_fd, NS_GET_PARENT);
	struct stat st;
	if (parent < 0 || fstat(parent, &st) < 0)
		return 0;
	return st.st_ino;
}
