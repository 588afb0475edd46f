/* SPDX-License-Identifier: Apache-2.0 */
/* hasher.c - see hasher.h. */
#include "image/unpack/hasher.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

void hasher_done(struct hasher *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int hasher_begin(struct hasher *h, const char *algorithm)
{
	const EVP_MD *md = EVP_get_digestbyname(algorithm);

	*h = (struct hasher){ 0 };
	if (!md || strlen(algorithm) >= sizeof(h->algorithm))
		return -EOPNOTSUPP;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, md, NULL) != 1) {
		hasher_done(h);
		return -ENOMEM;
	}
	strcpy(h->algorithm, algorithm);
	return 0;
}

void hasher_add(struct hasher *h, const void *data, size_t size)
{
	if (h->ctx)
		(void)EVP_DigestUpdate(h->ctx, data, size);
}

void hasher_end(struct hasher *h, struct digest *ret)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	*ret = (struct digest){ 0 };
	if (h->ctx && EVP_DigestFinal_ex(h->ctx, sum, &n) == 1) {
		strcpy(ret->algorithm, h->algorithm);
		for (unsigned i = 0; i < n; i++)
			(void)snprintf(ret->hex + 2 * (size_t)i, 3, "%02x", sum[i]);
	}
	hasher_done(h);
}

int hasher_digest(const char *algorithm, const void *data, size_t size, struct digest *ret)
{
	CLEANUP_HASHER struct hasher h;
	int r = hasher_begin(&h, algorithm);
	if (r < 0)
		return r;
	hasher_add(&h, data, size);
	hasher_end(&h, ret);
	return 0;
}
