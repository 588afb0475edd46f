/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - the probes behind features.h, one function each, and the child that the dangerous ones run in.
 * Every probe returns 0 when the thing works and -errno when not, and leaves nothing behind.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

/*
 * Runs a probe in a child that has first unshared `namespaces` (CLONE_NEW*; 0: none), with CLONE_NEWUSER
 * added and our own ids mapped to 0 when we are not root. Mounts in it are private. The child dies with
 * us or after five seconds (-ETIMEDOUT). It is not seen by the caller's SIGCHLD handler or wait(-1). Since
 * the caller may have threads, the probe must not allocate memory. What the probe returns, or -errno
 * (-EPERM when a seccomp filter killed it, -EIO when something else did).
 */
int probe_in_child(int (*probe)(void), uint64_t namespaces) NODISCARD;

/* For use in such a child: a new user namespace in which our ids are 0. 0 or -errno. */
int probe_enter_userns(uint64_t more_namespaces) NODISCARD;

/* For use in such a child: a fork that nobody's SIGCHLD hears of; wait for it with probe_wait(). */
int probe_fork(void) NODISCARD;
int probe_wait(int pid); /* its exit status, or -EINTR for a signal, or -errno */

int probe_clone3(void);
int probe_set_tid(void);
int probe_pidfd_open(void);
int probe_pidfd_getfd(void);
int probe_pidfd_info(void);
int probe_pidfd_namespaces(void);
int probe_setns_pidfd(void);
int probe_userns(void);
int probe_userns_unprivileged(void);
int probe_timens(void);
int probe_timer_ids(void);
int probe_ptrace_rseq(void);
int probe_io_uring(void);

int probe_openat2(void);
int probe_mount_api(void);
int probe_mount_setattr(void);
int probe_idmap(void);
int probe_overlay(void);
int probe_overlay_userns(void);
int probe_fuse(void);

int probe_cgroup2(void);
int probe_cgroup2_controllers(void);
int probe_cgroup1(void);
int probe_cgroup_freeze(void);
int probe_cgroup_kill(void);
int probe_clone_into_cgroup(void);

int probe_bpf_device(void);
int probe_seccomp(void);
int probe_seccomp_notify(void);
int probe_landlock(void);
int probe_apparmor(void);
int probe_selinux(void);
int probe_newuidmap(void);
int probe_newgidmap(void);

int probe_veth(void);
int probe_bridge(void);
int probe_nftables(void);
int probe_tcp_repair(void);

int probe_memfd(void);
int probe_userfaultfd(void);
int probe_uffd_wp_async(void);
int probe_pagemap_scan(void);
int probe_soft_dirty(void);
int probe_procmap_query(void);
