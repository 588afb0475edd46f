/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what a container wrote, kept in its directory in the text form of the Kubernetes CRI: a line each,
 *     2026-11-22T01:15:11.123456789Z stdout F the text
 * with P instead of F when the line goes on in the next record. Rotated to log.1 at its maximum.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct log;

#define LOG_MAX_DEFAULT (16u << 20)

/* The file is made with the first output. dir stays the caller's. */
struct log *log_new(int dir, uint64_t max);
void log_free(struct log *log);

/* Adds output of stream 1 or 2. A full disk loses log lines, never the container's output: the loss is
 * noted in the log as soon as there is room again. */
void log_write(struct log *log, int stream, const void *data, size_t size);
/* Ends unfinished lines. */
void log_flush(struct log *log);
