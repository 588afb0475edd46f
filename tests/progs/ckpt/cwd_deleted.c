/* SPDX-License-Identifier: Apache-2.0 */
/* cwd_deleted.c - a working directory that was removed: gone it stays. */
#include <fcntl.h>
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	char dir[] = "/dev/shm/ckpt-cwd-XXXXXX", now[256];
	struct stat st;
	CKPT_SETUP(mkdtemp(dir) ? 0 : -1);
	CKPT_SETUP(chdir(dir));
	CKPT_SETUP(rmdir(dir));

	ckpt_ready();

	CKPT_CHECK(!getcwd(now, sizeof(now)) && errno == ENOENT, "it has the path %s", now);
	CKPT_CHECK(stat(".", &st) == 0 && S_ISDIR(st.st_mode) && st.st_nlink == 0,
		   "it has %d links", (int)st.st_nlink);
	CKPT_CHECK(open("file", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOENT,
		   "files can be made in it");
	CKPT_CHECK(access(dir, F_OK) < 0, "%s is there again", dir);
	ckpt_pass();
}
