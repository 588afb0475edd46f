/* SPDX-License-Identifier: Apache-2.0 */
/* pty.c - see pty.h. */
#include "checkpoint/kind/pty.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/fd.h"

#define PTS_MAJOR 136

const struct field pty_state_fields[] = {
	FIELD(struct pty_state, termios, BYTES, .max = sizeof(struct termios2)),
	FIELD(struct pty_state, locked, BYTES, .optional = true, .max = sizeof(struct termios)),
	FIELD(struct pty_state, rows, U32, .optional = true),
	FIELD(struct pty_state, cols, U32, .optional = true),
	FIELD(struct pty_state, xpixel, U32, .optional = true),
	FIELD(struct pty_state, ypixel, U32, .optional = true),
	FIELD(struct pty_state, exclusive, BOOL, .optional = true),
	FIELDS_END,
};

int pty_index_of(uint64_t rdev)
{
	return major(rdev) == PTS_MAJOR ? (int)minor(rdev) : -ENOTTY;
}

int pty_index(int fd)
{
	unsigned dev;
	if (ioctl(fd, TIOCGDEV, &dev) < 0)
		return -errno;
	/* the kernel's encoding of 32 bits: the minor's upper bits lie above the major */
	return pty_index_of(makedev((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)));
}

int pty_master_index(int fd)
{
	unsigned index;
	return ioctl(fd, TIOCGPTN, &index) < 0 ? -errno : (int)index;
}

static bool is_zero(const void *data, size_t size)
{
	for (const char *p = data; size; size--)
		if (*p++)
			return false;
	return true;
}

static struct bytes bytes_of(struct arena *arena, const void *data, size_t size)
{
	struct bytes b = { arena_alloc(arena, size), size };
	memcpy(b.data, data, size);
	return b;
}

int pty_state_collect(int fd, struct arena *arena, struct pty_state *ret, struct error *err)
{
	struct termios2 t = { 0 };
	struct termios locked = { 0 };
	struct winsize size = { 0 };
	int discipline = 0, exclusive = 0;
	/* first: others do not know what is asked below */
	if (ioctl(fd, TIOCGETD, &discipline) == 0 && discipline != 0 /* N_TTY */)
		return error_set(err, ENOTSUP, "a terminal has the line discipline %d", discipline);
	if (ioctl(fd, TCGETS2, &t) < 0 || ioctl(fd, TIOCGWINSZ, &size) < 0 ||
	    ioctl(fd, TIOCGLCKTRMIOS, &locked) < 0 || ioctl(fd, TIOCGEXCL, &exclusive) < 0)
		return error_sys(err, errno, "cannot read the settings of a terminal");
	*ret = (struct pty_state){
		.termios = bytes_of(arena, &t, sizeof(t)),
		.rows = size.ws_row,
		.cols = size.ws_col,
		.xpixel = size.ws_xpixel,
		.ypixel = size.ws_ypixel,
		.exclusive = exclusive,
	};
	if (!is_zero(&locked, sizeof(locked)))
		ret->locked = bytes_of(arena, &locked, sizeof(locked));
	return 0;
}

int pty_state_apply(int fd, const struct pty_state *s, struct error *err)
{
	struct winsize size = { (uint16_t)s->rows, (uint16_t)s->cols, (uint16_t)s->xpixel,
				(uint16_t)s->ypixel };
	if (s->termios.size != sizeof(struct termios2) ||
	    (s->locked.size && s->locked.size != sizeof(struct termios)))
		return error_set(err, EBADMSG, "settings of a terminal that are none");
	if (ioctl(fd, TCSETS2, s->termios.data) < 0)
		return error_sys(err, errno, "cannot set the modes of a terminal");
	if (s->locked.size && ioctl(fd, TIOCSLCKTRMIOS, s->locked.data) < 0)
		return error_sys(err, errno, "cannot lock the modes of a terminal");
	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		return error_sys(err, errno, "cannot set the size of a terminal");
	if (s->exclusive && ioctl(fd, TIOCEXCL) < 0)
		return error_sys(err, errno, "cannot make a terminal exclusive");
	return 0;
}

int pty_peer(int master, int flags)
{
	int was = 0, unlocked = 0;
	if (ioctl(master, TIOCGPTLCK, &was) < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return -errno;
	/* this ioctl keeps O_CLOEXEC in the open file, which shows in the fdinfo of its duplicates */
	int fd = ioctl(master, TIOCGPTPEER, (flags | O_NOCTTY) & ~O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_set_cloexec(fd, 1);
	if (r < 0)
		fd_close(fd);
	else
		r = fd;
	if (was)
		(void)ioctl(master, TIOCSPTLCK, &was);
	return r;
}
