/* SPDX-License-Identifier: Apache-2.0 */
/* apply_error.c - errors told from between fork and exec; see parts.h. */
#include "container/security/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * strerrordesc_np(3) is async-signal-safe: a constant in English. Other C libraries have no locale
 * to fear.
 */
static const char *describe(int errnum)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(errnum);
	return text ? text : "unknown error";
#else
	return strerror(errnum);
#endif
}

int apply_error(struct error *err, int errnum, const char *fmt, ...)
{
	char why[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return error_set(err, errnum, "%s: %s", why, describe(errnum));
}
