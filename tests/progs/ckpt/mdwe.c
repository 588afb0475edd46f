/* SPDX-License-Identifier: Apache-2.0 */
/* mdwe.c - memory that may not become executable (PR_SET_MDWE). */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "ckpt.h"

int main(void)
{
	if (prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) < 0)
		ckpt_skip("this kernel has no PR_SET_MDWE");
	CKPT_SETUP(prctl(65, 1, 0, 0, 0));

	ckpt_ready();

	CKPT_CHECK(prctl(66, 0, 0, 0, 0) == 1, "it is lost");
	CKPT_CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0) == MAP_FAILED,
		   "it does not hold");
	ckpt_pass();
}
