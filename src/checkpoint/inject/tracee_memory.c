/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_memory.c - the memory of a stopped thread. See tracee.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/inject/tracee.h"

/* process_vm_readv(2) and its twin move whole pages at a time, and respect protections ... */
static size_t move_fast(const struct tracee *t, uint64_t addr, void *buf, size_t size, bool write)
{
	struct iovec here = { buf, size }, there = { (void *)(uintptr_t)addr, size };
	ssize_t n = write ? process_vm_writev(t->tgid, &here, 1, &there, 1, 0)
			  : process_vm_readv(t->tgid, &here, 1, &there, 1, 0);
	return n < 0 ? 0 : (size_t)n;
}

/* ... /proc/PID/mem does not, for a tracer: PROT_NONE is read, code is written to (as a private copy). */
static int move_mem(const struct tracee *t, uint64_t addr, void *buf, size_t size, bool write)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)t->tid);
	CLEANUP_FD int fd = open(path, (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		uint8_t *p = (uint8_t *)buf + done;
		ssize_t n = write ? pwrite(fd, p, size - done, (off_t)(addr + done))
				  : pread(fd, p, size - done, (off_t)(addr + done));
		if (n <= 0)
			return n == 0 || errno == EIO ? -EFAULT : -errno;
		done += (size_t)n;
	}
	return 0;
}

static int move(const struct tracee *t, uint64_t addr, void *buf, size_t size, bool write)
{
	size_t done = move_fast(t, addr, buf, size, write);
	return done == size ? 0
			    : move_mem(t, addr + done, (uint8_t *)buf + done, size - done, write);
}

int tracee_read(const struct tracee *t, uint64_t addr, void *buf, size_t size)
{
	return move(t, addr, buf, size, false);
}

int tracee_write(const struct tracee *t, uint64_t addr, const void *buf, size_t size)
{
	return move(t, addr, (void *)(uintptr_t)buf, size, true);
}
