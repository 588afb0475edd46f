/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - the devices without state, and which of them a descriptor is. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ckpt.h"

int main(void)
{
	int null = CKPT_SETUP(open("/dev/null", O_RDWR | O_APPEND));
	int zero = CKPT_SETUP(open("/dev/zero", O_RDONLY));
	int full = CKPT_SETUP(open("/dev/full", O_WRONLY));
	int random = CKPT_SETUP(open("/dev/urandom", O_RDONLY | O_NONBLOCK));

	ckpt_ready();

	char buf[16] = "x";
	struct stat st;
	CKPT_CHECK(read(null, buf, 1) == 0 && write(null, "x", 1) == 1, "null is not null");
	CKPT_CHECK(fcntl(null, F_GETFL) & O_APPEND, "flags are lost");
	CKPT_CHECK(read(zero, buf, 1) == 1 && !buf[0] && write(zero, "x", 1) < 0,
		   "zero is not zero");
	CKPT_CHECK(write(full, "x", 1) < 0 && errno == ENOSPC, "full is not full");
	CKPT_CHECK(read(random, buf, sizeof(buf)) == sizeof(buf), "no random bytes");
	CKPT_CHECK(fstat(random, &st) == 0 && minor(st.st_rdev) == 9, "urandom became %u",
		   minor(st.st_rdev));
	ckpt_pass();
}
