/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the names of mount options, in both directions: mount(8), the OCI runtime specification
 * (config.md, "Linux mount options") and the additions of crun(1).
 *
 * One table. An attribute has a recursive twin with an "r" before its name ("nosuid", "rnosuid"); the name
 * as it stands is looked up first, so that "ro" is never the recursive "o".
 */
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/parse.h"
#include "container/rootfs/tree.h"
#include "sys/mountfd.h"

struct option {
	const char *name;
	uint64_t set, clear; /* MOUNT_ATTR_* */
	uint64_t propagation;
	bool propagation_rec;
	bool bind;    /* makes it a MOUNT_BIND */
	size_t raise; /* offset in struct mount_op of a bool to raise; 0 (kind, no bool): none */
	size_t text;  /* offset of a string that takes what follows "="; 0: takes no value */
	bool to_fs;   /* a matter of the file system, not of the mount: goes into data */
};

#define ATTR(n, s, c)                                                                              \
	{                                                                                          \
		.name = (n), .set = (s), .clear = (c)                                              \
	}
#define PROP(n, p)                                                                                 \
	{ .name = (n), .propagation = (p) },                                                       \
	{                                                                                          \
		.name = "r" n, .propagation = (p), .propagation_rec = true                         \
	}
#define RAISE(n, field)                                                                            \
	{                                                                                          \
		.name = (n), .raise = offsetof(struct mount_op, field)                             \
	}
#define TO_FS(n)                                                                                   \
	{                                                                                          \
		.name = (n), .to_fs = true                                                         \
	}
#define ATIME MOUNT_ATTR__ATIME

static const struct option options[] = {
	ATTR("ro", MOUNT_ATTR_RDONLY, 0),
	ATTR("rw", 0, MOUNT_ATTR_RDONLY),
	ATTR("nosuid", MOUNT_ATTR_NOSUID, 0),
	ATTR("suid", 0, MOUNT_ATTR_NOSUID),
	ATTR("nodev", MOUNT_ATTR_NODEV, 0),
	ATTR("dev", 0, MOUNT_ATTR_NODEV),
	ATTR("noexec", MOUNT_ATTR_NOEXEC, 0),
	ATTR("exec", 0, MOUNT_ATTR_NOEXEC),
	ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
	ATTR("diratime", 0, MOUNT_ATTR_NODIRATIME),
	ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	ATTR("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	/* One field of three values, relatime (0) the kernel's default: each clears the others. */
	ATTR("noatime", MOUNT_ATTR_NOATIME, ATIME),
	ATTR("strictatime", MOUNT_ATTR_STRICTATIME, ATIME),
	ATTR("relatime", MOUNT_ATTR_RELATIME, ATIME),
	ATTR("atime", 0, ATIME),
	ATTR("norelatime", 0, ATIME),
	ATTR("nostrictatime", 0, ATIME),

	PROP("private", MS_PRIVATE),
	PROP("shared", MS_SHARED),
	PROP("slave", MS_SLAVE),
	PROP("unbindable", MS_UNBINDABLE),

	{ .name = "bind", .bind = true },
	{ .name = "rbind", .bind = true, .raise = offsetof(struct mount_op, recursive) },
	RAISE("remount", remount),
	RAISE("tmpcopyup", copy_up),
	RAISE("copy-symlink", copy_symlink),
	RAISE("src-nofollow", source_no_follow),
	RAISE("dest-nofollow", no_follow),
	{ .name = "idmap",
	  .raise = offsetof(struct mount_op, idmap),
	  .text = offsetof(struct mount_op, idmap_text) },
	{ .name = "ridmap",
	  .raise = offsetof(struct mount_op, idmap_rec),
	  .text = offsetof(struct mount_op, idmap_text) },

	{ .name = "noidmap" }, /* as it is, where --auto-userns would map it */

	TO_FS("sync"),
	TO_FS("async"),
	TO_FS("dirsync"),
	TO_FS("mand"),
	TO_FS("nomand"),
	TO_FS("lazytime"),
	TO_FS("nolazytime"),
	TO_FS("iversion"),
	TO_FS("noiversion"),
	/* mount(8) has these; they ask for nothing. */
	{ .name = "defaults" },
	{ .name = "loud" },
	{ .name = "silent" },
};

static const struct option *find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strncmp(options[i].name, name, n) == 0 && options[i].name[n] == '\0')
			return &options[i];
	return NULL;
}

static bool is_attr(const struct option *o)
{
	return o && (o->set | o->clear) != 0;
}

static void *field(struct mount_op *op, size_t offset)
{
	return (char *)op + offset;
}

/* Later ones win: what is set is no longer cleared and the other way round, the field of atime apart. */
static void change(const struct option *o, uint64_t *set, uint64_t *clear)
{
	*set = (*set & ~o->clear) | o->set;
	*clear = (*clear & ~(o->set & ~(uint64_t)ATIME)) | o->clear;
}

static void to_data(struct arena *a, struct mount_op *op, const char *text)
{
	if (op->data && *op->data)
		op->data = arena_printf(a, "%s,%s", op->data, text);
	else
		op->data = arena_strdup(a, text);
}

static int set_propagation(struct mount_op *op, const struct option *o, struct error *err)
{
	if (op->propagation && op->propagation != o->propagation) {
		error_set(err, EINVAL,
			  "two kinds of propagation are asked for, the second is \"%s\"", o->name);
		return error_hint(err, "give one of private, shared, slave, unbindable");
	}
	op->propagation = o->propagation;
	op->propagation_rec = o->propagation_rec;
	return 0;
}

static int apply(struct arena *a, struct mount_op *op, const struct option *o, const char *text,
		 struct error *err)
{
	const char *value = strchr(text, '=');
	if (value && o->text)
		*(const char **)field(op, o->text) = arena_strdup(a, value + 1);
	if (o->raise)
		*(bool *)field(op, o->raise) = true;
	if (o->bind)
		op->kind = MOUNT_BIND;
	if (o->to_fs)
		to_data(a, op, text);
	change(o, &op->attr_set, &op->attr_clear);
	return o->propagation ? set_propagation(op, o, err) : 0;
}

static int parse_one(struct arena *a, struct mount_op *op, const char *text, struct error *err)
{
	size_t n = strcspn(text, "=");
	const struct option *o = find(text, n);
	if (o && (text[n] == '\0' || o->text))
		return apply(a, op, o, text, err);
	if (!o && text[0] == 'r' && text[n] == '\0' && is_attr(find(text + 1, n - 1))) {
		change(find(text + 1, n - 1), &op->rattr_set, &op->rattr_clear);
		return 0;
	}
	if (*text)
		to_data(a, op, text);
	return 0;
}

static int check(struct mount_op *op, struct error *err)
{
	bool bind = op->kind == MOUNT_BIND;
	bool known = bind || op->kind != 0;

	if (op->idmap && op->idmap_rec)
		return error_set(err, EINVAL, "both idmap and ridmap are given: choose one");
	op->idmap |= op->idmap_rec;
	if (op->idmap && known && !bind)
		return error_set(err, EINVAL, "idmap is for bind mounts");
	if (op->copy_up && bind && op->recursive)
		return error_set(
			err, EINVAL,
			"tmpcopyup is for tmpfs and for bind mounts that are not recursive");
	if ((op->copy_symlink || op->source_no_follow) && known && !bind)
		return error_set(err, EINVAL, "copy-symlink and src-nofollow are for bind mounts");
	if (op->copy_symlink && (op->source_no_follow || op->no_follow))
		return error_set(
			err, EINVAL,
			"copy-symlink cannot be together with src-nofollow or dest-nofollow");
	return 0;
}

int mount_options_parse(struct arena *a, const char *const *texts, size_t n, struct mount_op *op,
			struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = parse_one(a, op, texts[i], err);
		if (r < 0)
			return r;
	}
	return check(op, err);
}

/* The other way. */

static const char *const kind_names[] = {
	[MOUNT_BIND] = "bind",	  [MOUNT_FS] = "mount",		 [MOUNT_CGROUP] = "cgroup",
	[MOUNT_MASK] = "mask",	  [MOUNT_READONLY] = "readonly", [MOUNT_DEVICE] = "device",
	[MOUNT_SYMLINK] = "link", [MOUNT_FILE] = "file",	 [MOUNT_VIEWS] = "views",
};

static void put(struct buf *out, const char *prefix, const char *name, size_t *count)
{
	buf_printf(out, "%s%s%s", (*count)++ ? "," : " ", prefix, name);
}

/* The first name for each attribute that is set, or is cleared and nothing of it set. */
static void put_attrs(struct buf *out, const char *prefix, uint64_t set, uint64_t clear,
		      size_t *count)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		if (!is_attr(o))
			continue;
		if (o->set ? (set & o->set) != o->set : (clear & o->clear) != o->clear)
			continue;
		if (!o->set && (set & o->clear))
			continue;
		put(out, prefix, o->name, count);
		set &= ~o->set;
		clear &= ~o->clear;
	}
}

static void put_options(const struct mount_op *op, struct buf *out)
{
	size_t count = 0;

	put_attrs(out, "", op->attr_set, op->attr_clear, &count);
	put_attrs(out, "r", op->rattr_set, op->rattr_clear, &count);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		bool raised = o->raise && *(const bool *)((const char *)op + o->raise);
		if (str_eq(o->name, "idmap") && op->idmap_rec)
			continue; /* told by ridmap */
		if (raised || (o->propagation && o->propagation == op->propagation &&
			       o->propagation_rec == op->propagation_rec))
			put(out, "", o->name, &count);
	}
	if (op->optional)
		put(out, "", "optional", &count);
	if (op->data && *op->data)
		put(out, "", op->data, &count);
}

void mount_op_print(const struct mount_op *op, struct buf *out)
{
	bool known = op->kind && (size_t)op->kind < ARRAY_SIZE(kind_names);

	buf_printf(out, "%s %s", known ? kind_names[op->kind] : "unknown",
		   op->destination ? op->destination : "?");
	if (op->kind == MOUNT_FILE) /* the text itself may be long, and secret */
		buf_printf(out, " (%zu bytes)", op->source ? strlen(op->source) : 0);
	else if (op->source && *op->source)
		buf_printf(out, " from %s", op->source);
	if (op->type && *op->type)
		buf_printf(out, " type %s", op->type);
	if (op->kind == MOUNT_DEVICE)
		buf_printf(out, " %c %u:%u mode %04o owner %u:%u",
			   S_ISBLK(op->mode)	? 'b'
			   : S_ISFIFO(op->mode) ? 'p'
						: 'c',
			   major(op->dev), minor(op->dev), op->mode & 07777u, op->uid, op->gid);
	put_options(op, out);
}
