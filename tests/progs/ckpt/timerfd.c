/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd.c - timers as descriptors: time left, interval, expirations that nobody read. */
#include <sys/timerfd.h>
#include <time.h>

#include "ckpt.h"

static int timer(int clock, int flags, long value_ms, long interval_ms)
{
	int fd = CKPT_SETUP(timerfd_create(clock, TFD_NONBLOCK));
	struct itimerspec its = { .it_value = { value_ms / 1000, value_ms % 1000 * 1000000 },
				  .it_interval = { interval_ms / 1000,
						   interval_ms % 1000 * 1000000 } };
	CKPT_SETUP(timerfd_settime(fd, flags, &its, NULL));
	return fd;
}

static double left(int fd)
{
	struct itimerspec its;
	if (timerfd_gettime(fd, &its) < 0)
		ckpt_fail("timerfd_gettime: %s", strerror(errno));
	return (double)its.it_value.tv_sec + (double)its.it_value.tv_nsec / 1e9;
}

int main(void)
{
	struct timespec now;
	uint64_t ticks;
	CKPT_SETUP(clock_gettime(CLOCK_REALTIME, &now));
	int running = timer(CLOCK_MONOTONIC, 0, 1000000, 7000);
	int expired = timer(CLOCK_BOOTTIME, 0, 1, 0);
	int periodic = timer(CLOCK_MONOTONIC, 0, 20, 20);
	int read_once = timer(CLOCK_MONOTONIC, 0, 1, 500000);
	int wall = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, (now.tv_sec + 100000) * 1000, 0);
	int idle = CKPT_SETUP(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	usleep(100000);
	CKPT_SETUP(read(read_once, &ticks, 8));

	ckpt_ready();

	struct itimerspec its;
	double s = left(running);
	CKPT_CHECK(s > 900 && s < 1000, "%f s are left of 1000", s);
	CKPT_CHECK(timerfd_gettime(running, &its) == 0 && its.it_interval.tv_sec == 7,
		   "the interval");
	CKPT_CHECK(read(expired, &ticks, 8) == 8 && ticks == 1, "the expiration is lost");
	CKPT_CHECK(read(expired, &ticks, 8) < 0 && errno == EAGAIN && left(expired) == 0,
		   "it expires once more");
	CKPT_CHECK(read(periodic, &ticks, 8) == 8 && ticks >= 4, "periodic: %d ticks", (int)ticks);
	CKPT_CHECK(left(periodic) <= 0.02, "periodic: %f s left of 0.02", left(periodic));
	CKPT_CHECK(read(read_once, &ticks, 8) < 0 && left(read_once) > 400,
		   "what was read came again");
	s = left(wall);
	struct timespec then;
	(void)clock_gettime(CLOCK_REALTIME, &then);
	s -= (double)(now.tv_sec + 100000 - then.tv_sec);
	CKPT_CHECK(s > -2 && s < 2, "the timer of wall-clock time is off by %f s", s);
	CKPT_CHECK(left(idle) == 0 && read(idle, &ticks, 8) < 0, "the idle one runs");
	ckpt_pass();
}
