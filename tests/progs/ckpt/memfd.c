/* SPDX-License-Identifier: Apache-2.0 */
/* memfd.c - memory files: content, holes, seals, name, mappings that share it, a read-only second open. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ckpt.h"

#define SIZE (4 << 20)

int main(void)
{
	char path[64], link[64] = "";
	int fd = CKPT_SETUP(memfd_create("the name", MFD_ALLOW_SEALING));
	CKPT_SETUP(ftruncate(fd, SIZE));
	uint8_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		ckpt_no_setup("mmap: %s", strerror(errno));
	ckpt_fill(map + 8000, 100000, 5);
	CKPT_SETUP(lseek(fd, 99, SEEK_SET));
	CKPT_SETUP(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = CKPT_SETUP(open(path, O_RDONLY));
	int sealed = CKPT_SETUP(memfd_create("sealed", MFD_ALLOW_SEALING));
	CKPT_SETUP(write(sealed, "const", 5));
	CKPT_SETUP(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));

	ckpt_ready();

	uint8_t c;
	struct stat st;
	CKPT_CHECK(ckpt_filled(map + 8000, 100000, 5), "the mapping has other content");
	CKPT_CHECK(pread(reader, &c, 1, 8000) == 1 && c == map[8000], "the file has other content");
	map[7] = 42;
	CKPT_CHECK(pread(reader, &c, 1, 7) == 1 && c == 42, "mapping and file became two");
	CKPT_CHECK(pwrite(fd, "+", 1, 9) == 1 && map[9] == '+', "file and mapping became two");
	CKPT_CHECK(lseek(fd, 0, SEEK_CUR) == 99 && lseek(reader, 0, SEEK_CUR) == 0, "positions");
	CKPT_CHECK(pwrite(reader, "x", 1, 0) < 0 && errno == EBADF, "the reader can write");
	CKPT_CHECK(fstat(fd, &st) == 0 && st.st_size == SIZE && st.st_blocks * 512 < SIZE,
		   "%ld bytes in %ld blocks", (long)st.st_size, (long)st.st_blocks);
	CKPT_CHECK(ftruncate(fd, SIZE + 1) < 0 && ftruncate(fd, 1) < 0, "the seals are lost");
	CKPT_CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0, "no more seals: %s", strerror(errno));
	CKPT_CHECK(pwrite(sealed, "x", 1, 0) < 0 && errno == EPERM, "F_SEAL_WRITE is lost");
	CKPT_CHECK(fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW) < 0, "F_SEAL_SEAL is lost");
	CKPT_CHECK(readlink(path, link, sizeof(link) - 1) > 0 &&
			   strcmp(link, "/memfd:the name (deleted)") == 0,
		   "the name is %s", link);
	ckpt_pass();
}
