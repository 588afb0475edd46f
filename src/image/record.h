/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - struct image <-> JSON, as in images/<id>.json and as contexe-unpack hands it over. The names are
 * not part of it: tags/ alone knows them.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "image/image.h"

#define RECORD_MAX_LAYERS 500

/* Appends the record as JSON text. */
void record_print(const struct image *img, struct buf *out);

/* Reads and checks a record (an id, digests, as many sizes as layers). *ret is valid only on success.
 * -EBADMSG or -EFBIG. */
int record_parse(const char *text, size_t len, struct image *ret, struct error *err) NODISCARD;
