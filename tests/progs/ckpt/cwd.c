/* SPDX-License-Identifier: Apache-2.0 */
/* cwd.c - the working directory. */
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	char dir[] = "/dev/shm/ckpt-cwd-XXXXXX", now[256];
	CKPT_SETUP(mkdtemp(dir) ? 0 : -1);
	CKPT_SETUP(chdir(dir));

	ckpt_ready();

	CKPT_CHECK(getcwd(now, sizeof(now)) && strcmp(now, dir) == 0, "it is %s", now);
	CKPT_CHECK(mkdir("below", 0700) == 0 && rmdir("below") == 0, "nothing can be made there");
	CKPT_CHECK(rmdir(dir) == 0, "the directory is another");
	ckpt_pass();
}
