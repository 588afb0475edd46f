/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the lines that contexe-unpack writes to its standard output; unpacker.h is the protocol. When
 * nobody listens any more, or a signal asks for the end, report_interrupted() turns true and the work
 * stops at the next convenient place with -EINTR.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Catches SIGTERM, SIGINT and SIGHUP, ignores SIGPIPE. */
void report_start(void);
bool report_interrupted(void);

void report_work(const char *name);
/* At most one line in 100 ms, but always when done == total. */
void report_progress(unsigned layer, unsigned layers, uint64_t done, uint64_t total);
void report_note(const char *fmt, ...) PRINTF_LIKE(1, 2);
void report_name(const char *name);
void report_result(const char *id);
void report_error(const struct error *err);
