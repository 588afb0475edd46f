/* SPDX-License-Identifier: Apache-2.0 */
/* shmem.c - shared anonymous memory between parent and child, seen from both sides. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "ckpt.h"

#define SIZE (2 << 20)

int main(void)
{
	int ask[2], answer[2], status;
	char c = 0;
	ckpt_init();
	uint8_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		ckpt_no_setup("mmap: %s", strerror(errno));
	CKPT_SETUP(pipe(ask));
	CKPT_SETUP(pipe(answer));
	pid_t child = CKPT_SETUP(fork());
	if (child == 0) {
		close(ask[1]);
		ckpt_fill(map + 4096, 300000, 9);
		if (write(answer[1], "1", 1) != 1 || read(ask[0], &c, 1) != 1)
			_exit(1);
		if (map[3] != 'p') /* the parent writes it afterwards */
			_exit(2);
		map[4] = 'c';
		_exit(write(answer[1], "2", 1) != 1);
	}
	CKPT_SETUP(read(answer[0], &c, 1));

	ckpt_ready();

	CKPT_CHECK(ckpt_filled(map + 4096, 300000, 9), "the content is another");
	map[3] = 'p';
	CKPT_CHECK(write(ask[1], "?", 1) == 1 && read(answer[0], &c, 1) == 1 && c == '2',
		   "the child gives no answer");
	CKPT_CHECK(map[4] == 'c', "parent and child have memory of their own");
	CKPT_CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %#x",
		   (unsigned)status);
	ckpt_pass();
}
