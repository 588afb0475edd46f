/* SPDX-License-Identifier: Apache-2.0 */
/* inotify.c - watches keep their numbers, masks and targets; restoring causes no events. */
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "ckpt.h"

static char buf[4096] __attribute__((aligned(8)));

static void expect(int fd, int wd, uint32_t mask, const char *name)
{
	const struct inotify_event *ev = (const void *)buf;
	CKPT_CHECK(read(fd, buf, sizeof(buf)) > 0, "no event for %s", name);
	CKPT_CHECK(ev->wd == wd && (ev->mask & mask), "watch %d tells %#x for %s, not %d %#x",
		   ev->wd, ev->mask, name, wd, mask);
}

int main(void)
{
	CKPT_SETUP(chdir(ckpt_dir()));
	CKPT_SETUP(mkdir("dir", 0700));
	close(CKPT_SETUP(open("file", O_CREAT | O_WRONLY, 0600)));
	int fd = CKPT_SETUP(inotify_init1(IN_NONBLOCK));
	for (int i = 0; i < 5; i++) {
		int wd = CKPT_SETUP(inotify_add_watch(fd, ".", IN_CREATE));
		CKPT_SETUP(inotify_rm_watch(fd, wd));
	}
	int dir = CKPT_SETUP(inotify_add_watch(fd, "dir", IN_CREATE | IN_DELETE));
	int file = CKPT_SETUP(inotify_add_watch(fd, "file", IN_MODIFY | IN_ONESHOT));
	while (read(fd, buf, sizeof(buf)) > 0)
		;

	ckpt_ready();

	CKPT_CHECK(read(fd, buf, sizeof(buf)) < 0 && errno == EAGAIN, "an event from nowhere");
	int made = open("dir/new", O_CREAT | O_WRONLY, 0600);
	CKPT_CHECK(made >= 0, "open: %s", strerror(errno));
	expect(fd, dir, IN_CREATE, "new");
	int f = open("file", O_WRONLY);
	CKPT_CHECK(write(f, "x", 1) == 1, "write: %s", strerror(errno));
	expect(fd, file, IN_MODIFY, "file");
	CKPT_CHECK(inotify_rm_watch(fd, dir) == 0, "the watch is not known: %s", strerror(errno));
	CKPT_CHECK(inotify_add_watch(fd, ".", IN_CREATE) > file, "a number is given twice");
	ckpt_pass();
}
