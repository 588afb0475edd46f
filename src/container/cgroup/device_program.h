/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_program.h - from an ordered list of device rules to an eBPF program that decides like it. Pure.
 *
 * Each of read, write and mknod is decided by the last rule that matches the device and names it; what
 * no rule names is allowed (the groups above still have their say), so a list begins with "deny all".
 */
#pragma once

#include <linux/bpf.h>

#include "container/cgroup/cgroup.h"

/* Device numbers as the kernel has them in memory (12 and 20 bits). */
#define DEVICE_MAJOR_MAX 0xfff
#define DEVICE_MINOR_MAX 0xfffff

/* A rule with everything resolved. */
struct device_rule {
	bool allow;
	unsigned type;	  /* BPF_DEVCG_DEV_*, 0: both */
	unsigned access;  /* BPF_DEVCG_ACC_* */
	int major, minor; /* -1: any */
};

/* Checks and resolves one rule; -EINVAL with the rule in err. */
int device_rule_read(const struct spec_device_rule *rule, struct device_rule *ret,
		     struct error *err) NODISCARD;

/* Whether the rule is about every device and every access. */
bool device_rule_is_total(const struct device_rule *r);

/* The program for attachment to BPF_CGROUP_DEVICE, malloc'ed. 0 or -EINVAL. */
int device_program(const struct spec_device_rule *rules, size_t n, struct bpf_insn **ret,
		   size_t *ret_n, struct error *err) NODISCARD;
