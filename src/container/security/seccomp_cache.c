/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_cache.c - compiled filters on disk: libseccomp takes milliseconds, a read takes
 * microseconds.
 *
 * A file holds its whole key (the profile as text, libseccomp's version, the architecture, the
 * flags) beside the filter, and the key is compared byte by byte: the hash in the name only finds
 * the file, so a collision costs time and never gives a wrong filter. A cached filter decides what
 * a container may do, hence: the directory and the file must be ours and writable by nobody else,
 * and no link is followed.
 *
 *     struct header | key, padded with zeros to 8 bytes | sock_filter[header.len]
 */
#include "container/security/seccomp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

#define MAGIC	 "CXBPF\0\0\1"
#define MAX_FILE (1u << 20)

struct header {
	char magic[8];
	uint32_t key_size; /* without the padding */
	uint32_t len;	   /* instructions */
	uint64_t checksum; /* hash of all that follows the header */
};

/*
 * FNV-1a over 8-byte words, the tail padded with zeros; finds files and torn writes, nothing more.
 */
static uint64_t hash(uint64_t h, const void *data, size_t size)
{
	const char *p = data;
	for (; size >= sizeof(uint64_t); p += sizeof(uint64_t), size -= sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * UINT64_C(0x100000001b3);
		h ^= h >> 29; /* the multiplication carries only upwards */
	}
	uint64_t tail = 0;
	memcpy(&tail, p, size);
	return size ? (h ^ tail) * UINT64_C(0x100000001b3) : h;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static bool ours_alone(int fd, mode_t type)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* The directory's descriptor or -errno. */
static int open_dir(const char *dir)
{
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return ours_alone(fd, S_IFDIR) ? take_fd(&fd) : -EPERM;
}

static const char *file_name(const struct buf *key, char *buf, size_t size)
{
	(void)snprintf(buf, size, "seccomp-%016llx.bpf",
		       (unsigned long long)hash(HASH_START, key->data, key->len));
	return buf;
}

/* Whether the size bytes at `data` are a whole file for this key. */
static bool is_whole(const char *data, size_t size, const struct buf *key)
{
	struct header head;
	if (size < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	return !memcmp(head.magic, MAGIC, sizeof(head.magic)) && head.key_size == key->len &&
	       head.len > 0 && head.len <= BPF_MAXINSNS &&
	       size == sizeof(head) + padded(key->len) + head.len * sizeof(struct sock_filter) &&
	       !memcmp(data + sizeof(head), key->data, key->len) &&
	       head.checksum == hash(HASH_START, data + sizeof(head), size - sizeof(head));
}

int seccomp_cache_load(const char *dir, const struct buf *key, struct arena *arena,
		       struct filter *ret)
{
	char name[64];
	CLEANUP_FD int dirfd = open_dir(dir);
	if (dirfd < 0)
		return dirfd;
	CLEANUP_FD int fd = openat(dirfd, file_name(key, name, sizeof(name)),
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (!ours_alone(fd, S_IFREG))
		return -EPERM;
	if (fstat(fd, &st) < 0 || st.st_size > MAX_FILE)
		return -EBADMSG;
	size_t size = (size_t)st.st_size;
	char *data = arena_alloc(arena, size);
	if (fd_read_all(fd, data, size) != (ssize_t)size || !is_whole(data, size, key))
		return -EBADMSG;
	size_t at = sizeof(struct header) + padded(key->len);
	*ret = (struct filter){
		.insn = (struct sock_filter *)(void *)(data +
						       at), /* 8-aligned: arena and padding */
		.len = (unsigned short)((size - at) / sizeof(struct sock_filter)),
	};
	return 0;
}

int seccomp_cache_store(const char *dir, const struct buf *key, const struct filter *filter)
{
	char name[64];
	CLEANUP_FD int dirfd = open_dir(dir);
	if (dirfd < 0)
		return dirfd;
	CLEANUP_BUF struct buf file = BUF_INIT;
	struct header head = { .key_size = (uint32_t)key->len, .len = filter->len };
	memcpy(head.magic, MAGIC, sizeof(head.magic));
	buf_add(&file, &head, sizeof(head));
	buf_add(&file, key->data, key->len);
	buf_add(&file, "\0\0\0\0\0\0\0", padded(key->len) - key->len);
	buf_add(&file, filter->insn, filter->len * sizeof(struct sock_filter));
	head.checksum = hash(HASH_START, file.data + sizeof(head), file.len - sizeof(head));
	memcpy(file.data, &head, sizeof(head));
	return file_replace(dirfd, file_name(key, name, sizeof(name)), 0600, file.data, file.len);
}
