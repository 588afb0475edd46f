/* SPDX-License-Identifier: Apache-2.0 */
/* flock.c - locks that belong to an open file: flock(2) and F_OFD_SETLK. */
#include <fcntl.h>
#include <sys/file.h>

#include "ckpt.h"

int main(void)
{
	CKPT_SETUP(chdir(ckpt_dir()));
	int fd = CKPT_SETUP(open("file", O_RDWR | O_CREAT, 0600));
	int other = CKPT_SETUP(open("file", O_RDWR));
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10 };
	CKPT_SETUP(flock(fd, LOCK_EX));
	CKPT_SETUP(fcntl(fd, F_OFD_SETLK, &fl));

	ckpt_ready();

	CKPT_CHECK(flock(other, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK, "flock(2) is lost");
	fl = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET };
	CKPT_CHECK(fcntl(other, F_OFD_GETLK, &fl) == 0 && fl.l_type == F_WRLCK && fl.l_start == 5 &&
			   fl.l_len == 10,
		   "the OFD lock is lost");
	CKPT_CHECK(flock(fd, LOCK_UN) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0,
		   "the lock is another one's");
	ckpt_pass();
}
