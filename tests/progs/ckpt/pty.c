/* SPDX-License-Identifier: Apache-2.0 */
/* pty.c - pseudo terminals: numbers, modes, sizes, packet mode; both ends, and one. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "ckpt.h"

static int pair(int *ret_slave)
{
	int master = CKPT_SETUP(posix_openpt(O_RDWR | O_NOCTTY));
	CKPT_SETUP(grantpt(master));
	CKPT_SETUP(unlockpt(master));
	*ret_slave = CKPT_SETUP(open(ptsname(master), O_RDWR | O_NOCTTY));
	return master;
}

static void says(int from, int to, const char *text, const char *comes)
{
	char buf[64] = "";
	struct pollfd p = { .fd = to, .events = POLLIN };
	CKPT_CHECK(write(from, text, strlen(text)) == (ssize_t)strlen(text), "write: %d", errno);
	for (size_t n = 0; n < strlen(comes);) {
		CKPT_CHECK(poll(&p, 1, 3000) == 1, "nothing comes but '%s'", buf);
		ssize_t more = read(to, buf + n, sizeof(buf) - 1 - n);
		CKPT_CHECK(more > 0, "read: %d", errno);
		n += (size_t)more;
	}
	CKPT_CHECK(strcmp(buf, comes) == 0, "'%s' comes, not '%s'", buf, comes);
}

int main(void)
{
	int slave, other, closed, on = 1;
	int master = pair(&slave), gap = pair(&other), alone = pair(&closed);
	char name[64], *now;
	unsigned index = 0;
	struct termios modes, modes_now;
	struct winsize size = { 41, 83, 5, 6 }, size_now;
	close(gap);
	close(other);
	close(closed);
	strcpy(name, ptsname(master));
	CKPT_SETUP(tcgetattr(slave, &modes));
	cfmakeraw(&modes);
	modes.c_oflag |= OPOST | ONLCR;
	modes.c_cc[VINTR] = 'q';
	CKPT_SETUP(tcsetattr(slave, TCSANOW, &modes));
	CKPT_SETUP(tcgetattr(slave, &modes));
	CKPT_SETUP(ioctl(slave, TIOCSWINSZ, &size));
	CKPT_SETUP(ioctl(alone, TIOCPKT, &on));
	/* whether a descriptor is closed on exec is its own matter, whatever the open file's flags say */
	int closing = CKPT_SETUP(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	int staying = CKPT_SETUP(dup(closing));
	unsigned index_alone;
	CKPT_SETUP(ioctl(alone, TIOCGPTN, &index_alone));

	ckpt_ready();

	now = ptsname(master);
	CKPT_CHECK(now && strcmp(now, name) == 0, "it is called %s, not %s", now, name);
	CKPT_CHECK(ioctl(alone, TIOCGPTN, &index) == 0 && index == index_alone, "number %u, not %u",
		   index, index_alone);
	CKPT_CHECK(tcgetattr(master, &modes_now) == 0 &&
			   memcmp(&modes, &modes_now, sizeof(modes)) == 0,
		   "the modes are others");
	CKPT_CHECK(ioctl(master, TIOCGWINSZ, &size_now) == 0 &&
			   memcmp(&size, &size_now, sizeof(size)) == 0,
		   "the size is %ux%u", size_now.ws_row, size_now.ws_col);
	on = 0;
	CKPT_CHECK(ioctl(alone, TIOCGPKT, &on) == 0 && on == 1, "packet mode is lost");
	CKPT_CHECK(fcntl(staying, F_GETFD) == 0 && fcntl(closing, F_GETFD) == FD_CLOEXEC,
		   "what is closed on exec has changed");
	struct pollfd p = { .fd = alone };
	CKPT_CHECK(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "the lonely end sees nobody gone");
	says(slave, master, "one\n", "one\r\n");
	says(master, slave, "two", "two");
	ckpt_pass();
}
