/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - what went wrong, told once: what was tried, on which object, why, and what to do.
 *
 * Functions that can fail return 0 (or a value >= 0) or -errno and take a `struct error *err` as their
 * last argument (before any ret_ out-parameters never: out-parameters come last but for err). The
 * function that knows the cause fills it with error_set(); callers on the way up may add what they
 * were doing with error_what(), name the object with error_object(), a remedy with error_hint().
 * Each of these keeps what is there already: the innermost object and hint win, so that the one who
 * knows most is heard. The outermost `what` wins, since that is what the user asked for.
 * Only a program's main function prints.
 *
 * The struct is plain data without pointers: it crosses a pipe or a socket as it is.
 * All functions accept err == NULL and then only return the code (of the failure told last in this thread).
 */
#pragma once

#include <errno.h>

#include "base/compiler.h"

struct error {
	int err;	  /* positive errno; 0: no error */
	int exit_code;	  /* what the process should exit with; 0: the program's default */
	char what[128];	  /* "cannot create the container" */
	char object[256]; /* "web", "/srv/rootfs", "pid 4711 (nginx)" */
	char why[512];	  /* "the name is taken by container 3" */
	char hint[256];	  /* "choose another with --name" */
};

#define ERROR_INIT                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* Sets errno (positive) and the cause, erasing what was there. Returns -errnum. */
int error_set(struct error *err, int errnum, const char *why, ...) PRINTF_LIKE(3, 4);

/* The same with ": " and strerror(errnum) appended to the cause. Returns -errnum. */
int error_sys(struct error *err, int errnum, const char *why, ...) PRINTF_LIKE(3, 4);

/* Each of these returns -err->err, so that `return error_object(err, ...)` works. */
int error_what(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);   /* outermost wins */
int error_object(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3); /* innermost wins */
int error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);   /* innermost wins */
int error_exit_code(struct error *err, int code);			     /* innermost wins */

void error_clear(struct error *err);

/* One line, without a newline: "what: object: why; hint". Returns buf. */
const char *error_line(const struct error *err, char *buf, size_t size);
