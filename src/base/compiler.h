/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compiler.h - the attributes that the house rules are made of, under short names.
 */
#pragma once

#include <stddef.h>

#define NODISCARD		__attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define CLEANUP(fn)		__attribute__((cleanup(fn)))
#define UNUSED			__attribute__((unused))
#define NORETURN		__attribute__((noreturn))

/* For the rare result that really does not matter (clean-up that is best effort). */
#define IGNORE_RESULT(x)                                                                           \
	do {                                                                                       \
		if (x) {                                                                           \
		}                                                                                  \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* Moves a pointer out of its owner: the variable is NULL afterwards. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *_p = &(p);                                                          \
		__typeof__(p) _v = *_p;                                                            \
		*_p = NULL;                                                                        \
		_v;                                                                                \
	})
