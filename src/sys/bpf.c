/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.c - see bpf.h. union bpf_attr grows with the headers; only the part that each command knows is
 * passed, so that kernels older than the headers take it.
 */
#include "sys/bpf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define SIZE_UP_TO(member)                                                                         \
	(offsetof(union bpf_attr, member) + sizeof(((union bpf_attr *)0)->member))

static uint64_t ptr_u64(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr, size_t size)
{
	long r = syscall(SYS_bpf, cmd, attr, size);
	return r < 0 ? -errno : (int)r;
}

int bpf_prog_load(enum bpf_prog_type type, enum bpf_attach_type attach_type, const char *name,
		  const struct bpf_insn *insns, size_t n_insns, char *log, size_t log_size)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.insns = ptr_u64(insns);
	attr.insn_cnt = (uint32_t)n_insns;
	attr.license = ptr_u64("Apache-2.0");
	(void)snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);

	int fd;
	for (int i = 0; i < 5; i++) { /* EAGAIN: a signal came while the verifier ran */
		fd = sys_bpf(BPF_PROG_LOAD, &attr, SIZE_UP_TO(expected_attach_type));
		if (fd != -EAGAIN)
			break;
	}
	if (fd >= 0 || !log || log_size == 0)
		return fd;
	log[0] = '\0';
	attr.log_level = 1;
	attr.log_buf = ptr_u64(log);
	attr.log_size = (uint32_t)log_size;
	return sys_bpf(BPF_PROG_LOAD, &attr, SIZE_UP_TO(expected_attach_type));
}

int bpf_cgroup_attach(int cgroup_fd, int prog_fd, enum bpf_attach_type type, int replace_fd)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = type;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replace_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace_fd;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr, SIZE_UP_TO(replace_bpf_fd));
}

int bpf_cgroup_detach(int cgroup_fd, int prog_fd, enum bpf_attach_type type)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = type;
	return sys_bpf(BPF_PROG_DETACH, &attr, SIZE_UP_TO(attach_type));
}

int bpf_cgroup_query(int cgroup_fd, enum bpf_attach_type type, uint32_t *ids, size_t max)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = type;
	attr.query.prog_ids = ptr_u64(ids);
	attr.query.prog_cnt = (uint32_t)max;
	int r = sys_bpf(BPF_PROG_QUERY, &attr, SIZE_UP_TO(query.prog_cnt));
	if (r < 0 && r != -ENOSPC) /* ENOSPC: more than max; the first ones are in ids */
		return r;
	return (int)(attr.query.prog_cnt < max ? attr.query.prog_cnt : max);
}

int bpf_prog_open(uint32_t id, char *ret_name)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	CLEANUP_FD int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, SIZE_UP_TO(open_flags));
	if (fd < 0)
		return fd;

	struct bpf_prog_info info;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = ptr_u64(&info);
	int r = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, SIZE_UP_TO(info));
	if (r < 0)
		return r;
	memcpy(ret_name, info.name, BPF_OBJ_NAME_LEN);
	return take_fd(&fd);
}
