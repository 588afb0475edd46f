/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - see error.h. Text that does not fit is cut, never refused. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Who passes no struct error still gets the code back from error_object() and the like: it is that of the
 * failure told last, which these calls always follow.
 */
static _Thread_local int untold;

int error_set(struct error *err, int errnum, const char *why, ...)
{
	untold = errnum;
	if (!err)
		return -errnum;
	error_clear(err);
	err->err = errnum;
	va_list ap;
	va_start(ap, why);
	(void)vsnprintf(err->why, sizeof(err->why), why, ap);
	va_end(ap);
	return -errnum;
}

int error_sys(struct error *err, int errnum, const char *why, ...)
{
	untold = errnum;
	if (!err)
		return -errnum;
	error_clear(err);
	err->err = errnum;
	va_list ap;
	va_start(ap, why);
	(void)vsnprintf(err->why, sizeof(err->why), why, ap);
	va_end(ap);
	size_t n = strlen(err->why);
	(void)snprintf(err->why + n, sizeof(err->why) - n, ": %s", strerror(errnum));
	return -errnum;
}

#define FILL(field, when)                                                                          \
	do {                                                                                       \
		if (!err)                                                                          \
			return -untold;                                                            \
		if (when) {                                                                        \
			va_list ap;                                                                \
			va_start(ap, fmt);                                                         \
			(void)vsnprintf(field, sizeof(field), fmt, ap);                            \
			va_end(ap);                                                                \
		}                                                                                  \
		return -err->err;                                                                  \
	} while (0)

int error_what(struct error *err, const char *fmt, ...)
{
	FILL(err->what, 1);
}

int error_object(struct error *err, const char *fmt, ...)
{
	FILL(err->object, !err->object[0]);
}

int error_hint(struct error *err, const char *fmt, ...)
{
	FILL(err->hint, !err->hint[0]);
}

int error_exit_code(struct error *err, int code)
{
	if (!err)
		return -untold;
	if (!err->exit_code)
		err->exit_code = code;
	return -err->err;
}

void error_clear(struct error *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
}

const char *error_line(const struct error *err, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s%s%s%s%s", err->what, err->what[0] ? ": " : "",
		       err->object, err->object[0] ? ": " : "",
		       err->why[0] ? err->why : strerror(err->err), err->hint[0] ? "; " : "",
		       err->hint);
	return buf;
}
