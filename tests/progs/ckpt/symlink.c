/* SPDX-License-Identifier: Apache-2.0 */
/* symlink.c - a symbolic link itself, held open. */
#include <fcntl.h>

#include "ckpt.h"

int main(void)
{
	char target[32] = "";
	CKPT_SETUP(chdir(ckpt_dir()));
	CKPT_SETUP(symlink("no such thing", "link"));
	int fd = CKPT_SETUP(open("link", O_PATH | O_NOFOLLOW));

	ckpt_ready();

	CKPT_CHECK(readlinkat(fd, "", target, sizeof(target) - 1) == 13 &&
			   strcmp(target, "no such thing") == 0,
		   "it leads to '%s'", target);
	ckpt_pass();
}
