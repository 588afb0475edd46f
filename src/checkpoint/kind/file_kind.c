/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_kind.c - the table of file_kind.h, made from the list in meson.build, and the classes of open files.
 *
 * An open file is classified by what it is, not by its name, wherever the kernel tells: type, device, file
 * system. Only anonymous inodes are told apart by the name that the kernel gives them.
 */
#include "checkpoint/kind/file_kind.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "base/parse.h"
#include "checkpoint/kind/file_lock.h"
#include "sys/viewfs.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif
#define MQUEUE_MAGIC	0x19800202
#define TTY_MAJOR	4
#define TTYAUX_MAJOR	5
#define MEM_MAJOR	1
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST	143

#define KIND(name) extern const struct file_kind file_kind_##name;
#include "checkpoint/kind/file_kinds.inc"
#undef KIND

#define KIND(name) &file_kind_##name,
const struct file_kind *const file_kinds[] = {
#include "checkpoint/kind/file_kinds.inc"
	NULL,
};

const struct field file_record_fields[] = {
	FIELD(struct file_record, kind, TEXT, .max = 64),
	FIELD(struct file_record, flags, U32),
	FIELD(struct file_record, external, TEXT, .optional = true, .max = 256),
	FIELD(struct file_record, owner_type, I32),
	FIELD(struct file_record, owner, I32, .optional = true),
	FIELD(struct file_record, signal, I32, .optional = true),
	FIELD(struct file_record, locks, LIST, .optional = true, .max = FILE_LOCKS_MAX,
	      .fields = file_lock_fields, .size = sizeof(struct file_lock)),
	FIELD(struct file_record, name, TEXT, .optional = true, .max = 4352),
	FIELDS_END,
};

const struct file_kind *file_kind_find(const char *name)
{
	for (size_t i = 0; file_kinds[i]; i++)
		if (str_eq(file_kinds[i]->name, name))
			return file_kinds[i];
	return NULL;
}

static bool match_is(const struct file_match *row, const struct file_match *m)
{
	if (row->class != m->class || !row->key != !m->key)
		return false;
	return !row->key || str_eq(row->key, m->key);
}

const struct file_kind *file_kind_of(const struct file_match *m)
{
	for (size_t i = 0; file_kinds[i]; i++)
		for (const struct file_match *row = file_kinds[i]->matches; row->class; row++)
			if (match_is(row, m))
				return file_kinds[i];
	return NULL;
}

/* File systems whose files are not what they look like. */
static const char *special_fs(uint64_t magic)
{
	static const struct {
		uint64_t magic;
		const char *key;
	} table[] = {
		{ PROC_SUPER_MAGIC, "proc" },	    { SYSFS_MAGIC, "sysfs" },
		{ CGROUP_SUPER_MAGIC, "cgroup" },   { CGROUP2_SUPER_MAGIC, "cgroup" },
		{ DEVPTS_SUPER_MAGIC, "devpts" },   { BPF_FS_MAGIC, "bpf" },
		{ DEBUGFS_MAGIC, "debugfs" },	    { TRACEFS_MAGIC, "tracefs" },
		{ SECURITYFS_MAGIC, "securityfs" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].magic == magic)
			return table[i].key;
	return NULL;
}

static const char *socket_key(struct collect *c, const struct file_facts *f)
{
	int domain = 0, type = 0, protocol = 0;
	socklen_t size = sizeof(int);
	if (getsockopt(f->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(f->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    getsockopt(f->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
		return "unknown";
	if (domain == AF_UNIX)
		return "unix";
	if (domain == AF_INET || domain == AF_INET6) {
		if (type == SOCK_STREAM && (protocol == 0 || protocol == 6))
			return "tcp";
		if (type == SOCK_DGRAM && (protocol == 0 || protocol == 17))
			return "udp";
		return arena_printf(c->arena, "inet type %d protocol %d", type, protocol);
	}
	if (domain == AF_NETLINK)
		return "netlink";
	if (domain == AF_PACKET)
		return "packet";
	return arena_printf(c->arena, "family %d", domain);
}

static const char *char_key(struct collect *c, const struct stat *st)
{
	unsigned maj = major(st->st_rdev), min = minor(st->st_rdev);
	static const unsigned mem[] = { 3, 5, 7, 8, 9 }; /* null, zero, full, random, urandom */
	for (size_t i = 0; maj == MEM_MAJOR && i < ARRAY_SIZE(mem); i++)
		if (min == mem[i])
			return "mem";
	if (maj == TTYAUX_MAJOR && min <= 2)
		return min == 0 ? "tty" : min == 1 ? "console" : "ptmx";
	if (maj >= PTS_MAJOR_FIRST && maj <= PTS_MAJOR_LAST)
		return "pts";
	return arena_printf(c->arena, "%u:%u", maj, min);
}

/* "anon_inode:[eventfd]" and "anon_inode:inotify" are both to be seen. */
static const char *anon_key(struct collect *c, const char *link)
{
	static const char prefix[] = "anon_inode:";
	if (strncmp(link, prefix, sizeof(prefix) - 1) != 0)
		return "unknown";
	link += sizeof(prefix) - 1;
	size_t n = strlen(link);
	if (n > 2 && link[0] == '[' && link[n - 1] == ']')
		return arena_strndup(c->arena, link + 1, n - 2);
	return arena_strdup(c->arena, link);
}

static const char *namespace_key(struct collect *c, const char *link)
{
	const char *colon = strchr(link, ':');
	return colon ? arena_strndup(c->arena, link, (size_t)(colon - link)) : "unknown";
}

/* Regular files of the kernel's own, never mounted, instance of tmpfs or hugetlbfs. */
static const char *memory_key(const struct file_facts *f)
{
	if (f->fs != TMPFS_MAGIC && f->fs != HUGETLBFS_MAGIC)
		return NULL;
	if (f->fs == TMPFS_MAGIC && strncmp(f->link, "/memfd:", 7) == 0)
		return "memfd";
	if (f->st.st_nlink)
		return NULL;
	if (strncmp(f->link, "/SYSV", 5) == 0)
		return "sysv";
	if (f->fs == HUGETLBFS_MAGIC)
		return "hugetlb";
	return strcmp(f->link, "/dev/zero (deleted)") == 0 ? "shmem" : NULL;
}

/* A container's own /proc file. Other FUSE file systems have ordinary files. */
static bool is_view(const struct file_facts *f)
{
	const struct viewfs_file *view = viewfs_find(f->st.st_ino);
	return f->fs == FUSE_SUPER_MAGIC && view && str_eq(view->path, f->link);
}

struct file_match file_classify(struct collect *c, const struct file_facts *f)
{
	const char *special = special_fs(f->fs);
	switch (f->st.st_mode & S_IFMT) {
	case S_IFREG:
		if (f->fs == NSFS_MAGIC)
			return (struct file_match){ FILE_NAMESPACE, namespace_key(c, f->link) };
		if (f->fs == MQUEUE_MAGIC)
			return (struct file_match){ FILE_QUEUE, NULL };
		if (memory_key(f))
			return (struct file_match){ FILE_MEMORY, memory_key(f) };
		if (strncmp(f->link, "anon_inode:", 11) == 0)
			return (struct file_match){ FILE_ANON, anon_key(c, f->link) };
		return (struct file_match){ FILE_REGULAR, is_view(f) ? "procview" : special };
	case S_IFDIR:
		return (struct file_match){ FILE_DIRECTORY, special };
	case S_IFLNK:
		return (struct file_match){ FILE_SYMLINK, NULL };
	case S_IFCHR:
		return (struct file_match){ FILE_CHAR, char_key(c, &f->st) };
	case S_IFBLK:
		return (struct file_match){ FILE_BLOCK, NULL };
	case S_IFIFO:
		return (struct file_match){ f->fs == PIPEFS_MAGIC ? FILE_PIPE : FILE_FIFO, NULL };
	case S_IFSOCK:
		if (f->flags & 010000000 /* O_PATH */)
			return (struct file_match){ FILE_SOCKET_PATH, NULL };
		return (struct file_match){ FILE_SOCKET, socket_key(c, f) };
	default:
		return (struct file_match){ FILE_ANON, anon_key(c, f->link) };
	}
}
