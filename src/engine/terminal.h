/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h - the user's terminal: raw mode and back, its size, the keys that detach. termios(3).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "base/error.h"

struct terminal {
	int fd; /* -EBADF: not raw */
	struct termios saved;
};

#define TERMINAL_NONE ((struct terminal){ .fd = -EBADF })

/* Makes fd raw, remembering how it was. Nothing happens when it is no terminal. */
void terminal_raw(int fd, struct terminal *ret);
/* As it was before. */
void terminal_restore(struct terminal *t);
/* 0, or -ENOTTY. */
int terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols);

/* A sequence of keys that is looked for in a stream: "ctrl-p,ctrl-q". */
struct keys {
	unsigned char seq[8];
	size_t n;
	size_t matched;
};
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
/* "": none. -EINVAL. */
int keys_parse(const char *text, struct keys *ret, struct error *err) NODISCARD;
/*
 * Looks at n bytes; true when the sequence was completed in them. What was held back of an unfinished match
 * and turned out to be none is put before them: out must hold n + sizeof(seq) bytes; *ret_n of them are to
 * be passed on.
 */
bool keys_filter(struct keys *k, const unsigned char *in, size_t n, unsigned char *out,
		 size_t *ret_n);
