/* SPDX-License-Identifier: Apache-2.0 */
/* unix_credentials.c - who is at the other end, and who has sent what waits: pid, uid and gid. */
#include <grp.h>
#include <sys/wait.h>

#include "sock.h"

int main(void)
{
	int on = 1, status, l = sock_listening(SOCK_STREAM, "@credentials", 5);
	ckpt_init();
	pid_t child = CKPT_SETUP(fork());
	if (child == 0) {
		if (setresgid(33, 33, 33) < 0 || setresuid(44, 44, 44) < 0)
			_exit(1);
		int c = sock_connected(SOCK_STREAM, "@credentials");
		ckpt_wait();
		_exit(!sock_say(c, "second"));
	}
	int a = CKPT_SETUP(accept(l, NULL, NULL));
	struct ucred u;
	socklen_t size = sizeof(u);
	CKPT_SETUP(setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));

	ckpt_ready();

	CKPT_CHECK(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &u, &size) == 0, "no credentials");
	CKPT_CHECK(u.uid == 44 && u.gid == 33, "uid %d gid %d", (int)u.uid, (int)u.gid);
	CKPT_CHECK(u.pid == child, "pid %d is not %d", (int)u.pid, (int)child);
	CKPT_CHECK(sock_option(a, SOL_SOCKET, SO_PASSCRED) == 1, "SO_PASSCRED is off");
	CKPT_CHECK(kill(child, SIGUSR1) == 0 && sock_hear(a, "second"), "the child's word");
	CKPT_CHECK(waitpid(child, &status, 0) == child && status == 0, "the child");
	ckpt_pass();
}
