/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c - the user's side of a container that runs elsewhere: descriptors 0, 1, 2 over its control socket. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/container.h"
#include "engine/control.h"
#include "engine/handle.h"
#include "engine/lifecycle.h"
#include "engine/supervisor.h"
#include "engine/terminal.h"

#define LOCK_TIMEOUT_MS 10000

struct attachment {
	int sock, signals;
	bool take_stdin;
	struct keys keys;
	struct container *c;
};

static void send_size(struct attachment *a)
{
	uint16_t rows, cols;
	if (terminal_size(0, &rows, &cols) == 0)
		IGNORE_RESULT(control_send(a->sock, CTL_RESIZE, rows, cols, NULL, 0));
}

/* Returns true when the user pressed the keys that detach. */
static bool pass_input(struct attachment *a)
{
	unsigned char data[4096], out[sizeof(data) + sizeof(a->keys.seq)];
	ssize_t n = read(0, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		a->take_stdin = false;
		IGNORE_RESULT(control_send(a->sock, CTL_EOF, 0, 0, NULL, 0));
		return false;
	}
	size_t size;
	bool detach = keys_filter(&a->keys, data, (size_t)n, out, &size);
	if (size)
		IGNORE_RESULT(control_send(a->sock, CTL_DATA, 0, 0, out, size));
	return detach;
}

static void pass_signals(struct attachment *a)
{
	struct signalfd_siginfo info;
	while (read(a->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			send_size(a);
		else
			IGNORE_RESULT(pidref_kill(&a->c->job, (int)info.ssi_signo));
	}
}

/* 1: go on; 0: ended, *ret_status; -errno: the supervisor is gone. */
static int pass_output(struct attachment *a, int *ret_status)
{
	char data[CTL_MAX_DATA];
	struct ctl_msg msg;
	ssize_t n = control_recv(a->sock, &msg, data, sizeof(data), 0);
	if (n < 0)
		return (int)n;
	if (msg.type == CTL_EXIT) {
		*ret_status = status_to_exit(msg.value);
		return 0;
	}
	if (msg.type == CTL_DATA && (msg.value == 1 || msg.value == 2))
		IGNORE_RESULT(fd_write_all(msg.value, data, (size_t)n));
	return 1;
}

static int relay_loop(struct attachment *a, int *ret_status)
{
	for (;;) {
		struct pollfd p[3] = {
			{ .fd = a->sock, .events = POLLIN },
			{ .fd = a->signals, .events = POLLIN },
			{ .fd = a->take_stdin ? 0 : -1, .events = POLLIN },
		};
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			pass_signals(a);
		if (p[2].revents && pass_input(a)) {
			*ret_status = -1;
			return 0;
		}
		int r = p[0].revents ? pass_output(a, ret_status) : 1;
		if (r <= 0)
			return r;
	}
}

/* start: the container waits for it, and is attached to before it runs. */
static int attach_to(struct container *c, bool no_stdin, const char *detach_keys, bool start,
		     int *ret_status, struct error *err)
{
	struct attachment a = { .c = c, .take_stdin = !no_stdin };
	struct spec CLEANUP_SPEC spec = { 0 };
	int r = container_spec(c, &spec, err);
	if (r < 0)
		return r;
	bool tty = spec.process.terminal;
	const char *keys = detach_keys ? detach_keys : spec.contexe.detach_keys;
	if (tty || detach_keys)
		r = keys_parse(keys ? keys : DETACH_KEYS_DEFAULT, &a.keys, err);
	if (r < 0)
		return r;
	CLEANUP_FD int sock = control_connect(c->dir);
	if (sock < 0 ||
	    control_send(sock, CTL_ATTACH, no_stdin ? 0 : CTL_ATTACH_STDIN, 0, NULL, 0) < 0) {
		error_set(err, ECONNREFUSED, "its supervisor does not answer");
		return error_object(err, "%s", c->name);
	}
	struct ctl_msg taken; /* from here on nothing is missed */
	if (control_recv(sock, &taken, NULL, 0, 0) < 0 || taken.type != CTL_OK) {
		error_set(err, ECONNREFUSED, "its supervisor does not take us");
		return error_object(err, "%s", c->name);
	}
	a.sock = sock;
	sigset_t set, old;
	sigemptyset(&set);
	/* who only looks keeps the signals to himself */
	for (size_t i = 0; i < (no_stdin ? 1U : 5U); i++)
		sigaddset(&set, (int[]){ SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT }[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	CLEANUP_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	a.signals = signals;
	struct terminal terminal = TERMINAL_NONE;
	if (tty && !no_stdin)
		terminal_raw(0, &terminal);
	if (tty)
		send_size(&a);
	r = start ? control_request(c->dir, CTL_START, 0, 0, err) : 0;
	bool refused = r < 0;
	if (!refused)
		r = relay_loop(&a, ret_status);
	terminal_restore(&terminal);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0 && !refused) {
		error_set(err, EPIPE, "its supervisor is gone");
		error_object(err, "%s", c->name);
		error_hint(err, "'contexe ls' shows whether the container still runs");
	}
	return r;
}

int contexe_attach(struct contexe *cx, const char *ref, bool no_stdin, const char *detach_keys,
		   int *ret_status, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_ATTACH, c->name, err);
	if (r == 0)
		r = supervise_orphan(c, err);
	if (r == 0)
		r = attach_to(c, no_stdin, detach_keys, false, ret_status, err);
	return r < 0 ? error_what(err, "cannot attach to the container") : 0;
}

int contexe_start_attached(struct contexe *cx, const char *ref, int *ret_status,
			   struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct supervisor_options opt = { .wait_start = true, .report = FD_NONE };
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(c->now, EVENT_START, c->name, err);
	if (r == 0 && c->now == CONTEXE_EXITED)
		r = supervise_detached(c, &opt, err);
	if (r == 0) {
		container_unlock(c);
		container_refresh(c);
		r = attach_to(c, false, NULL, true, ret_status, err);
	}
	return r < 0 ? error_what(err, "cannot start the container") : 0;
}
