/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_seccomp_profile.c - any text as a seccomp profile; what is accepted must compile or be
 * refused with a cause, and what compiles must be a filter that ends.
 */
#include <stdlib.h>

#include "container/security/security.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Every jump forwards and inside, the last instruction a return: what the kernel asks of a filter.
 */
static bool ends(const struct security *sec)
{
	for (unsigned pc = 0; pc < sec->filter_len; pc++) {
		const struct sock_filter *i = &sec->filter[pc];
		unsigned left = sec->filter_len - pc - 1u;
		if (BPF_CLASS(i->code) != BPF_JMP)
			continue;
		if (BPF_OP(i->code) == BPF_JA ? i->k >= left : i->jt >= left || i->jf >= left)
			return false;
	}
	return sec->filter_len && BPF_CLASS(sec->filter[sec->filter_len - 1].code) == BPF_RET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_ARENA struct arena arena = { 0 };
	struct security sec;
	struct error err = ERROR_INIT;

	security_default_caps(&spec);
	if (size > 16384 || security_seccomp_load(&spec, (const char *)data, size, &err) < 0)
		return 0;
	if (security_prepare(&spec, NULL, &arena, &sec, &err) < 0) {
		if (!err.err || !err.why[0])
			abort();
		return 0;
	}
	if (!ends(&sec))
		abort();
	return 0;
}
