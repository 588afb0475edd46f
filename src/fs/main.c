/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - contexe-fs DIR [READY_FD]: mounts containers as files on DIR and answers until it is unmounted or told to end. A byte
 * on READY_FD says that it is mounted. Started by `contexe fs`; the state root is that of CONTEXE_ROOT.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/parse.h"
#include "fs/events.h"
#include "fs/server.h"
#include "fs/work.h"

static int fail(const char *what, const char *object, int e)
{
	fprintf(stderr, "contexe-fs: %s%s%s: %s\n", what, object ? ": " : "", object ? object : "",
		strerror(e));
	return 1;
}

static int take_signals(struct server *s)
{
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0)
		return -errno;
	_Static_assert(sizeof(old) <= sizeof(s->old_mask), "room for a signal mask");
	memcpy(s->old_mask, &old, sizeof(old));
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

static int watch_journal(struct server *s)
{
	s->journal = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->journal < 0 || inotify_add_watch(s->journal, contexe_root(s->cx),
						IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
		return -errno;
	return 0;
}

static int mount_on(struct server *s, const char *dir)
{
	/* others than root may mount only for themselves, unless /etc/fuse.conf lets them (user_allow_other) */
	const char *options = geteuid() == 0 ? "default_permissions,allow_other,fsname=contexe,"
					       "subtype=contexe"
					     : "default_permissions,fsname=contexe,subtype=contexe";
	char *argv[] = { "contexe-fs", "-o", xstrdup(options), NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	s->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), s);
	free(argv[2]);
	fuse_opt_free_args(&args);
	return s->session && fuse_session_mount(s->session, dir) == 0 ? 0 : -EIO;
}

static void handle_signals(struct server *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			fuse_session_exit(s->session);
	work_reap(s);
}

static void handle_journal(struct server *s)
{
	char drop[4096];
	while (read(s->journal, drop, sizeof(drop)) > 0)
		;
	events_wake(s);
}

static void serve(struct server *s, struct fuse_buf *request)
{
	while (!fuse_session_exited(s->session)) {
		struct pollfd p[] = { { .fd = fuse_session_fd(s->session), .events = POLLIN },
				      { .fd = s->signals, .events = POLLIN },
				      { .fd = s->journal, .events = POLLIN },
				      { .fd = mounted_fd(s), .events = POLLPRI } };
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			handle_signals(s);
		if (p[2].revents)
			handle_journal(s);
		if (p[3].revents && !mounted_still(s))
			return;
		if (!p[0].revents)
			continue;
		int n = fuse_session_receive_buf(s->session, request);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0) /* unmounted */
			break;
		fuse_session_process_buf(s->session, request);
	}
}

/* Whoever started us waits for no more of us: what is to be told from now on goes to syslog(3). */
static void leave_terminal(int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)close(ready);
	if (null >= 0)
		(void)dup2(null, 2);
}

int main(int argc, char **argv)
{
	struct server s = { .signals = -1, .journal = -1, .uid = geteuid(), .gid = getegid() };
	struct contexe_error err = { 0 };
	char text[1600];
	uint64_t ready = 0;
	if (argc < 2 || argc > 3 || argv[1][0] != '/' ||
	    (argc == 3 && parse_u64(argv[2], 3, 1 << 20, &ready) < 0)) {
		fputs("contexe-fs: started by 'contexe fs', not by hand: DIR, an absolute path, "
		      "is wanted\n",
		      stderr);
		return 125;
	}
	if (contexe_open(NULL, &s.cx, &err) < 0) {
		fprintf(stderr, "contexe-fs: %s\n", contexe_error_line(&err, text, sizeof(text)));
		return 1;
	}
	nodes_init(&s);
	int r = take_signals(&s);
	if (r == 0)
		r = watch_journal(&s);
	if (r < 0)
		return fail("cannot begin", NULL, -r);
	if (mount_on(&s, argv[1]) < 0)
		return 1; /* libfuse has told why */
	r = mounted_watch(&s, argv[1]);
	if (r < 0)
		return fail("cannot watch the mounts", NULL, -r);
	char control[PATH_MAX];
	(void)snprintf(control, sizeof(control), "%s/container", argv[1]);
	if (contexe_serve_control(s.cx, control, &err) < 0) /* another mount of the same does */
		fprintf(stderr, "contexe-fs: %s\n", contexe_error_line(&err, text, sizeof(text)));
	if (ready && write((int)ready, "", 1) != 1)
		return fail("cannot tell that it is mounted", NULL, errno);
	if (ready)
		leave_terminal((int)ready);
	if (chdir("/") < 0)
		return fail("cannot leave the working directory", NULL, errno);
	struct fuse_buf request = { .mem = NULL };
	serve(&s, &request);
	free(request.mem);
	work_finish(&s);
	if (mounted_still(&s)) /* else what is there now is somebody else's */
		fuse_session_unmount(s.session);
	mounted_done(&s);
	fuse_session_destroy(s.session);
	nodes_done(&s);
	contexe_close(s.cx);
	return 0;
}
