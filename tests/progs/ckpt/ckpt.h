/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ckpt.h - what every self-checking checkpoint program is made of: set up, wait, check.
 *
 *	int main(void)
 *	{
 *		... set up ...
 *		ckpt_ready();           prints "ready", waits for SIGUSR1: here the checkpoint and the restore happen
 *		CKPT_CHECK(x == 7, "x is %d, not 7", x);
 *		ckpt_pass();            prints "PASS", exits 0
 *	}
 *
 * A check that fails prints "FAIL: why" and exits 1. Set-up that fails prints "SETUP: why" and exits 2; what this
 * kernel lacks prints "SKIP: why" and exits 77. A program may call ckpt_ready() several times: each waits
 * for one more SIGUSR1. Whatever the program holds is its own: nothing here opens files, makes
 * threads or touches signals other than SIGUSR1.
 */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ckpt_signals;

static inline void ckpt_on_signal(int sig)
{
	(void)sig;
	ckpt_signals = ckpt_signals + 1;
}

/* One line with one write(2), past stdio. */
__attribute__((format(printf, 2, 0))) static inline void ckpt_say(const char *prefix,
								  const char *fmt, va_list ap)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s", prefix);
	int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, len) < 0)
		_exit(3);
}

__attribute__((format(printf, 1, 2), noreturn)) static inline void ckpt_fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	ckpt_say("FAIL: ", fmt, ap);
	va_end(ap);
	_exit(1);
}

__attribute__((format(printf, 1, 2), noreturn)) static inline void ckpt_no_setup(const char *fmt,
										 ...)
{
	va_list ap;
	va_start(ap, fmt);
	ckpt_say("SETUP: ", fmt, ap);
	va_end(ap);
	_exit(2);
}

__attribute__((format(printf, 1, 2), noreturn)) static inline void ckpt_skip(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	ckpt_say("SKIP: ", fmt, ap);
	va_end(ap);
	_exit(77);
}

__attribute__((noreturn)) static inline void ckpt_pass(void)
{
	if (write(STDOUT_FILENO, "PASS\n", 5) != 5)
		_exit(3);
	_exit(0);
}

/* After ckpt_ready(): what must still hold. */
#define CKPT_CHECK(cond, ...)                                                                      \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ckpt_fail(__VA_ARGS__);                                                    \
	} while (0)

/* Before it: system calls of the set-up, -1 is a failure. Yields the result. */
#define CKPT_SETUP(expr)                                                                           \
	({                                                                                         \
		__typeof__(expr) ckpt_r = (expr);                                                  \
		if (ckpt_r == (__typeof__(ckpt_r))-1)                                              \
			ckpt_no_setup("%s: %s", #expr, strerror(errno));                           \
		ckpt_r;                                                                            \
	})

/* Blocks SIGUSR1 and makes it counted: done by ckpt_ready(), earlier by who makes threads or children first. */
static inline void ckpt_init(void)
{
	struct sigaction sa = { .sa_handler = ckpt_on_signal };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CKPT_SETUP(sigprocmask(SIG_BLOCK, &set, NULL));
	CKPT_SETUP(sigaction(SIGUSR1, &sa, NULL));
}

/* A new directory of the program's own; static memory. */
static inline const char *ckpt_dir(void)
{
	static char in_tmp[] = "/tmp/ckpt-XXXXXX", in_root[] = "/ckpt-XXXXXX";
	const char *dir = mkdtemp(in_tmp);
	if (!dir)
		dir = mkdtemp(in_root);
	if (!dir)
		ckpt_no_setup("mkdtemp: %s", strerror(errno));
	return dir;
}

/* Only waits: for children that have nothing to tell. */
static inline void ckpt_wait(void)
{
	static sig_atomic_t seen;
	sigset_t set;
	sigprocmask(SIG_SETMASK, NULL, &set);
	sigdelset(&set, SIGUSR1);
	while (ckpt_signals == seen)
		sigsuspend(&set);
	seen = seen + 1;
}

static inline void ckpt_ready(void)
{
	ckpt_init();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		_exit(3);
	ckpt_wait();
}

/* Bytes that can be told again: ckpt_fill() writes them, ckpt_filled() compares. */
static inline uint8_t ckpt_byte(uint64_t seed, size_t at)
{
	uint64_t x = (seed * 0x9e3779b97f4a7c15ULL) ^ ((uint64_t)at * 0xbf58476d1ce4e5b9ULL);
	return (uint8_t)((x >> 56) ^ (x >> 24));
}

static inline void ckpt_fill(void *buf, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)buf)[i] = ckpt_byte(seed, i);
}

static inline int ckpt_filled(const void *buf, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++)
		if (((const uint8_t *)buf)[i] != ckpt_byte(seed, i))
			return 0;
	return 1;
}

/* All of it, or 0. */
static inline int ckpt_read_all(int fd, void *buf, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = read(fd, (char *)buf + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		done += (size_t)n;
	}
	return 1;
}
