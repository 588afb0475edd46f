/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timerfd.c - timerfd_create(2): clock, time left, interval, expirations that nobody read. A timer that was set to a
 * point of wall-clock time keeps that point; all others go on with the time that was left.
 */
#include <errno.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, __u64)
#endif

#define SECOND 1000000000LL

struct timerfd_record {
	uint32_t clock;
	uint32_t settime_flags; /* of the last timerfd_settime(2) */
	int64_t left;		/* ns; 0: not armed */
	int64_t interval;	/* ns */
	int64_t at;		/* absolute timer of the wall clock: when, in ns */
	uint64_t ticks;		/* expired and not read */
};

static const struct field fields[] = {
	FIELD(struct timerfd_record, clock, U32),
	FIELD(struct timerfd_record, settime_flags, U32, .optional = true),
	FIELD(struct timerfd_record, left, I64, .optional = true),
	FIELD(struct timerfd_record, interval, I64, .optional = true),
	FIELD(struct timerfd_record, at, I64, .optional = true),
	FIELD(struct timerfd_record, ticks, U64, .optional = true),
	FIELDS_END,
};

static int64_t to_ns(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

static struct timespec to_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
}

static bool wall_clock(uint32_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
}

/* The time that fdinfo tells as "it_value: (1, 500000000)". */
static bool armed(const char *info)
{
	const char *end, *line = fdinfo_line(info, "it_value:", &end);
	return line && strncmp(line, "it_value: (0, 0)", 16) != 0;
}

/*
 * A periodic timer that has expired stands still until it is read or looked at: the look counts the periods that passed and arms
 * it again. Only then fdinfo's count is the one that a read would give. Done again if it expired in between.
 */
static int take(struct collect *c, int fd, struct timerfd_record *rec)
{
	for (int tries = 0; tries < 100; tries++) {
		struct itimerspec its;
		CLEANUP_BUF struct buf info = BUF_INIT;
		if (timerfd_gettime(fd, &its) < 0)
			return -errno;
		int r = fdinfo_read(c->proc, fd, &info);
		if (r < 0)
			return r;
		rec->left = to_ns(&its.it_value);
		rec->interval = to_ns(&its.it_interval);
		if (fdinfo_number(buf_str(&info), NULL, "ticks:", 10, &rec->ticks) < 0)
			return -EPROTO;
		/* it had not expired, or expires only once and has */
		if ((rec->left > 0) == armed(buf_str(&info)))
			return 0;
	}
	return -EBUSY;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct timerfd_record *rec = record;
	uint64_t clock, settime = 0;
	if (fdinfo_number(f->info, NULL, "clockid:", 10, &clock) < 0)
		return error_set(err, EPROTO, "%s: fdinfo tells no clock", file_name(c, f));
	const char *end, *line = fdinfo_line(f->info, "settime flags:", &end);
	if (line && fdinfo_number(line + 7, end, "flags:", 8, &settime) < 0)
		settime = 0;
	rec->clock = (uint32_t)clock;
	rec->settime_flags = (uint32_t)settime & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
	int r = take(c, f->fd, rec);
	if (r < 0)
		return error_sys(err, -r, "%s: cannot read the timer", file_name(c, f));
	struct timespec now;
	if (rec->left && wall_clock(rec->clock) && rec->settime_flags & TFD_TIMER_ABSTIME &&
	    clock_gettime(CLOCK_REALTIME, &now) == 0)
		rec->at = to_ns(&now) + rec->left;
	return 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	(void)flags;
	const struct timerfd_record *rec = record;
	int fd = timerfd_create((int)rec->clock, TFD_CLOEXEC | TFD_NONBLOCK);
	return fd < 0 ? error_sys(err, errno, "timerfd_create(2) of clock %u", rec->clock) : fd;
}

/* Armed late, so that the time that restoring takes counts little. */
static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	const struct timerfd_record *rec = record;
	if (rec->left < 0 || rec->interval < 0 || rec->at < 0)
		return error_set(err, EBADMSG, "a timer of negative time");
	struct itimerspec its = { .it_value = to_timespec(rec->at ? rec->at : rec->left),
				  .it_interval = to_timespec(rec->interval) };
	int flags = rec->at ? (int)rec->settime_flags : 0;
	if ((rec->left || rec->interval) && timerfd_settime(fd, flags, &its, NULL) < 0)
		return error_sys(err, errno, "timerfd_settime(2)");
	if (!rec->ticks || ioctl(fd, TFD_IOC_SET_TICKS, &rec->ticks) == 0)
		return 0;
	/* A kernel without CONFIG_CHECKPOINT_RESTORE: one expiration can be had by expiring. */
	its = (struct itimerspec){ .it_value = { .tv_nsec = 1 } };
	if (rec->ticks == 1 && !rec->left && timerfd_settime(fd, 0, &its, NULL) == 0)
		return 0;
	return error_sys(err, errno, "cannot give a timer its %llu expirations",
			 (unsigned long long)rec->ticks);
}

static void describe(const void *record, struct buf *out)
{
	const struct timerfd_record *rec = record;
	buf_printf(out, "clock %u", rec->clock);
	if (rec->left)
		buf_printf(out, ", %.3f s left", (double)rec->left / 1e9);
	if (rec->interval)
		buf_printf(out, ", every %.3f s", (double)rec->interval / 1e9);
	if (rec->ticks)
		buf_printf(out, ", expired %llu times", (unsigned long long)rec->ticks);
}

static const struct file_match matches[] = { { FILE_ANON, "timerfd" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_timerfd = {
	.name = "timerfd",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct timerfd_record),
	.collect = collect,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
