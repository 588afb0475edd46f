/* SPDX-License-Identifier: Apache-2.0 */
/* ops.c - the requests of the kernel, one function each. fuse_lowlevel.h says what each must answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "fs/events.h"
#include "fs/server.h"
#include "fs/work.h"

#define MAX_WRITE 4096

static struct server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ---- names ---- */

/* In a container's directory: the place of a name, or -ENOENT. */
static int place_of(const struct server *s, fuse_ino_t dir, const char *name)
{
	bool system = SLOT_OF(dir) == SYSTEM_SLOT;
	if (PLACE_OF(dir) == PLACE_LIMITS) {
		for (size_t i = 0; i < s->n_limits; i++)
			if (str_eq(s->limits[i], name))
				return PLACE_LIMIT + (int)i;
		return -ENOENT;
	}
	if (PLACE_OF(dir) == PLACE_NS) {
		for (size_t i = 0; i < n_node_namespaces; i++)
			if (str_eq(node_namespaces[i], name))
				return PLACE_NS_LINK + (int)i;
		return -ENOENT;
	}
	if (PLACE_OF(dir) != PLACE_DIR)
		return -ENOTDIR;
	for (size_t i = 0; i < n_node_files; i++)
		if (str_eq(node_files[i].name, name) && (!system || node_files[i].of_system))
			return PLACE_FILE + (int)i;
	if (str_eq(name, "limits") && !system)
		return PLACE_LIMITS;
	return str_eq(name, "ns") ? PLACE_NS : -ENOENT;
}

static int lookup(fuse_req_t req, fuse_ino_t parent, const char *name, struct fuse_entry_param *ret)
{
	struct server *s = server_of(req);
	*ret = (struct fuse_entry_param){ .ino = 0 };
	if (parent == INO_ROOT && str_eq(name, "container")) {
		ret->ino = INO_CONTROL;
		return fill_attr(s, ret->ino, &ret->attr);
	}
	if (parent == INO_ROOT)
		return may_see(s, fuse_req_ctx(req), name) ? enter_container(s, name, ret)
							   : -ENOENT;
	int place = place_of(s, parent, name);
	if (place < 0)
		return place;
	ret->ino = SLOT_OF(parent) << 8 | (unsigned)place;
	ret->generation = s->slots[SLOT_OF(parent)].generation;
	int r = fill_attr(s, ret->ino, &ret->attr);
	if (r == 0)
		s->slots[SLOT_OF(parent)].refs++;
	return r;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int r = lookup(req, parent, name, &e);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_entry(req, &e);
}

static void forget(struct server *s, fuse_ino_t ino, uint64_t n)
{
	size_t at = SLOT_OF(ino);
	if (at <= SYSTEM_SLOT || at >= s->n_slots)
		return;
	struct slot *slot = &s->slots[at];
	slot->refs -= n < slot->refs ? n : slot->refs;
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(server_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *v)
{
	for (size_t i = 0; i < count; i++)
		forget(server_of(req), v[i].ino, v[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int r = fill_attr(server_of(req), ino, &st);
	(void)fi;
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, 0);
}

/* What a shell does before it writes (">") is no change. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
		       struct fuse_file_info *fi)
{
	(void)attr;
	if (what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else
		op_getattr(req, ino, fi);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct server *s = server_of(req);
	struct view v;
	char path[64];
	int r = view_open(s, ino, &v);
	if (r == 0) {
		pid_t init = v.system ? 1 : v.info.init;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", init,
			       node_namespaces[PLACE_OF(ino) - PLACE_NS_LINK]);
		r = init ? 0 : -ESRCH;
		view_done(&v);
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, path);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)mode;
	if (parent != INO_ROOT)
		fuse_reply_err(req, EPERM);
	else
		work_mkdir(server_of(req), req, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct server *s = server_of(req);
	if (parent != INO_ROOT || str_eq(name, "0"))
		fuse_reply_err(req, EPERM);
	else if (!may_see(s, fuse_req_ctx(req), name))
		fuse_reply_err(req, ENOENT);
	else
		work_rmdir(s, req, name);
}

/* ---- directories ---- */

struct listing {
	fuse_req_t req;
	struct buf out;
};

static void list(struct listing *l, const char *name, fuse_ino_t ino, mode_t mode)
{
	struct stat st = { .st_ino = ino, .st_mode = mode };
	char entry[512];
	size_t n = fuse_add_direntry(l->req, entry, sizeof(entry), name, &st, 0);
	/* the offset of the next is in bytes of the whole listing */
	n = fuse_add_direntry(l->req, entry, sizeof(entry), name, &st, (off_t)(l->out.len + n));
	buf_add(&l->out, entry, n);
}

static int list_root(struct server *s, struct listing *l)
{
	struct contexe_info *infos;
	size_t n;
	list(l, "container", INO_CONTROL, S_IFREG);
	if (may_see(s, fuse_req_ctx(l->req), "0"))
		list(l, "0", SYSTEM_SLOT << 8, S_IFDIR);
	int r = contexe_list(s->cx, &infos, &n, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (may_see(s, fuse_req_ctx(l->req), infos[i].name))
			list(l, infos[i].name, (uint64_t)infos[i].number << 16, S_IFDIR);
	contexe_info_free(infos, n);
	return 0;
}

static void list_container(struct server *s, struct listing *l, fuse_ino_t dir)
{
	fuse_ino_t base = dir & ~(fuse_ino_t)0xff;
	bool system = SLOT_OF(dir) == SYSTEM_SLOT;
	unsigned place = PLACE_OF(dir);
	for (size_t i = 0; place == PLACE_DIR && i < n_node_files; i++)
		if (!system || node_files[i].of_system)
			list(l, node_files[i].name, base | (PLACE_FILE + i), S_IFREG);
	for (size_t i = 0; place == PLACE_LIMITS && i < s->n_limits; i++)
		list(l, s->limits[i], base | (PLACE_LIMIT + i), S_IFREG);
	for (size_t i = 0; place == PLACE_NS && i < n_node_namespaces; i++)
		list(l, node_namespaces[i], base | (PLACE_NS_LINK + i), S_IFLNK);
	if (place == PLACE_DIR)
		list(l, "ns", base | PLACE_NS, S_IFDIR);
	if (place == PLACE_DIR && !system)
		list(l, "limits", base | PLACE_LIMITS, S_IFDIR);
}

/* The listing is made when the directory is opened, so that it does not change while it is read. */
static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	struct listing l = { .req = req, .out = BUF_INIT };
	list(&l, ".", ino, S_IFDIR);
	list(&l, "..", INO_ROOT, S_IFDIR);
	int r = ino == INO_ROOT ? list_root(s, &l) : (list_container(s, &l, ino), 0);
	if (r < 0) {
		buf_done(&l.out);
		fuse_reply_err(req, -r);
		return;
	}
	struct buf *kept = xcalloc(1, sizeof(*kept));
	*kept = l.out;
	fi->fh = (uintptr_t)kept;
	if (fuse_reply_open(req, fi) < 0) {
		buf_done(kept);
		free(kept);
	}
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	const struct buf *kept = (const struct buf *)(uintptr_t)fi->fh;
	(void)ino;
	size_t at = off >= 0 && (size_t)off < kept->len ? (size_t)off : kept->len, n = 0;
	/* whole entries only: each is as long as its name makes it (struct fuse_dirent, aligned to 8) */
	while (at + n < kept->len) {
		uint32_t name;
		memcpy(&name, kept->data + at + n + 16, sizeof(name));
		size_t one = (24 + name + 7) & ~(size_t)7;
		if (n + one > size)
			break;
		n += one;
	}
	fuse_reply_buf(req, kept->data + at, n);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct buf *kept = (struct buf *)(uintptr_t)fi->fh;
	(void)ino;
	buf_done(kept);
	free(kept);
	fuse_reply_err(req, 0);
}

/* ---- files ---- */

static bool is_events(fuse_ino_t ino)
{
	unsigned place = PLACE_OF(ino);
	return SLOT_OF(ino) && place >= PLACE_FILE && place - PLACE_FILE < n_node_files &&
	       str_eq(node_files[place - PLACE_FILE].name, "events");
}

/* direct_io: nothing is cached, and a write's request names the thread that writes. */
static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	struct stat st;
	int r = fill_attr(s, ino, &st);
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	fi->direct_io = 1;
	fi->nonseekable = is_events(ino);
	struct handle *h = is_events(ino) ? events_open(s, ino) : NULL;
	fi->fh = (uintptr_t)h;
	if (fuse_reply_open(req, fi) < 0 && h)
		events_close(s, h);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (is_events(ino))
		events_close(server_of(req), (struct handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	CLEANUP_BUF struct buf out = BUF_INIT;
	if (is_events(ino)) {
		events_read(s, (struct handle *)(uintptr_t)fi->fh, size, &out);
		fuse_reply_buf(req, out.data, out.len);
		return;
	}
	int r = file_text(s, ino, fuse_req_ctx(req)->pid, &out);
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	size_t at = off >= 0 && (size_t)off < out.len ? (size_t)off : out.len;
	fuse_reply_buf(req, out.data ? out.data + at : NULL,
		       size < out.len - at ? size : out.len - at);
}

static bool takes(const struct server *s, fuse_ino_t ino)
{
	unsigned place = PLACE_OF(ino);
	if (ino == INO_CONTROL)
		return true;
	if (place >= PLACE_LIMIT)
		return place - PLACE_LIMIT < s->n_limits;
	return place >= PLACE_FILE && place - PLACE_FILE < n_node_files &&
	       node_files[place - PLACE_FILE].write;
}

/* The permissions of the file were asked when it was opened; a descriptor may have been handed on since. */
static void op_write(fuse_req_t req, fuse_ino_t ino, const char *text, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct server *s = server_of(req);
	const struct fuse_ctx *who = fuse_req_ctx(req);
	(void)off;
	(void)fi;
	if (who->uid != s->uid && who->uid != 0)
		fuse_reply_err(req, EPERM);
	else if (!takes(s, ino))
		fuse_reply_err(req, EBADF);
	else if (size > MAX_WRITE || memchr(text, 0, size))
		fuse_reply_err(req, EINVAL);
	else
		work_write(s, req, ino, text, size);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	if (!is_events(ino)) {
		if (ph)
			fuse_pollhandle_destroy(ph);
		fuse_reply_poll(req, POLLIN | POLLOUT);
		return;
	}
	bool ready = events_poll(server_of(req), (struct handle *)(uintptr_t)fi->fh, ph);
	fuse_reply_poll(req, ready ? POLLIN : 0);
}

const struct fuse_lowlevel_ops fs_ops = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.poll = op_poll,
};
