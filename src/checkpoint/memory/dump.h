/* SPDX-License-Identifier: Apache-2.0 */
/* dump.h - what a dump remembers from one address space to the next. Of this room alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "checkpoint/memory/maps.h"
#include "checkpoint/memory/memory.h"
#include "checkpoint/memory/memory_record.h"

#define DUMP_BUFFER (1u << 20) /* stays in the cache; larger ones are slower */

/* A mapped file: mappings of any task with the same ones are the same object. */
struct mapped_file {
	uint64_t dev, ino;
	int mode;    /* O_RDONLY or O_RDWR */
	uint64_t id; /* the open file's; 0: it was refused */
};

/* The same, known by what maps tells, where map_files is closed to us. */
struct mapped_seen {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *name;
	int mode;
	uint64_t id;
};

/* A memfd in the place of memory that nobody can open: stand_in.c. */
struct stand_in {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	int fd;
	uint64_t size;
	struct content_range {
		uint64_t from, to;
	} * copied; /* what of it is in there */
	size_t n_copied;
};

/* A vdso that has its record. */
struct vdso_seen {
	uint64_t id;
	struct vdso_record record;
};

/* An address space that was collected: where its pages went. */
struct space_seen {
	uint64_t mm;
	pid_t pid;
	const struct mapping_pages *pages; /* ascending */
	size_t n_pages;
};

struct memory_dump {
	struct arena arena;
	uint8_t *buffer, *other; /* DUMP_BUFFER bytes */
	struct mapped_file *files;
	size_t n_files;
	struct mapped_seen *seen;
	size_t n_seen;
	struct stand_in *stand_ins;
	size_t n_stand_ins;
	struct vdso_seen *vdsos;
	size_t n_vdsos;
	struct space_seen *spaces;
	size_t n_spaces;
	uint64_t zero_page; /* offset of a page of zeroes in the image; 0: none yet */
};

/* "mapping 7f00-8000 (/dev/zero)" for messages and refusals. */
#define MAPPING_TEXT_SIZE 256
const char *mapping_text(const struct maps_entry *e, char *buf, size_t size);

/* Whether it cannot be carried: then that was said (refuse.c). */
bool mapping_refuse(struct collect *c, pid_t pid, const struct maps_entry *e);

/*
 * The open file behind a mapping, as an object of the dump (mapped_file.c). -errno only when
 * nothing can go on; what cannot be opened is refused, and 0.
 */
int64_t mapped_file_take(struct memory_dump *d, struct collect *c, pid_t pid,
			 const struct maps_entry *e, struct error *err) NODISCARD;
/*
 * Shared memory without a name that no descriptor leads to, where map_files is closed to us: a memfd of ours, of the same
 * content, takes its place (stand_in.c). Its descriptor, the caller's; -ENOENT: it is none that this can be done with.
 */
int stand_in_open(struct memory_dump *d, struct collect *c, pid_t pid, const struct maps_entry *e,
		  int mode, struct error *err) NODISCARD;
/* The program itself: /proc/PID/exe. */
int64_t mapped_file_take_exe(struct memory_dump *d, struct collect *c, pid_t pid, struct error *err)
	NODISCARD;

/* The numbers, the auxiliary vector, and what proc tells of the whole space: facts.c. */
int space_facts(struct collect *c, const struct memory_source *src, struct arena *arena,
		struct memory_record *ret, struct error *err) NODISCARD;
/* Pure: the numbers (but brk) of a text of /proc/PID/stat. -EINVAL. */
int numbers_parse(const char *stat, struct memory_numbers *ret) NODISCARD;
