/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.c - see views.h. The kernel's own file lies beneath the view: it is reached through a copy of the /proc or /sys
 * mount without what is mounted on it, which is attached nowhere and gone with its descriptor.
 */
#include "init/views.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdalign.h>

#include "init/calls.h"
#include "init/protocol.h"
#include "sys/viewfs.h"

#define VIEWS_TEXT 4096

void views_open(struct views *v, unsigned int n_keep, bool given)
{
	v->fuse = given && n_keep >= 2 ? INIT_FD_KEEP + (int)n_keep - 1 : -1;
	v->memory = v->fuse - 1;
	v->looked = true;
}

void views_watch(const struct views *v, bool orphaned, struct pollfd *fd)
{
	*fd = (struct pollfd){ .fd = orphaned ? v->fuse : -1, .events = POLLIN };
}

bool views_look_again(const struct views *v, bool orphaned)
{
	return orphaned && v->fuse >= 0 && !v->looked;
}

/* "/proc/meminfo" -> a descriptor, or -errno. */
static long views_open_kernel_file(const char *path)
{
	bool proc = path[1] == 'p';
	long tree = sys_open_tree(proc ? "/proc" : "/sys", OPEN_TREE_CLONE | O_CLOEXEC);
	long fd;

	if (tree < 0)
		return tree;
	fd = sys_openat((int)tree, path + (proc ? 6 : 5), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	sys_close((int)tree);
	return fd;
}

static void views_send_content(const struct views *v, const struct fuse_in_header *req)
{
	const struct fuse_read_in *in = (const void *)(req + 1);
	struct {
		struct fuse_out_header head;
		char text[VIEWS_TEXT];
	} answer;
	size_t size = in->size < VIEWS_TEXT ? in->size : VIEWS_TEXT;
	long fd = views_open_kernel_file(viewfs_find(req->nodeid)->path);
	long n = fd < 0 ? fd : sys_pread((int)fd, answer.text, size, (int64_t)in->offset);

	if (fd >= 0)
		sys_close((int)fd);
	answer.head.error = n < 0 ? -EIO : 0;
	answer.head.len = (uint32_t)(sizeof(answer.head) + (n > 0 ? (size_t)n : 0));
	answer.head.unique = req->unique;
	sys_write(v->fuse, &answer, answer.head.len);
}

static uint64_t views_size(const struct fuse_in_header *req)
{
	char text[VIEWS_TEXT];
	long fd = views_open_kernel_file(viewfs_find(req->nodeid)->path);
	uint64_t size = 0;
	long n = 0;

	while (fd >= 0 && (n = sys_pread((int)fd, text, sizeof(text), (int64_t)size)) > 0)
		size += (uint64_t)n;
	if (fd >= 0)
		sys_close((int)fd);
	return size;
}

static void views_answer(const struct views *v, const struct fuse_in_header *req)
{
	union viewfs_answer answer;

	switch (viewfs_answer_file(req, &answer, 0)) {
	case VIEWFS_SIZE:
		answer.body.attr.attr.size = views_size(req);
		sys_write(v->fuse, &answer, answer.header.len);
		return;
	case VIEWFS_SEND:
		sys_write(v->fuse, &answer, answer.header.len);
		return;
	case VIEWFS_CONTENT:
		views_send_content(v, req);
		return;
	case VIEWFS_SILENT:
		return;
	}
}

/* What a server had taken, and did not answer. */
static void views_answer_left(const struct views *v, char *request)
{
	const struct fuse_in_header *req = (const void *)request;
	const uint32_t none = 0;

	if (sys_pread(v->memory, request, VIEWFS_BUFFER, 0) < (long)sizeof(*req) ||
	    req->len < sizeof(*req))
		return;
	views_answer(v, req);
	sys_pwrite(v->memory, &none, sizeof(none), 0);
}

void views_serve(struct views *v, bool orphaned, const struct pollfd *fd)
{
	alignas(8) char request[VIEWFS_BUFFER];
	const struct fuse_in_header *req = (const void *)request;
	bool second = !v->looked;
	long n;

	if (v->fuse < 0)
		return;
	if (!orphaned) {
		v->looked = false;
		return;
	}
	/* the first turn without a supervisor leaves it to the server that may still be at it */
	if (second || fd->revents) {
		views_answer_left(v, request);
		v->looked = true;
	}
	if (!fd->revents)
		return;
	n = sys_read(v->fuse, request, sizeof(request));
	if (n >= (long)sizeof(*req))
		views_answer(v, req);
	else if (n != -EAGAIN && n != -EINTR && n != -ENOENT)
		v->fuse = -1; /* it is mounted nowhere any more */
}
