/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - see watch.h. */
#include "container/cgroup/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/timestamp.h"

#define FIRST_SLEEP_NS 100000ull
#define LAST_SLEEP_NS  10000000ull

int watch_read_u64(int dirfd, const char *file, uint64_t *ret)
{
	char text[64];
	ssize_t n = file_read_line(dirfd, file, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (!strcmp(text, "max")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_u64(text, 0, UINT64_MAX, ret);
}

int watch_find_key(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, n) || p[n] != ' ')
			continue;
		char number[32];
		size_t len = strcspn(p + n + 1, "\n");
		if (len >= sizeof(number))
			return -EINVAL;
		memcpy(number, p + n + 1, len);
		number[len] = '\0';
		return parse_u64(number, 0, UINT64_MAX, ret);
	}
	return -ENODATA;
}

int watch_read_key(int dirfd, const char *file, const char *key, uint64_t *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(dirfd, file, 1 << 16, &text);
	return r < 0 ? r : watch_find_key(buf_str(&text), key, ret);
}

int watch_event(int dirfd, const char *key, uint64_t value, uint64_t deadline)
{
	CLEANUP_FD int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		char text[256]; /* reading arms the next poll */
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		uint64_t is;
		int r = watch_find_key(text, key, &is);
		if (r < 0 || is == value)
			return r;
		uint64_t now = timestamp_now_monotonic();
		if (now >= deadline)
			return -ETIMEDOUT;
		struct pollfd pfd = { .fd = fd, .events = POLLPRI };
		uint64_t ms = (deadline - now) / 1000000 + 1;
		if (poll(&pfd, 1, (int)MIN(ms, 60000ull)) < 0 && errno != EINTR)
			return -errno;
	}
}

bool watch_backoff(uint64_t *ns, uint64_t deadline)
{
	if (timestamp_now_monotonic() >= deadline)
		return false;
	*ns = *ns == 0 ? FIRST_SLEEP_NS : MIN(*ns * 2, LAST_SLEEP_NS);
	struct timespec ts = { .tv_nsec = (long)*ns };
	(void)nanosleep(&ts, NULL);
	return true;
}

uint64_t watch_deadline(unsigned timeout_ms)
{
	return timestamp_now_monotonic() + (uint64_t)timeout_ms * 1000000;
}
