/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - see views.h. */
#include "container/views.h"

#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/mountfd.h"
#include "sys/viewfs.h"

#define FUSE_MAJOR 10
#define FUSE_MINOR 229

int views_open(struct error *err)
{
	struct stat st;
	static const char remedy[] = "modprobe fuse, or do without: --proc-view off";
	CLEANUP_FD int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		error_sys(err, errno, "cannot open /dev/fuse");
		return error_hint(err, "%s", remedy);
	}
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR)) {
		error_set(err, ENODEV, "/dev/fuse is not the device that it should be");
		return error_hint(err, "%s", remedy);
	}
	return take_fd(&fd);
}

int views_memory(struct error *err)
{
	CLEANUP_FD int fd = memfd_create("contexe-views", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof(struct viewfs_shared)) < 0)
		return error_sys(err, errno, "cannot make a memory for the views of /proc");
	return take_fd(&fd);
}

static int configure(int fs, int fuse)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", fuse);
	const struct {
		const char *key, *value;
	} options[] = {
		{ "source", "contexe" }, { "subtype", VIEWFS_SUBTYPE },
		{ "fd", number },	 { "rootmode", "40555" },
		{ "user_id", "0" },	 { "group_id", "0" },
		{ "allow_other", NULL }, { "default_permissions", NULL },
		{ "ro", NULL },
	};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(options) && r == 0; i++)
		r = options[i].value ? sys_fsconfig_string(fs, options[i].key, options[i].value)
				     : sys_fsconfig_flag(fs, options[i].key);
	return r < 0 ? r : sys_fsconfig_create(fs);
}

int views_make(int fuse, struct error *err)
{
	CLEANUP_FD int fs = sys_fsopen("fuse");
	int r = fs < 0 ? fs : configure(fs, fuse);
	int mnt = r < 0 ? r
			: sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						  MOUNT_ATTR_NOEXEC);
	return mnt < 0 ? error_sys(err, -mnt, "the kernel refuses a FUSE file system") : mnt;
}

bool views_answer_build(int fuse, int memory)
{
	alignas(8) char request[VIEWFS_BUFFER];
	union viewfs_answer answer;
	for (;;) {
		const struct fuse_in_header *req = (const void *)request;
		ssize_t size = read(fuse, request, sizeof(request));
		if (size < (ssize_t)sizeof(*req))
			return true;
		switch (viewfs_answer_tree(req, req + 1, &answer)) {
		case VIEWFS_SEND:
			if (write(fuse, &answer, answer.header.len) < 0 && errno != ENOENT)
				return false;
			break;
		case VIEWFS_SILENT:
			break;
		default: /* the job's: contexe-procfs begins with it */
			return pwrite(memory, request, (size_t)size, 0) != size;
		}
	}
}
