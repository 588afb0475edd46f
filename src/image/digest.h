/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - content addresses as text: "sha256:<64 hex>", "sha512:<128 hex>" (OCI image-spec,
 * descriptor.md). Only their form; computing them is unpack/hasher.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#define DIGEST_TEXT_SIZE 160

struct digest { /* all zero: none */
	char algorithm[8];
	char hex[129]; /* lower case */
};

/* Reads "ALGORITHM:HEX" of a known algorithm, of exactly the right length, in lower case. */
bool digest_parse(const char *text, struct digest *ret) NODISCARD;

/* "sha256:..." Returns buf, which must hold DIGEST_TEXT_SIZE bytes. */
const char *digest_format(const struct digest *d, char *buf);

bool digest_is_set(const struct digest *d);
bool digest_equal(const struct digest *a, const struct digest *b);

/* n lower-case hexadecimal digits and nothing else. */
bool digest_is_hex(const char *s, size_t n);
