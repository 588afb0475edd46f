/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd.c - counters keep their values, and whether they are semaphores. */
#include <sys/eventfd.h>

#include "ckpt.h"

int main(void)
{
	int counter = CKPT_SETUP(eventfd(7, EFD_NONBLOCK | EFD_CLOEXEC));
	int semaphore = CKPT_SETUP(eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE));
	int full = CKPT_SETUP(eventfd(0, EFD_NONBLOCK));
	uint64_t v = UINT64_MAX - 1;
	CKPT_SETUP(write(full, &v, 8));
	int twin = CKPT_SETUP(dup(counter));

	ckpt_ready();

	CKPT_CHECK(read(twin, &v, 8) == 8 && v == 7, "the counter is not 7");
	CKPT_CHECK(read(counter, &v, 8) < 0 && errno == EAGAIN, "the twin has its own counter");
	for (int i = 0; i < 2; i++)
		CKPT_CHECK(read(semaphore, &v, 8) == 8 && v == 1, "the semaphore gives no 1");
	CKPT_CHECK(read(semaphore, &v, 8) < 0 && errno == EAGAIN, "the semaphore gives too many");
	v = 1;
	CKPT_CHECK(write(full, &v, 8) < 0 && errno == EAGAIN, "the full one takes more");
	CKPT_CHECK(read(full, &v, 8) == 8 && v == UINT64_MAX - 1, "the full one is not full");
	ckpt_pass();
}
