/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.c - MOUNT_FS: a new file system at the destination.
 *
 * Where the kernel refuses a new one (EPERM) because its namespace is not owned by our user namespace, the
 * host's own is bound instead, if that shows the same: the table says which.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "sys/mountfd.h"

/* A string of fsconfig(2) holds 255 bytes; longer options go by mount(2), which takes a page. */
#define FSCONFIG_MAX 255

struct fs_type {
	const char *name;
	const char *host;	    /* bound instead when we may not make one, or NULL */
	bool (*host_is_ours)(void); /* and only if this says so */
	bool host_readonly;
	bool labelled;	     /* its files get the SELinux label of the container */
	bool device;	     /* may hold data on a device: "ro" is for the file system, too */
	const char *refused; /* why EPERM, for people */
	const char *hint;
};

/*
 * Whether the /proc we still see shows our own pid namespace: then /proc/self names the number we have
 * ourselves. Binding it otherwise would show the host's processes.
 */
static bool proc_is_ours(void)
{
	char text[32] = "";
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);
	return n > 0 && strtol(text, NULL, 10) == (long)getpid();
}

static const struct fs_type types[] = {
	{ .name = "proc",
	  .host = "/proc",
	  .host_is_ours = proc_is_ours,
	  .refused = "the kernel refuses a new /proc: the one outside is partly covered, a new one "
		     "would uncover it",
	  .hint = "inside another container, run that one with an unmasked /proc; or share its "
		  "pid namespace" },
	{ .name = "sysfs", .host = "/sys", .host_readonly = true },
	{ .name = "mqueue", .host = "/dev/mqueue" },
	{ .name = "cgroup2", .host = NULL },
	{ .name = "cgroup", .host = NULL },
	{ .name = "tmpfs", .labelled = true },
	{ .name = "devpts", .labelled = true },
};
static const struct fs_type other_type = {
	.device = true,
	.hint = "in a user namespace only a few types may be: mount it outside and bind it",
};

static const struct fs_type *type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(types[i].name, name))
			return &types[i];
	return &other_type;
}

/* "mode=0620,gid=5" without its "gid=5". */
static char *data_without_gid(const char *data)
{
	struct buf out = BUF_INIT;
	while (*data) {
		size_t n = strcspn(data, ",");
		if (strncmp(data, "gid=", 4) != 0) {
			if (out.len)
				buf_putc(&out, ',');
			buf_add(&out, data, n);
		}
		data += n;
		data += *data == ',';
	}
	return out.len ? buf_take(&out) : xstrdup("");
}

static int fs_make_op(const struct tree *t, const struct mount_op *op, uint64_t attr,
		      struct error *err)
{
	const struct fs_type *type = type_find(op->type);
	struct fs_request req = {
		.type = op->type,
		.source = op->source,
		.data = op->data,
		.attr = attr,
		.readonly = type->device && (attr & MOUNT_ATTR_RDONLY),
		.label = type->labelled ? t->plan->mount_label : NULL,
	};
	int mnt = fs_make(&req, err);
	/* gid=5 (tty) is in every OCI configuration, but often not mapped in a user namespace. */
	if (mnt == -EINVAL && t->plan->userns && op->data && str_eq(op->type, "devpts")) {
		CLEANUP_STR char *data = data_without_gid(op->data);
		req.data = data;
		mnt = fs_make(&req, err);
	}
	return mnt;
}

/* Fills a tmpfs with what lies beneath it, and makes it look like that directory. */
static int fs_copy_up(int mnt, int at, struct error *err)
{
	CLEANUP_FD int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = to < 0 ? -errno : copyup_metadata(at, to);
	if (r == 0)
		r = copyup_tree(at, to);
	return r < 0 ? error_sys(err, -r, "cannot copy up what lies beneath") : 0;
}

static int set_propagation(int mnt, const struct mount_op *op, struct error *err)
{
	struct attr_change change = { .propagation = op->propagation,
				      .recursive = op->propagation_rec };
	int r = attr_apply(mnt, &change);
	return r < 0 ? error_sys(err, -r, "cannot set the mount's propagation") : 0;
}

/* mount(2), for what does not fit fsconfig(2). */
static int fs_mount_old(const struct mount_op *op, int at, uint64_t attr, struct error *err)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	const char *source = op->source ? op->source : op->type;
	if (mount(source, path, op->type, attr_to_ms(attr), op->data) < 0)
		return error_sys(err, errno, "cannot mount a file system of type \"%s\"", op->type);
	if (!op->propagation)
		return 0;
	CLEANUP_FD int mnt = destination_cover(at);
	if (mnt < 0)
		return error_sys(err, -mnt, "cannot open the new mount");
	return set_propagation(mnt, op, err);
}

static bool too_long(const struct mount_op *op)
{
	return (op->data && strlen(op->data) > FSCONFIG_MAX) ||
	       (op->source && strlen(op->source) > FSCONFIG_MAX);
}

/* EPERM: the host's own instead, or the reason in words. */
static int fs_refused(struct tree *t, const struct mount_op *op, struct error *err)
{
	const struct fs_type *type = type_find(op->type);
	if (type->host && (!type->host_is_ours || type->host_is_ours())) {
		error_clear(err);
		return bind_host(t, op, type->host, type->host_readonly, err);
	}
	if (type->refused)
		error_set(err, EPERM, "%s", type->refused);
	if (type->hint)
		error_hint(err, "%s", type->hint);
	return -EPERM;
}

int fs_mount(struct tree *t, const struct mount_op *op, struct error *err)
{
	if (!op->type || !*op->type)
		return error_set(err, EINVAL, "no file system type is given");
	/* A read-only tmpfs is still written to by later operations: mount points, devices. */
	bool late = str_eq(op->type, "tmpfs") && (op->attr_set & MOUNT_ATTR_RDONLY);
	uint64_t attr = (op->attr_set | op->rattr_set) & ~(late ? MOUNT_ATTR_RDONLY : 0ULL);

	CLEANUP_FD int at = destination_open(t, op, INROOT_MAKE_DIR, err);
	if (at < 0)
		return at;
	if (too_long(op))
		return fs_mount_old(op, at, op->attr_set | op->rattr_set, err);
	CLEANUP_FD int mnt = fs_make_op(t, op, attr, err);
	if (mnt == -EPERM)
		return fs_refused(t, op, err);
	int r = mnt;
	if (r >= 0 && op->copy_up)
		r = fs_copy_up(mnt, at, err);
	if (r >= 0)
		r = destination_attach(mnt, at, err);
	if (r >= 0)
		r = set_propagation(mnt, op, err);
	if (r >= 0 && late)
		t->late[t->n_late++] = take_fd(&mnt);
	return r < 0 ? r : 0;
}
