/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices.c - makes device nodes and opens them. usage: devices DIR TYPE:MAJOR:MINOR...
 * Prints for each: "c:1:3 mknod ok open ok", with the names of errors for "ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *name(int r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0)
		return 2;
	for (int i = 2; i < argc; i++) {
		char type;
		unsigned major_, minor_;
		if (sscanf(argv[i], "%c:%u:%u", &type, &major_, &minor_) != 3)
			return 2;
		const char *made = name(mknod("node", (type == 'b' ? S_IFBLK : S_IFCHR) | 0666,
					      makedev(major_, minor_)));
		int fd = open("node", O_RDWR | O_NONBLOCK);
		printf("%s mknod %s open %s\n", argv[i], made, name(fd));
		if (fd >= 0)
			close(fd);
		unlink("node");
	}
	return 0;
}
