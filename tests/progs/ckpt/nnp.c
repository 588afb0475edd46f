/* SPDX-License-Identifier: Apache-2.0 */
/* nnp.c - no_new_privs. */
#include <sys/prctl.h>

#include "ckpt.h"

int main(void)
{
	CKPT_SETUP(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ckpt_ready();
	CKPT_CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs is lost");
	ckpt_pass();
}
