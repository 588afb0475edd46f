/* SPDX-License-Identifier: Apache-2.0 */
/* hasher.h - computes content addresses of streams (libcrypto's EVP). */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "image/digest.h"

struct hasher {
	struct evp_md_ctx_st *ctx; /* NULL: not begun; adding does nothing then */
	char algorithm[8];
};

#define CLEANUP_HASHER CLEANUP(hasher_done)
void hasher_done(struct hasher *h);

/* algorithm: "sha256" or "sha512". 0, -EOPNOTSUPP or -ENOMEM. */
int hasher_begin(struct hasher *h, const char *algorithm) NODISCARD;
void hasher_add(struct hasher *h, const void *data, size_t size);
/* The digest of all that was added; the hasher is done. */
void hasher_end(struct hasher *h, struct digest *ret);

/* The digest of a whole text. 0 or as hasher_begin(). */
int hasher_digest(const char *algorithm, const void *data, size_t size, struct digest *ret)
	NODISCARD;
