/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - the kernel's texts line by line. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line, without its end. */
struct text_line {
	const char *at;
	size_t size;
};

/* Takes the next line off *text. False at the end. */
bool text_next(const char **text, struct text_line *ret);

/* The part before the first blank or `end`. */
size_t text_key(const struct text_line *line, char end);
bool text_is(const struct text_line *line, size_t key, const char *name);

/* "name<end> 12 kB": the number on the line that begins with name. False: there is none. */
bool text_find(const char *text, const char *name, char end, uint64_t *ret);
