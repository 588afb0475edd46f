/* SPDX-License-Identifier: Apache-2.0 */
/* defaults.h - what a container is when nothing is said: mounts, masks, device rules, environment. */
#pragma once

#include <stdbool.h>

#include "spec/spec.h"

#define DEFAULT_PATH	   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_PIDS_LIMIT 4096
#define DEFAULT_SHM_SIZE   (64u << 20)

/* Adds a mount; options end with NULL. */
void default_mount(struct spec *s, const char *destination, const char *type, const char *source,
		   const char *const *options);
/* /proc, /dev and what is in it, /sys, /run. own_ipc: a /dev/shm and mqueue of its own. */
void default_mounts(struct spec *s, bool own_ipc, uint64_t shm_size, bool run_tmpfs,
		    bool writable_cgroup, bool writable_sys);
void default_masks(struct spec *s);
/* The device control group: nothing but the harmless nodes, and making (not opening) any. */
void default_device_rules(struct spec *s);
void device_rule(struct spec *s, bool allow, const char *type, int64_t major, int64_t minor,
		 const char *access);
