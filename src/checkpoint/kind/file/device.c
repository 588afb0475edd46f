/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.c - the devices without state: null, zero, full, random, urandom. Opened again at their path, or where the
 * container has the same device in /dev.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"
#include "sys/openat2.h"

struct device_record {
	char *path;
	uint32_t major, minor;
};

static const struct field fields[] = {
	FIELD(struct device_record, path, TEXT, .max = 4352),
	FIELD(struct device_record, major, U32),
	FIELD(struct device_record, minor, U32),
	FIELDS_END,
};

static const struct {
	uint32_t minor;
	const char *path;
} usual[] = {
	{ 3, "/dev/null" },   { 5, "/dev/zero" },    { 7, "/dev/full" },
	{ 8, "/dev/random" }, { 9, "/dev/urandom" },
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct device_record *rec = record;
	rec->path = arena_strdup(c->arena, f->link);
	rec->major = major(f->st.st_rdev);
	rec->minor = minor(f->st.st_rdev);
	return 0;
}

/* Looks first: no other device is opened by mistake. */
static int open_device(const char *path, const struct device_record *rec, int flags)
{
	struct stat st;
	CLEANUP_FD int fd =
		sys_openat2(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) != rec->major ||
	    minor(st.st_rdev) != rec->minor)
		return -ENODEV;
	return sys_openat2(AT_FDCWD, path, (uint64_t)(unsigned)file_path_flags(flags), 0,
			   RESOLVE_NO_SYMLINKS);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	const struct device_record *rec = record;
	int fd = open_device(rec->path, rec, flags);
	for (size_t i = 0; (fd == -ENOENT || fd == -ENODEV) && i < ARRAY_SIZE(usual); i++)
		if (rec->major == 1 && rec->minor == usual[i].minor)
			fd = open_device(usual[i].path, rec, flags);
	if (fd >= 0)
		return fd;
	(void)error_sys(err, -fd, "the container has no such device (%u:%u)", rec->major,
			rec->minor);
	(void)error_object(err, "%s", rec->path);
	return error_hint(err, "give it one with --device");
}

static void describe(const void *record, struct buf *out)
{
	buf_puts(out, ((const struct device_record *)record)->path);
}

static const struct file_match matches[] = { { FILE_CHAR, "mem" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_device = {
	.name = "device",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct device_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
