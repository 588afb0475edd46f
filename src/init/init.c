/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.c - the loop of contexe-init: one turn takes a bounded amount from each source, so that
 * neither a storm of signals, nor of orphans, nor of messages keeps it from the others.
 *
 * It ends in one function, init_end, for two reasons only: the job (or the leader outside, where
 * there is no job) has ended, or a signal from outside ended init. With it the kernel kills what is left in the pid namespace.
 */
#include "init/init.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "init/calls.h"
#include "init/channel.h"
#include "init/signals.h"
#include "init/views.h"

#define INIT_REAP_BATCH	  64
#define INIT_SIGNAL_BATCH 4

struct init {
	int job; /* 0: the pidfd INIT_FD_KEEP is the leader's */
	int signal_fd;
	bool reap; /* a child may have ended */
	struct channel channel;
	struct views views;
};

static void status_write(int status)
{
	char text[12];
	size_t at = sizeof(text);

	text[--at] = '\n';
	do {
		text[--at] = (char)('0' + status % 10);
		status /= 10;
	} while (status);
	sys_pwrite(INIT_FD_STATUS, text + at, sizeof(text) - at, 0);
}

/* The point of no return: tells how the container ended, the file first, and ends it. */
NORETURN static void init_end(struct init *in, enum init_msg_type type, int value, int status)
{
	status_write(status);
	channel_tell(&in->channel, type, value);
	channel_finish(&in->channel);
	sys_exit_group(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/*
 * __WALL: children of any exit signal. If the batch is not enough, `reap` stays set. A status
 * cannot be lost: the job remains a zombie until this takes it.
 */
static void init_reap(struct init *in)
{
	for (int i = 0; i < INIT_REAP_BATCH; i++) {
		int status = 0;
		long pid = sys_wait4(-1, &status, WNOHANG | __WALL);

		if (pid <= 0) {
			in->reap = false;
			return;
		}
		if (pid == in->job)
			init_end(in, INIT_JOB_EXITED, status, status);
	}
}

/*
 * A job that has ended counts before a signal that came as well: signals are read lowest first, so
 * SIGTERM may precede the SIGCHLD of an earlier end. The wait status of what a signal ended is its
 * number.
 */
NORETURN static void init_take_end(struct init *in, int signal)
{
	int status = 0;

	if (in->job && sys_wait4(in->job, &status, WNOHANG | __WALL) == in->job)
		init_end(in, INIT_JOB_EXITED, status, status);
	init_end(in, INIT_ENDED_BY, signal, signal);
}

static void init_take_signal(struct init *in, const struct signalfd_siginfo *info)
{
	int signal = (int)info->ssi_signo;

	switch (signal_effect(info)) {
	case SIGNAL_NONE:
		return;
	case SIGNAL_REAP:
		in->reap = true;
		return;
	case SIGNAL_STOP:
		channel_tell(&in->channel, INIT_STOP_ME, signal);
		return;
	case SIGNAL_END:
		init_take_end(in, signal);
	}
}

static void init_take_signals(struct init *in)
{
	struct signalfd_siginfo info[INIT_SIGNAL_BATCH];
	long n = sys_read(in->signal_fd, info, sizeof(info));

	for (long i = 0; i < n / (long)sizeof(info[0]); i++)
		init_take_signal(in, &info[i]);
}

static void init_turn(struct init *in)
{
	const struct timespec at_once = { 0, 0 }, soon = { 1, 0 };
	const struct timespec *timeout = NULL;
	struct pollfd fds[2 + CHANNEL_POLLFDS + 1], *leader = &fds[1 + CHANNEL_POLLFDS];
	struct pollfd *views = &fds[2 + CHANNEL_POLLFDS];
	int signal;

	fds[0] = (struct pollfd){ .fd = in->signal_fd, .events = POLLIN };
	channel_watch(&in->channel, fds + 1);
	*leader = (struct pollfd){ .fd = in->job ? -1 : INIT_FD_KEEP, .events = POLLIN };
	views_watch(&in->views, in->channel.orphaned, views);
	if (in->channel.accept_failed || views_look_again(&in->views, in->channel.orphaned))
		timeout = &soon;
	if (in->reap)
		timeout = &at_once;
	if (sys_ppoll(fds, ARRAY_SIZE(fds), timeout) < 0)
		return;
	if (fds[0].revents)
		init_take_signals(in);
	if (in->reap)
		init_reap(in);
	if (leader->revents)
		init_end(in, INIT_JOB_EXITED, 0, 0);
	views_serve(&in->views, in->channel.orphaned, views);
	signal = channel_serve(&in->channel, fds + 1);
	if (signal && in->job)
		sys_kill(in->job, signal);
}

void init_run(int job, unsigned int n_keep, bool views, int signal_fd)
{
	/* The job may have ended before its signal could be read: look once without being told. */
	struct init in = { .job = job, .signal_fd = signal_fd, .reap = true };

	channel_open(&in.channel, n_keep);
	views_open(&in.views, n_keep, views);
	channel_tell(&in.channel, INIT_READY, (int)n_keep);
	for (;;)
		init_turn(&in);
}
