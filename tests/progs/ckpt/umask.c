/* SPDX-License-Identifier: Apache-2.0 */
/* umask.c - the mask of new files. */
#include <fcntl.h>
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	umask(0137);
	ckpt_ready();
	mode_t now = umask(0);
	CKPT_CHECK(now == 0137, "it is %o", now);
	ckpt_pass();
}
