/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_memory.c - probes of what checkpoints read and track memory with; see probe.h. The structures and
 * numbers are those of <linux/fs.h> and <linux/userfaultfd.h> of newer kernels than the headers we build with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/probe.h"

int probe_memfd(void)
{
	CLEANUP_FD int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0 ? -errno : 0;
}

/* --- userfaultfd --- */

struct uffd_api {
	uint64_t api, features, ioctls;
};
#define UFFD_API_VERSION      0xAAull
#define UFFD_IOC_API	      _IOWR(0xAA, 0x3F, struct uffd_api)
#define UFFD_ASK_WP_ASYNC     (1ull << 15)
#define UFFD_USER_FAULTS_ONLY 1

/* The kernel refuses (EINVAL) to start with a feature that it does not know. */
static int uffd_with(uint64_t features)
{
	CLEANUP_FD int fd =
		(int)syscall(SYS_userfaultfd, O_CLOEXEC | (geteuid() ? UFFD_USER_FAULTS_ONLY : 0));
	if (fd < 0)
		return -errno;
	struct uffd_api api = { .api = UFFD_API_VERSION, .features = features };
	return ioctl(fd, UFFD_IOC_API, &api) < 0 ? -errno : 0;
}

int probe_userfaultfd(void)
{
	return uffd_with(0);
}

int probe_uffd_wp_async(void)
{
	return uffd_with(UFFD_ASK_WP_ASYNC);
}

/* --- /proc/PID/pagemap, maps --- */

struct scan_region {
	uint64_t start, end, categories;
};
struct scan_args {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOC     _IOWR('f', 16, struct scan_args)
#define SCAN_PRESENT (1ull << 3)

/* One page that has been written to. NULL: no memory. */
static char *written_page(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	*(volatile char *)page = 1;
	return page;
}

static int scan_page(const char *page)
{
	CLEANUP_FD int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct scan_region region = { 0 };
	struct scan_args args = {
		.size = sizeof(args),
		.start = (uint64_t)(uintptr_t)page,
		.end = (uint64_t)(uintptr_t)page + (uint64_t)sysconf(_SC_PAGESIZE),
		.vec = (uint64_t)(uintptr_t)&region,
		.vec_len = 1,
		.category_mask = SCAN_PRESENT,
		.return_mask = SCAN_PRESENT,
	};
	int n = ioctl(fd, SCAN_IOC, &args);
	if (n < 0)
		return -errno;
	return n == 1 && region.start == args.start && region.end == args.end ? 0 : -ENOSYS;
}

int probe_pagemap_scan(void)
{
	char *page = written_page();
	if (!page)
		return -ENOMEM;
	int r = scan_page(page);
	(void)munmap(page, (size_t)sysconf(_SC_PAGESIZE));
	return r;
}

/* Bit 55 of the page's entry. 0, 1 or -errno. */
static int is_soft_dirty(int pagemap, const char *page)
{
	uint64_t entry;
	off_t at = (off_t)((uintptr_t)page / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof(entry));
	ssize_t n = pread(pagemap, &entry, sizeof(entry), at);
	return n == sizeof(entry) ? (int)(entry >> 55 & 1) : n < 0 ? -errno : -EIO;
}

/* A kernel without it accepts the write to clear_refs as well: only the bit tells. */
static int soft_dirty(void)
{
	CLEANUP_FD int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *page = written_page();
	if (pagemap < 0 || !page)
		return -errno;
	int r = file_write(AT_FDCWD, "/proc/self/clear_refs", "4");
	int clean = is_soft_dirty(pagemap, page);
	*(volatile char *)page = 2;
	int dirty = is_soft_dirty(pagemap, page);
	if (r < 0 || clean < 0 || dirty < 0)
		return r < 0 ? r : clean < 0 ? clean : dirty;
	return !clean && dirty ? 0 : -EOPNOTSUPP;
}

int probe_soft_dirty(void)
{
	return probe_in_child(soft_dirty, 0); /* clears the bits of all of its memory */
}

struct map_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define MAP_QUERY_IOC _IOWR('f', 17, struct map_query)

int probe_procmap_query(void)
{
	CLEANUP_FD int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	uint64_t here = (uint64_t)(uintptr_t)&fd;
	struct map_query q = { .size = sizeof(q), .query_addr = here };
	if (ioctl(fd, MAP_QUERY_IOC, &q) < 0)
		return -errno;
	return q.vma_start <= here && here < q.vma_end ? 0 : -ENOSYS;
}
