/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing string. Always NUL-terminated once something was put in; buf_str() of an empty one
 * is "". Out of memory ends the program (the engine's own small strings: nothing sensible is left to do).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

#define CLEANUP_BUF CLEANUP(buf_done)
#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_done(struct buf *b);  /* frees the memory; the buf is empty and usable again */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
const char *buf_str(const struct buf *b);
char *buf_take(struct buf *b); /* the string, owned by the caller (free); the buf is empty */

/* Memory that ends the program when there is none. */
void *xmalloc(size_t size) NODISCARD;
void *xcalloc(size_t n, size_t size) NODISCARD;
void *xrealloc(void *p, size_t size) NODISCARD;
char *xstrdup(const char *s) NODISCARD;
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) NODISCARD;

#define CLEANUP_STR CLEANUP(str_cleanup)
void str_cleanup(char **s);
