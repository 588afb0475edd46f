/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.c - which mappings cannot be carried, and what to say: a table and a few rules, see
 * dump.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/parse.h"
#include "checkpoint/memory/dump.h"
#include "checkpoint/memory/space.h"

static const struct {
	uint32_t flags;	    /* any of these, 0: whatever */
	const char *prefix; /* of the name, NULL: whatever */
	const char *why, *remedy;
} rows[] = {
	{ MAPS_UFFD, NULL, "it is registered with a userfaultfd",
	  "close the userfaultfd in the program first" },
	{ MAPS_SHADOW_STACK, NULL, "it is a shadow stack",
	  "start the program without: GLIBC_TUNABLES=glibc.cpu.x86_shstk=off" },
	{ MAPS_SYNC, NULL, "it is persistent memory (MAP_SYNC)", "map it without MAP_SYNC" },
	{ 0, "/[aio]", "it belongs to an asynchronous I/O context (io_setup)",
	  "make the program end its context first, or do without" },
	{ 0, "anon_inode:[io_uring]", "it is a ring of io_uring",
	  "make the program close it first, or do without io_uring" },
	{ 0, "anon_inode:", "it is no memory of the program but of the kernel",
	  "make the program unmap it first" },
	{ 0, "socket:", "it is a packet ring", "make the program unmap it first" },
	{ 0, "/secretmem", "nobody but the program may read it (memfd_secret)",
	  "do without secret memory" },
	{ 0, "/SYSV", "System V shared memory is not carried yet",
	  "make the program detach it first (shmdt)" },
	{ 0, "/proc/", "it is a file of /proc", "make the program unmap it first" },
	{ 0, "/sys/devices/system/cpu/", "it is a file of /sys",
	  "make the program unmap it first" },
	{ 0, "[uprobes]", "a probe is set in the program", "remove the uprobe" },
	{ MAPS_IO | MAPS_PFNMAP, NULL, "it is memory of a device",
	  "make the program unmap it first" },
};

/* Names in brackets are the kernel's. A mapping of its own that is not listed is unknown to us. */
static bool is_known_name(const char *name)
{
	static const char *const plain[] = { "[heap]", "[stack]" };
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (str_eq(name, plain[i]))
			return true;
	return name[0] != '[' || str_has_prefix(name, "[anon:") ||
	       str_has_prefix(name, "[anon_shmem:") || str_has_prefix(name, "[stack:");
}

bool mapping_refuse(struct collect *c, pid_t pid, const struct maps_entry *e)
{
	char text[MAPPING_TEXT_SIZE], why[128];
	(void)mapping_text(e, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].flags && !(e->flags & rows[i].flags))
			continue;
		if (rows[i].prefix && !str_has_prefix(e->name, rows[i].prefix))
			continue;
		(void)collect_refuse(c, pid, text, rows[i].why, rows[i].remedy);
		return true;
	}
	if (!is_known_name(e->name)) {
		(void)collect_refuse(c, pid, text, "this version does not know such a mapping",
				     "use a newer contexe");
		return true;
	}
	if (e->unknown[0]) {
		(void)snprintf(why, sizeof(why), "this version does not know its property \"%s\"",
			       e->unknown);
		(void)collect_refuse(c, pid, text, why, "use a newer contexe");
		return true;
	}
	/* a mapping that may only be executed has one that the kernel gave it, and will again */
	if (e->key && e->prot != PROT_EXEC) {
		(void)collect_refuse(c, pid, text, "it has a protection key (pkey_mprotect)",
				     "do without protection keys");
		return true;
	}
	if (e->start < SPACE_MIN) {
		(void)collect_refuse(c, pid, text, "it lies in the first 64 KiB of memory",
				     "map it elsewhere");
		return true;
	}
	return false;
}
