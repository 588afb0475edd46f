/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_led.c - a supervisor whose container is led by a process outside: it comes in after the container is there, and
 * nobody's child of ours. See contexe_lead().
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "container/sync.h"
#include "engine/supervisor.h"
#include "engine/supervisor_parts.h"
#include "proc/process.h"
#include "sys/pidfd.h"

#define REAPED_MS  200
#define PROGRAM_MS 500

/* It is in: it sees what process 1 sees. */
static bool is_in(const struct supervisor *sv)
{
	uint64_t mnt = proc_ns_inode(sv->live.init.pid, "mnt");
	return mnt && mnt == proc_ns_inode(sv->live.job.pid, "mnt");
}

/*
 * Whoever was to bring it in has said nothing, because it failed or died. What it has begun in the leader ends by itself
 * (program.h, RUN_RETURNS): then the leader is in, and all is well, or it is not, and goes back to its groups.
 */
static bool came_in_alone(struct supervisor *sv, struct cgroup_place *place)
{
	struct pollfd p = { .fd = sv->opt->report, .events = 0 };
	bool died = poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
	for (int i = 0; !is_in(sv) && died && i < PROGRAM_MS; i++)
		(void)poll(NULL, 0, 1);
	if (is_in(sv))
		return true;
	cgroup_put_back(place, sv->live.job.pid);
	return is_in(sv);
}

int leader_wait(struct supervisor *sv, struct cgroup_place *before, struct error *err)
{
	int r = sync_wait_go(sv->opt->report);
	if (r < 0 && came_in_alone(sv, before))
		r = 0;
	cgroup_place_done(before);
	if (r < 0)
		return error_sys(err, -r, "its leader did not come in");
	sv->live.led = true;
	record_event(sv, "start", NULL);
	container_unlock(sv->c);
	return 0;
}

void leader_missing(struct supervisor *sv)
{
	record_end(sv, SIGKILL, "its leader did not come in");
	if (sv->remove && container_delete(sv->c, NULL) == 0)
		record_event(sv, "remove", NULL);
}

void leader_orphaned(struct supervisor *sv)
{
	struct pollfd p = { .fd = sv->opt->report, .events = POLLRDHUP };
	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP)))
		leader_missing(sv);
}

/* The last field but none of /proc/PID/stat, exit_code, while it is a zombie. -1: it is none any more. */
static int status_of_zombie(const struct pidref *leader)
{
	char path[32], text[1024], state;
	int64_t code;
	if (pid_start_time(leader->pid, &state) != leader->start || state != 'Z')
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", leader->pid);
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	char *last = strrchr(text, ' ');
	return last && parse_i64(last + 1, 0, INT32_MAX, &code) == 0 ? (int)code : -1;
}

/* A zombie tells it in /proc, whom its parent has reaped the pidfd (Linux 6.15): one of the two, soon. */
int leader_status(const struct pidref *leader)
{
	int status = -1;
	for (int i = 0; i < REAPED_MS && status < 0; i++) {
		status = status_of_zombie(leader);
		if (status < 0 && leader->pidfd >= 0)
			status = sys_pidfd_exit_code(leader->pidfd);
		if (status == -ENOTTY || status == -EINVAL) /* an older kernel */
			break;
		if (status < 0)
			(void)poll(NULL, 0, 1);
	}
	return status < 0 ? 0 : status;
}
