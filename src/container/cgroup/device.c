/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - see device.h. */
#include "container/cgroup/device.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "container/cgroup/device_program.h"
#include "sys/bpf.h"

#define PROGRAM_NAME "contexe_device"
#define MAX_PROGRAMS 64

/* Root in the initial user namespace, whose map is the whole range. */
static bool is_privileged(void)
{
	char map[128];
	unsigned inside, outside, count;
	return geteuid() == 0 &&
	       file_read_line(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0 &&
	       sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

/* ---- v2 ---- */

/* Our program on the group from before, or FD_NONE. */
static int old_program(int group_fd)
{
	uint32_t ids[MAX_PROGRAMS];
	int n = bpf_cgroup_query(group_fd, BPF_CGROUP_DEVICE, ids, MAX_PROGRAMS);
	for (int i = 0; i < n; i++) {
		char name[BPF_OBJ_NAME_LEN];
		CLEANUP_FD int fd = bpf_prog_open(ids[i], name);
		if (fd >= 0 && !strcmp(name, PROGRAM_NAME))
			return take_fd(&fd);
	}
	return FD_NONE;
}

static void free_insns(struct bpf_insn **insns)
{
	free(*insns);
}

static int apply_v2(const struct group *g, bool fresh, const struct spec_device_rule *rules,
		    size_t n, struct error *err)
{
	CLEANUP(free_insns) struct bpf_insn *insns = NULL;
	size_t n_insns = 0;
	int r = device_program(rules, n, &insns, &n_insns, err);
	if (r < 0)
		return r;
	char log[256];
	CLEANUP_FD int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE,
					  PROGRAM_NAME, insns, n_insns, log, sizeof(log));
	if (fd < 0) {
		error_sys(err, -fd, "the kernel did not load the program of %zu device rules", n);
		return error_object(err, "%s", g->dir);
	}
	CLEANUP_FD int old = fresh ? FD_NONE : old_program(g->fd);
	r = bpf_cgroup_attach(g->fd, fd, BPF_CGROUP_DEVICE, old);
	if (r < 0) {
		error_sys(err, -r, "the kernel did not attach the device rules");
		error_object(err, "%s", g->dir);
		if (r == -EPERM)
			error_hint(err, "a group above has a device program that allows no other");
	}
	return r;
}

/* ---- v1 ---- */

static int write_v1(const struct group *g, bool allow, const char *text, struct error *err)
{
	const char *file = allow ? "devices.allow" : "devices.deny";
	int r = file_write(g->fd, file, text);
	if (r == 0)
		return 0;
	error_sys(err, -r, "the kernel refused the device rule \"%s\"", text);
	error_object(err, "%s/%s", g->dir, file);
	if (r == -EPERM)
		error_hint(err, "a group may not allow what the group above it denies");
	return r;
}

/* "c 1:3 rwm". The kernel takes type `a` for everything, whatever follows: both types are said then. */
static int apply_v1_rule(const struct group *g, const struct spec_device_rule *rule,
			 struct error *err)
{
	struct device_rule r;
	int e = device_rule_read(rule, &r, err);
	if (e < 0)
		return e;
	if (device_rule_is_total(&r))
		return write_v1(g, r.allow, "a", err);
	static const struct {
		unsigned type;
		char letter;
	} types[] = { { BPF_DEVCG_DEV_BLOCK, 'b' }, { BPF_DEVCG_DEV_CHAR, 'c' } };
	for (size_t i = 0; i < ARRAY_SIZE(types) && e == 0; i++) {
		if (r.type && r.type != types[i].type)
			continue;
		char major[16] = "*", minor[16] = "*", text[64];
		if (r.major >= 0)
			(void)snprintf(major, sizeof(major), "%d", r.major);
		if (r.minor >= 0)
			(void)snprintf(minor, sizeof(minor), "%d", r.minor);
		(void)snprintf(text, sizeof(text), "%c %s:%s %s%s%s", types[i].letter, major, minor,
			       r.access & BPF_DEVCG_ACC_READ ? "r" : "",
			       r.access & BPF_DEVCG_ACC_WRITE ? "w" : "",
			       r.access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
		e = write_v1(g, r.allow, text, err);
	}
	return e;
}

static int apply_v1(struct cgroup *cg, const struct hierarchy *h,
		    const struct spec_device_rule *rules, size_t n, struct error *err)
{
	int r = cgroup_add_group(cg, h, err);
	const struct group *g = cgroup_group_v1(cg, CTL_DEVICES);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = apply_v1_rule(g, &rules[i], err);
	return r;
}

/* ---- */

int device_apply(struct cgroup *cg, bool fresh, const struct spec_device_rule *rules, size_t n,
		 struct error *err)
{
	if (n == 0 || !is_privileged())
		return 0;
	const struct group *v2 = cgroup_group_v2(cg);
	const struct hierarchy *v1 = layout_v1(layout_get(), CTL_DEVICES);
	if (v2 && !cgroup_group_v1(cg, CTL_DEVICES)) {
		int r = apply_v2(v2, fresh, rules, n, err);
		bool not_here = r == -ENOSYS || r == -EPERM || r == -EOPNOTSUPP;
		if (r == 0 || !v1 || !not_here)
			return r;
		error_clear(err);
	}
	if (v1)
		return apply_v1(cg, v1, rules, n, err);
	error_set(err, EOPNOTSUPP,
		  "device rules were asked for, but there is no control group "
		  "to hold them here");
	return error_hint(err, "mount cgroup2, or the v1 controller devices, writable");
}
