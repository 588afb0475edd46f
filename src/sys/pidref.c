/* SPDX-License-Identifier: Apache-2.0 */
/* pidref.c - see pidref.h. */
#include "sys/pidref.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/pidfd.h"

uint64_t pid_start_time(pid_t pid, char *ret_state)
{
	char path[40], line[1024];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_line(AT_FDCWD, path, line, sizeof(line)) < 0)
		return 0;
	char *p = strrchr(line, ')'); /* the name before it may hold anything */
	if (!p)
		return 0;
	char state;
	unsigned long long start = 0;
	/* from field 3 (state) to field 22 (starttime) */
	if (sscanf(p + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &state, &start) != 2)
		return 0;
	if (ret_state)
		*ret_state = state;
	return start;
}

int pidref_from_pid(pid_t pid, struct pidref *ret)
{
	CLEANUP_FD int fd = sys_pidfd_open(pid);
	if (fd < 0)
		return fd;
	char state;
	uint64_t start = pid_start_time(pid, &state);
	if (!start || sys_pidfd_send_signal(fd, 0) == -ESRCH)
		return -ESRCH;
	*ret = (struct pidref){ .pid = pid, .pidfd = take_fd(&fd), .start = start };
	return 0;
}

int pidref_from_pidfd(int pidfd, struct pidref *ret)
{
	char path[48], text[512];
	CLEANUP_FD int owned = pidfd;
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -ESRCH;
	char *line = strstr(text, "Pid:");
	int pid = line ? (int)strtol(line + 4, NULL, 10) : -1;
	if (pid <= 0)
		return -ESRCH; /* reaped, or not of this namespace */
	*ret = (struct pidref){ .pid = pid,
				.pidfd = take_fd(&owned),
				.start = pid_start_time(pid, NULL) };
	return 0;
}

int pidref_open(struct pidref *p)
{
	if (p->pid <= 0)
		return -ESRCH;
	if (p->pidfd >= 0)
		return 0;
	CLEANUP_FD int fd = sys_pidfd_open(p->pid);
	if (fd < 0)
		return fd;
	if (p->start && pid_start_time(p->pid, NULL) != p->start)
		return -ESRCH;
	p->pidfd = take_fd(&fd);
	return 0;
}

bool pidref_alive(const struct pidref *p)
{
	if (p->pid <= 0)
		return false;
	char state = 'X';
	uint64_t start = pid_start_time(p->pid, &state);
	return start && (!p->start || start == p->start) && state != 'Z' && state != 'X';
}

int pidref_kill(struct pidref *p, int sig)
{
	int r = pidref_open(p);
	return r < 0 ? r : sys_pidfd_send_signal(p->pidfd, sig);
}

void pidref_done(struct pidref *p)
{
	p->pidfd = fd_close(p->pidfd);
}

const char *boot_id(void)
{
	static char id[40];
	if (!id[0] &&
	    file_read_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, sizeof(id)) < 0)
		id[0] = '\0';
	return id;
}
