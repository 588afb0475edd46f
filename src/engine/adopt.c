/* SPDX-License-Identifier: Apache-2.0 */
/* adopt.c - see adopt.h. */
#include "engine/adopt.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/parse.h"
#include "engine/control.h"
#include "init/protocol.h"
#include "sys/scm.h"
#include "sys/viewfs.h"

struct kept {
	int fds[1 + INIT_MAX_KEEP]; /* the listening socket, then what wire() kept, in its order */
	size_t n;
};

static int ask_init(int sock, struct kept *ret)
{
	struct init_msg msg = { .magic = INIT_MAGIC, .type = INIT_ADOPT };
	int r = scm_send(sock, &msg, sizeof(msg), NULL, 0);
	if (r < 0)
		return r;
	struct timeval patience = { .tv_sec = 5 };
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ssize_t n = scm_recv(sock, &msg, sizeof(msg), ret->fds, ARRAY_SIZE(ret->fds), &ret->n, 0);
	patience.tv_sec = 0;
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (n < 0)
		return (int)n;
	if (n != sizeof(msg) || msg.magic != INIT_MAGIC || msg.type != INIT_ADOPTED || !ret->n)
		return -EBUSY; /* INIT_ORPHAN: another one was faster */
	return 0;
}

/* Those of the container's own /proc files come last: a memory, and /dev/fuse where they are mounted. */
static void take_views(struct kept *k, struct views *v)
{
	struct stat memory, fuse;
	size_t n = k->n;
	if (n < 3 || fstat(k->fds[n - 2], &memory) < 0 || fstat(k->fds[n - 1], &fuse) < 0)
		return;
	if (!S_ISREG(memory.st_mode) || memory.st_size != sizeof(struct viewfs_shared))
		return;
	if (S_ISCHR(fuse.st_mode) && major(fuse.st_rdev) == 10) {
		v->memory = take_fd(&k->fds[n - 2]);
		v->fuse = take_fd(&k->fds[n - 1]);
	}
	fd_close(k->fds[n - 2]);
	fd_close(k->fds[n - 1]);
	k->n -= 2;
}

/* The order in which bringup() kept them: the terminal, or output and errors. */
static void take_descriptors(struct kept *k, const struct spec *spec, struct relay *relay,
			     struct live *live)
{
	size_t i = 0;
	take_views(k, &live->views);
	live->listen = take_fd(&k->fds[i++]);
	if (str_eq(spec->contexe.init, "leader")) {
		/* the leader's pidfd, of which we have one of our own */
	} else if (spec->process.terminal && i < k->n) {
		relay->tty = true;
		relay->source[1] = relay->sink = take_fd(&k->fds[i++]);
	} else if (k->n > 1) {
		relay->source[1] = take_fd(&k->fds[i++]);
		if (i < k->n)
			relay->source[2] = take_fd(&k->fds[i++]);
	}
	for (; i < k->n; i++)
		fd_close(k->fds[i]);
}

int adopt(struct container *c, const struct spec *spec, struct relay *relay, struct live *ret,
	  struct error *err)
{
	struct live live = LIVE_NONE;
	struct kept kept = { .n = 0 };
	if (str_eq(spec->contexe.init, "none")) {
		error_set(err, EOPNOTSUPP, "with --init none nobody kept what a supervisor needs");
		return error_object(err, "%s", c->name);
	}
	CLEANUP_FD int sock = control_connect(c->dir);
	int r = sock < 0 ? sock : ask_init(sock, &kept);
	if (r < 0) {
		error_sys(err, -r, "contexe-init does not answer");
		return error_object(err, "%s", c->name);
	}
	live.init = (struct pidref){ c->init.pid, FD_NONE, c->init.start };
	r = pidref_open(&live.init);
	if (r == 0 && c->job.pid != c->init.pid) {
		live.job = (struct pidref){ c->job.pid, FD_NONE, c->job.start };
		IGNORE_RESULT(pidref_open(&live.job));
	}
	if (r == 0 && c->state.cgroup)
		r = cgroup_open(c->state.cgroup, &live.cg, err);
	take_descriptors(&kept, spec, relay, &live);
	if (r < 0) {
		relay_done(relay);
		fd_close(live.listen);
		views_done(&live.views);
		pidref_done(&live.init);
		pidref_done(&live.job);
		return error_what(err, "cannot take the container over");
	}
	live.channel = take_fd(&sock);
	live.led = c->state.led;
	live.own_init = live.own_pidns = true;
	*ret = live;
	return 0;
}
