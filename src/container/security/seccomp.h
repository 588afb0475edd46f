/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.h - what the seccomp files of this room share; private to it.
 *
 *   seccomp.c           spec -> filter: flags, cache or compiler
 *   seccomp_words.c     a profile's words (actions, operators, architectures, flags)
 *   seccomp_compile.c   libseccomp: rules -> BPF, with the prologue in front
 *   seccomp_prologue.c  BPF of our own: calls unknown to libseccomp, ENOSYS for newer ones
 *   seccomp_shrink.c    the same filter by fewer instructions
 *   seccomp_number.c    numbers of system calls that libseccomp may not know yet
 *   seccomp_cache.c     compiled filters on disk
 *   seccomp_default.c   the default allow-list
 *   seccomp_profile.c   profiles as JSON
 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#include "base/buf.h"
#include "container/security/security.h"

struct filter {
	struct sock_filter *insn; /* in an arena, NULL: none */
	unsigned short len;
};

/*
 * Sets ret's filter, filter_len, seccomp_flags and filter_from_cache from linux.seccomp. With
 * contexe.default_seccomp that need hold but the frame of the default list; the list is filled in if it must.
 */
int seccomp_prepare(struct spec *spec, const char *cache_dir, struct arena *arena,
		    struct security *ret, struct error *err) NODISCARD;

/* ---- default list ---- */
/* Its action and architectures without its rules: security_default_seccomp() has both. */
void seccomp_default_frame(struct spec *spec);
/* All that its rules depend on. */
void seccomp_default_key(const struct spec *spec, struct buf *key);

/* ---- words ---- */
/*
 * SECCOMP_RET_* with its data (libseccomp's SCMP_ACT_* are the same numbers). errno_ret not set:
 * EPERM.
 */
int seccomp_action(const char *name, const struct opt_u64 *errno_ret, uint32_t *ret,
		   struct error *err) NODISCARD;
int seccomp_operator(const char *name, struct error *err) NODISCARD; /* enum scmp_compare */
/* SCMP_ARCH_* token of a name such as "SCMP_ARCH_X86_64". */
int seccomp_arch(const char *name, uint32_t *ret, struct error *err) NODISCARD;
/* SECCOMP_FILTER_FLAG_* bits of the names; TSYNC is left out: the process has one thread. */
int seccomp_filter_flags(const struct strings *names, unsigned *ret, struct error *err) NODISCARD;

/* ---- compiler ---- */
/* The architectures of a profile: the native one first, each once. */
#define SECCOMP_MAX_ARCHS 8
struct archs {
	uint32_t token[SECCOMP_MAX_ARCHS];
	size_t n;
};
int seccomp_archs(const struct spec_seccomp *sc, struct archs *ret, struct error *err) NODISCARD;
int seccomp_compile(const struct spec_seccomp *sc, const struct archs *archs, struct arena *arena,
		    struct filter *ret, struct error *err) NODISCARD;

/* ---- prologue ---- */
/*
 * Instructions to stand before the filter that libseccomp makes of sc; they fall through to it.
 * Only what the kernel can decide by number and architecture alone, so that its bitmap of allowed
 * calls (Linux 5.11) still works. default_action: as seccomp_action() gives it. Appends to out.
 */
int seccomp_prologue(const struct spec_seccomp *sc, const struct archs *archs,
		     uint32_t default_action, struct buf *out, struct error *err) NODISCARD;

/* ---- shrink ---- */
/* Replaces a program (struct sock_filter) by a shorter one that decides the same, where it can. */
void seccomp_shrink(struct buf *program);

/* ---- numbers ---- */
/* The number of a call that came after 5.17, or -1. x32 numbers come without their bit 30. */
int seccomp_number(const char *name, uint32_t arch_token);
/* By libseccomp or else by the table; -1 when there is no such call on that architecture. */
int seccomp_resolve(const char *name, uint32_t arch_token);

/* ---- cache ---- */
/* key: all that determines the filter. Loads only what is ours, whole and of that very key.
 * 0, -ENOENT (not there) or -errno (there, but not to be trusted). */
int seccomp_cache_load(const char *dir, const struct buf *key, struct arena *arena,
		       struct filter *ret) NODISCARD;
int seccomp_cache_store(const char *dir, const struct buf *key, const struct filter *filter)
	NODISCARD;
