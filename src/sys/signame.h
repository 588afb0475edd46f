/* SPDX-License-Identifier: Apache-2.0 */
/* signame.h - signal numbers and names: "TERM", "SIGTERM", "term", "15", "RTMIN+3". signal(7). */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

#define SIGNAME_MAX 64

/* 1..64, or -EINVAL. */
int signame_parse(const char *s) NODISCARD;
/* "TERM", "RTMIN+3"; for anything else the number. Returns buf. */
const char *signame_format(int sig, char *buf, size_t size);
