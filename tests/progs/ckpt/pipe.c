/* SPDX-License-Identifier: Apache-2.0 */
/* pipe.c - pipes: content, size, both kinds of end, packets, and ends that nobody holds. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ckpt.h"

#define BYTES 50000

static uint8_t data[BYTES], got[2 * BYTES];

int main(void)
{
	int plain[2], packets[2], no_writer[2], no_reader[2], to_child[2], from_child[2];
	ckpt_init();
	signal(SIGPIPE, SIG_IGN);
	CKPT_SETUP(pipe(to_child));
	CKPT_SETUP(pipe(from_child));
	pid_t child = CKPT_SETUP(fork());
	if (child == 0) { /* waits in read(2) while the checkpoint is made, then answers */
		char c;
		close(to_child[1]);
		while (read(to_child[0], &c, 1) == 1)
			if (write(from_child[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(to_child[0]);
	close(from_child[1]);
	CKPT_SETUP(pipe2(plain, O_NONBLOCK));
	CKPT_SETUP(fcntl(plain[0], F_SETPIPE_SZ, 256 << 10));
	ckpt_fill(data, BYTES, 1);
	CKPT_SETUP(write(plain[1], data, BYTES));
	int second_writer = CKPT_SETUP(dup(plain[1]));
	CKPT_SETUP(pipe2(packets, O_DIRECT | O_NONBLOCK));
	CKPT_SETUP(write(packets[1], "one", 3));
	CKPT_SETUP(write(packets[1], "three", 5));
	CKPT_SETUP(pipe(no_writer));
	CKPT_SETUP(write(no_writer[1], "rest", 4));
	close(no_writer[1]);
	CKPT_SETUP(pipe(no_reader));
	close(no_reader[0]);

	ckpt_ready();

	char c;
	int status;
	CKPT_CHECK(fcntl(plain[0], F_GETPIPE_SZ) == 256 << 10, "the size is %d",
		   fcntl(plain[0], F_GETPIPE_SZ));
	CKPT_CHECK(read(plain[0], got, sizeof(got)) == BYTES && ckpt_filled(got, BYTES, 1),
		   "the content is another");
	CKPT_CHECK(read(plain[0], got, 1) < 0 && errno == EAGAIN, "there is more than there was");
	CKPT_CHECK(write(second_writer, "x", 1) == 1 && read(plain[0], &c, 1) == 1,
		   "it does not work");
	close(plain[1]);
	CKPT_CHECK(read(plain[0], &c, 1) < 0 && errno == EAGAIN, "end of file with a writer left");
	close(second_writer);
	CKPT_CHECK(read(plain[0], &c, 1) == 0, "no end of file: somebody else holds the end");
	CKPT_CHECK(fcntl(packets[1], F_GETFL) & O_DIRECT, "the packet mode is lost");
	CKPT_CHECK(read(packets[0], got, 100) == 3 && read(packets[0], got, 100) == 5,
		   "packets have other bounds");
	CKPT_CHECK(read(no_writer[0], got, 100) == 4 && read(no_writer[0], got, 100) == 0,
		   "the pipe without writer");
	CKPT_CHECK(write(no_reader[1], "x", 1) < 0 && errno == EPIPE, "the pipe without reader");
	CKPT_CHECK(write(to_child[1], "?", 1) == 1 && read(from_child[0], &c, 1) == 1 && c == '?',
		   "the child does not answer");
	close(to_child[1]);
	CKPT_CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %#x",
		   (unsigned)status);
	ckpt_pass();
}
