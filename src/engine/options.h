/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the options of `run` and `create` (and contexe_spec_set()): one table, name -> function.
 * The table is in options.c; the setters beside it by group: options_program.c, options_files.c,
 * options_isolation.c, options_ids.c, options_limits.c.
 */
#pragma once

#include "engine/handle.h"

struct option_row {
	struct contexe_option pub;
	/* value is never NULL but for switches given bare; 0 or -EINVAL (err: why and hint) */
	int (*set)(struct contexe_spec *s, const char *value, struct error *err);
};

/* Finds a row by name; NULL. */
const struct option_row *option_find(const char *name);

/* Notes that an option was given; value NULL for a switch. */
void option_given(struct contexe_spec *s, const char *option, const char *value);

/* An error of what options became, which names a place in the configuration, names the option instead. */
void options_blame(const struct contexe_spec *s, struct error *err);

/* Switches: NULL, "true", "yes", "1" or "false", "no", "0". */
int option_bool(const char *value, bool *ret, struct error *err) NODISCARD;

typedef int option_setter(struct contexe_spec *s, const char *value, struct error *err);

/* options_program.c */
option_setter opt_name, opt_number, opt_label, opt_env, opt_env_file, opt_workdir, opt_user,
	opt_group_add, opt_entrypoint, opt_tty, opt_interactive, opt_detach_keys, opt_init,
	opt_restart, opt_rm, opt_stop_signal, opt_stop_timeout, opt_log, opt_log_max, opt_ulimit,
	opt_oom_score_adj;
/* options_files.c */
option_setter opt_host, opt_rootfs, opt_image, opt_read_only, opt_overlay, opt_volume, opt_tmpfs,
	opt_device, opt_shm_size;
/* options_isolation.c */
option_setter opt_hostname, opt_share, opt_join, opt_network, opt_cap_add, opt_cap_drop,
	opt_privileged, opt_new_privs, opt_seccomp, opt_apparmor, opt_selinux, opt_unmask, opt_mask,
	opt_proc_view, opt_sysctl, opt_delegate, opt_cgroup_path, opt_security_opt;
/* options_ids.c */
option_setter opt_uid_map, opt_gid_map, opt_auto_userns, opt_time_offset;
/* options_limits.c */
option_setter opt_memory, opt_memory_swap, opt_memory_reservation, opt_cpus, opt_cpu_shares,
	opt_cpu_quota, opt_cpu_period, opt_cpuset_cpus, opt_cpuset_mems, opt_pids_limit,
	opt_io_weight, opt_read_bps, opt_write_bps, opt_read_iops, opt_write_iops, opt_hugetlb,
	opt_unified;
