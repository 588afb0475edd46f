/* SPDX-License-Identifier: Apache-2.0 */
/* fifo.c - named pipes: content, ends, and a reader to whom no writer ever came. */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	CKPT_SETUP(chdir(ckpt_dir()));
	CKPT_SETUP(mkfifo("fifo", 0600));
	CKPT_SETUP(mkfifo("lonely", 0600));
	int r = CKPT_SETUP(open("fifo", O_RDONLY | O_NONBLOCK));
	int w = CKPT_SETUP(open("fifo", O_WRONLY));
	CKPT_SETUP(write(w, "hello", 5));
	int lonely = CKPT_SETUP(open("lonely", O_RDONLY | O_NONBLOCK));

	ckpt_ready();

	char buf[16];
	struct pollfd p = { .fd = lonely, .events = POLLIN };
	CKPT_CHECK(poll(&p, 1, 0) == 0, "the lonely reader sees %#x", (unsigned)p.revents);
	CKPT_CHECK(read(r, buf, sizeof(buf)) == 5 && memcmp(buf, "hello", 5) == 0,
		   "another content");
	CKPT_CHECK(read(r, buf, 1) < 0 && errno == EAGAIN, "more than there was");
	close(w);
	CKPT_CHECK(read(r, buf, 1) == 0, "no end of file");
	w = open("lonely", O_WRONLY | O_NONBLOCK);
	CKPT_CHECK(w >= 0 && write(w, "x", 1) == 1 && read(lonely, buf, 1) == 1,
		   "the lonely reader is not the fifo's");
	ckpt_pass();
}
