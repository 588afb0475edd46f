/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - open directories, their position; the working directory, also when it was removed. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ckpt.h"

int main(void)
{
	char name[300], next[300], cwd[64];
	const char *dir = ckpt_dir();
	CKPT_SETUP(chdir(dir));
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "file-%d", i);
		close(CKPT_SETUP(open(name, O_CREAT | O_WRONLY, 0600)));
	}
	/* read(2) in small steps: glibc would have read all names already */
	int list = CKPT_SETUP(open(".", O_RDONLY | O_DIRECTORY));
	DIR *d = fdopendir(CKPT_SETUP(dup(list)));
	for (int i = 0; d && i < 7; i++)
		if (!readdir(d))
			ckpt_no_setup("the directory is too short");
	long at = telldir(d);
	(void)snprintf(next, sizeof(next), "%s", readdir(d)->d_name);
	CKPT_SETUP(lseek(list, at, SEEK_SET));
	CKPT_SETUP(mkdir("removed", 0700));
	CKPT_SETUP(chdir("removed"));
	int removed = CKPT_SETUP(open(".", O_PATH | O_DIRECTORY));
	(void)snprintf(name, sizeof(name), "%s/removed", dir);
	CKPT_SETUP(rmdir(name));

	ckpt_ready();

	struct stat a, b;
	CKPT_CHECK(fstat(removed, &a) == 0 && stat(".", &b) == 0 && a.st_ino == b.st_ino,
		   "the removed working directory is two");
	CKPT_CHECK(!getcwd(cwd, sizeof(cwd)) && errno == ENOENT,
		   "the removed directory has a name");
	CKPT_CHECK(open("x", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOENT,
		   "a file can be made in a removed directory");
	DIR *rest = fdopendir(list);
	CKPT_CHECK(rest, "fdopendir: %s", strerror(errno));
	const struct dirent *e = readdir(rest);
	CKPT_CHECK(e && strcmp(e->d_name, next) == 0, "after the position comes %s, not %s",
		   e ? e->d_name : "nothing", next);
	CKPT_CHECK(chdir(dir) == 0 && access("file-19", F_OK) == 0, "the files are gone");
	ckpt_pass();
}
