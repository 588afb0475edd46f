/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.h - the few bpf(2) calls that programs on control groups need: load, attach, query.
 *
 * File descriptors returned are the caller's (O_CLOEXEC as the kernel makes them). A program that is
 * attached lives on without its descriptor, as long as the group does.
 * Source: bpf(2); BPF_CGROUP_DEVICE Linux 4.15, BPF_F_REPLACE Linux 5.6.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/*
 * Loads a program (license "Apache-2.0": no GPL-only helper may be called). name: at most 15 characters
 * of [A-Za-z0-9_.], shown by bpftool. log, where not NULL, gets the verifier's words on failure.
 * The program's descriptor or -errno.
 */
int bpf_prog_load(enum bpf_prog_type type, enum bpf_attach_type attach_type, const char *name,
		  const struct bpf_insn *insns, size_t n_insns, char *log, size_t log_size)
	NODISCARD;

/*
 * Attaches a program to a group so that those of the groups above and other programs on the group count
 * too (BPF_F_ALLOW_MULTI). replace_fd >= 0: takes the place of that program in one step. 0 or -errno.
 */
int bpf_cgroup_attach(int cgroup_fd, int prog_fd, enum bpf_attach_type type, int replace_fd)
	NODISCARD;

int bpf_cgroup_detach(int cgroup_fd, int prog_fd, enum bpf_attach_type type) NODISCARD;

/* Ids of the programs attached to that very group. How many (at most max) or -errno. */
int bpf_cgroup_query(int cgroup_fd, enum bpf_attach_type type, uint32_t *ids, size_t max) NODISCARD;

/* A descriptor of a loaded program and its name (BPF_OBJ_NAME_LEN bytes). fd or -errno. */
int bpf_prog_open(uint32_t id, char *ret_name) NODISCARD;
