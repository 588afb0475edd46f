/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_clients.c - the commands that talk to a supervisor over its control socket. See
 * control.h.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/control.h"
#include "engine/supervisor_parts.h"
#include "sys/pidfd.h"

static void drop_client(struct supervisor *sv, size_t i, bool close_it)
{
	if (close_it)
		fd_close(sv->clients[i]);
	sv->n_clients--;
	sv->clients[i] = sv->clients[sv->n_clients];
	sv->waiting[i] = sv->waiting[sv->n_clients];
}

static int let_start(struct supervisor *sv, struct error *err)
{
	if (sv->started)
		return error_set(err, EALREADY, "the container is started already");
	if (sv->live.start_fd < 0 || fd_write_all(sv->live.start_fd, "s", 1) < 0)
		return error_set(err, EPIPE, "the container's program is gone");
	sv->live.start_fd = fd_close(sv->live.start_fd);
	int r = build_wait_started(&sv->live.sync, err);
	if (r < 0) {
		/* then it is over: a program that cannot be executed has no second chance */
		error_what(err, "cannot start the container");
		(void)error_line(err, sv->failure, sizeof(sv->failure));
		sv->status = (struct opt_i64){ true, (err->exit_code ? err->exit_code : 125) << 8 };
		(void)sys_pidfd_send_signal(sv->live.init.pidfd, SIGKILL);
		return r;
	}
	sv->started = true;
	r = record_started(sv, "running", err);
	record_event(sv, "start", NULL);
	return r;
}

static int request_start(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)msg;
	return let_start(sv, err);
}

static int request_stopping(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)err;
	sv->stopping = msg->value != 3;
	sv->stopped = msg->value == 1;
	sv->checkpointed = msg->value == 2;
	return 0;
}

static int request_policy(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	(void)err;
	sv->restart.policy = (enum restart_policy)msg->value;
	sv->restart.max = (unsigned)msg->value2;
	return 0;
}

static int request_regroup(struct supervisor *sv, const struct ctl_msg *msg, struct error *err)
{
	struct state now = { 0 };
	(void)msg;
	(void)err;
	sv->regroup = true;
	if (sv->live.views.fuse >= 0 && state_read(sv->c->dir, &now) == 0)
		views_tell(&sv->live.views, &sv->live.init, sv->c->state.born, now.cgroup);
	state_done(&now);
	return 0;
}

static const struct {
	enum ctl_type type;
	int (*answer)(struct supervisor *sv, const struct ctl_msg *msg, struct error *err);
} requests[] = {
	{ CTL_START, request_start },
	{ CTL_STOPPING, request_stopping },
	{ CTL_POLICY, request_policy },
	{ CTL_REGROUP, request_regroup },
};

static void handle(struct supervisor *sv, size_t i)
{
	struct ctl_msg msg;
	int sock = sv->clients[i];
	ssize_t n = control_recv(sock, &msg, NULL, 0, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		drop_client(sv, i, true);
		return;
	}
	if (msg.type == CTL_WAIT) {
		sv->waiting[i] = true;
		return;
	}
	if (msg.type == CTL_ATTACH) {
		drop_client(sv, i, false);
		if (control_send(sock, CTL_OK, 0, 0, NULL, 0) < 0) {
			fd_close(sock);
			return;
		}
		relay_attach(&sv->relay, sock, (msg.value & CTL_ATTACH_STDIN) != 0);
		record_event(sv, "attach", NULL);
		return;
	}
	for (size_t k = 0; k < ARRAY_SIZE(requests); k++) {
		if (requests[k].type != msg.type)
			continue;
		struct error err = ERROR_INIT;
		int r = requests[k].answer(sv, &msg, &err);
		r = r < 0 ? control_send(sock, CTL_ERROR, 0, 0, &err, sizeof(err))
			  : control_send(sock, CTL_OK, 0, 0, NULL, 0);
		if (r < 0)
			drop_client(sv, i, true);
		return;
	}
	drop_client(sv, i, true);
}

static void accept_client(struct supervisor *sv)
{
	int sock = accept4(sv->live.listen, NULL, NULL, SOCK_CLOEXEC);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (sock < 0)
		return;
	bool ours = getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
		    (cred.uid == 0 || cred.uid == geteuid());
	if (!ours || sv->n_clients == MAX_CLIENTS) {
		fd_close(sock);
		return;
	}
	sv->waiting[sv->n_clients] = false;
	sv->clients[sv->n_clients++] = sock;
}

void clients_add(const struct supervisor *sv, struct pollset *ps)
{
	pollset_add(ps, sv->live.listen, POLLIN);
	for (size_t i = 0; i < sv->n_clients; i++)
		pollset_add(ps, sv->clients[i], POLLIN);
}

void clients_handle(struct supervisor *sv, const struct pollset *ps)
{
	for (size_t i = sv->n_clients; i-- > 0;)
		if (pollset_got(ps, sv->clients[i]))
			handle(sv, i);
	if (pollset_got(ps, sv->live.listen) & POLLIN)
		accept_client(sv);
}

void clients_end(struct supervisor *sv, int64_t wait_status)
{
	relay_end(&sv->relay, (int)wait_status);
	for (size_t i = sv->n_clients; i-- > 0;) {
		if (sv->waiting[i] &&
		    control_send(sv->clients[i], CTL_EXIT, (int)wait_status, 0, NULL, 0) < 0)
			sv->waiting[i] = false;
		drop_client(sv, i, true);
	}
}

void clients_done(struct supervisor *sv)
{
	for (size_t i = sv->n_clients; i-- > 0;)
		drop_client(sv, i, true);
}
