/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_file.c - see filter_file.h.
 *
 *     struct header | sock_filter[header.n]
 */
#include "engine/filter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "checkpoint/kind/proc_status.h"

struct header {
	uint32_t outer; /* how many filters everybody has whom the starter's surroundings confine */
	uint32_t flags; /* SECCOMP_FILTER_FLAG_LOG */
	uint32_t n;	/* instructions; 0: the job has no filter of ours */
	uint32_t zero;
};

#define FILE_MAX (sizeof(struct header) + BPF_MAXINSNS * sizeof(struct sock_filter))

/* How many filters we have ourselves: our children begin with them. */
static int own_filters(uint32_t *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	uint64_t n;
	int r = file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text);
	if (r == 0)
		r = proc_status_u64(buf_str(&text), "Seccomp_filters", 10, &n);
	if (r == 0)
		*ret = (uint32_t)n;
	return r;
}

static int replace(int dirfd, struct header head, const void *program, struct error *err)
{
	CLEANUP_BUF struct buf file = BUF_INIT;
	int r = own_filters(&head.outer);
	if (r == -ENOENT) { /* before Linux 5.9: then nobody can tell by number either */
		(void)unlinkat(dirfd, FILTER_FILE, 0);
		return 0;
	}
	if (r < 0)
		return error_sys(err, -r, "cannot read how many seccomp filters there are");
	buf_add(&file, &head, sizeof(head));
	if (head.n)
		buf_add(&file, program, head.n * sizeof(struct sock_filter));
	r = file_replace(dirfd, FILTER_FILE, 0600, file.data, file.len);
	return r < 0 ? error_sys(err, -r, "cannot write the container's seccomp filter") : 0;
}

int filter_file_write(int dirfd, const struct security *s, struct error *err)
{
	struct header head = {
		.flags = s->seccomp_flags & SECCOMP_FILTER_FLAG_LOG,
		.n = s->filter ? s->filter_len : 0,
	};
	return replace(dirfd, head, s->filter, err);
}

static int parse(const void *data, size_t size, struct header *ret)
{
	if (size < sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, data, sizeof(*ret));
	bool good = ret->n <= BPF_MAXINSNS && !(ret->flags & ~SECCOMP_FILTER_FLAG_LOG) &&
		    size == sizeof(*ret) + ret->n * sizeof(struct sock_filter);
	return good ? 0 : -EBADMSG;
}

int filter_file_restore(int dirfd, const struct bytes *content, struct error *err)
{
	struct header head = { 0 };
	if (!content) {
		if (unlinkat(dirfd, FILTER_FILE, 0) < 0 && errno != ENOENT)
			return error_sys(err, errno, "cannot remove the old seccomp filter");
		return 0;
	}
	if (parse(content->data, content->size, &head) < 0)
		return error_set(err, EBADMSG, "the container's seccomp filter is none");
	return replace(dirfd, head, content->data + sizeof(head), err);
}

int filter_file_read(int dirfd, struct arena *arena, struct known_filter *ret)
{
	CLEANUP_BUF struct buf file = BUF_INIT;
	struct header head = { 0 };
	int r = file_read(dirfd, FILTER_FILE, FILE_MAX, &file);
	if (r == 0)
		r = parse(file.data, file.len, &head);
	if (r < 0)
		return r;
	struct sock_filter *v = arena_alloc(arena, (head.n + 1) * sizeof(*v));
	memcpy(v, file.data + sizeof(head), head.n * sizeof(*v));
	*ret = (struct known_filter){ head.outer, head.flags, v, head.n };
	return 0;
}

static bool same(const struct known_filter *known, const struct security *s)
{
	uint32_t outer, n = s->filter ? s->filter_len : 0;
	return own_filters(&outer) == 0 && known->outer == outer && known->n == n &&
	       known->flags == (s->seccomp_flags & SECCOMP_FILTER_FLAG_LOG) &&
	       (!n || memcmp(known->v, s->filter, n * sizeof(*known->v)) == 0);
}

void filter_file_doubt(int dirfd, const struct security *entering)
{
	struct arena arena = { 0 };
	struct known_filter known;
	if (filter_file_read(dirfd, &arena, &known) == 0 && !same(&known, entering))
		(void)unlinkat(dirfd, FILTER_FILE, 0);
	arena_done(&arena);
}
