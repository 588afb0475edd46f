/* SPDX-License-Identifier: Apache-2.0 */
/* image_check.c - see image_check.h. */
#include "engine/image_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "sys/clone3.h"

_Noreturn static void check(struct image_check *c, int to)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	IGNORE_RESULT(image_verify(c->img, NULL, NULL, &c->err));
	IGNORE_RESULT(fd_write_all(to, &c->err, sizeof(c->err)));
	_exit(0);
}

void image_check_start(struct image_check *c, struct image *img)
{
	int fds[2];
	*c = IMAGE_CHECK_NONE;
	c->img = img;
	bool piped = pipe2(fds, O_CLOEXEC) == 0;
	pid_t pid = piped ? sys_fork(0, FD_NONE, NULL) : -1;
	if (pid == 0)
		check(c, fds[1]);
	if (piped)
		fd_close(fds[1]);
	if (pid > 0) {
		c->pid = pid;
		c->from = fds[0];
		return;
	}
	if (piped)
		fd_close(fds[0]);
	IGNORE_RESULT(image_verify(img, NULL, NULL, &c->err));
}

int image_check_wait(void *arg, struct error *err)
{
	struct image_check *c = arg;
	struct error theirs;
	if (c->from >= 0) {
		if (fd_read_all(c->from, &theirs, sizeof(theirs)) == sizeof(theirs))
			c->err = theirs;
		else
			error_set(&c->err, EIO,
				  "the process that looks at the image's checksums ended early");
		c->from = fd_close(c->from);
	}
	if (c->err.err && err)
		*err = c->err;
	return -c->err.err;
}

void image_check_done(struct image_check *c)
{
	if (!c->pid)
		return;
	if (c->from >= 0)
		(void)kill(c->pid, SIGKILL); /* nobody wants to know any more */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->from = fd_close(c->from);
	c->pid = 0;
}
