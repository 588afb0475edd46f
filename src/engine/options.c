/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - the table. See options.h. */
#include "engine/options.h"

#include <string.h>

#include "base/parse.h"

#define PROGRAM	  "Program"
#define LIFE	  "Life"
#define FILES	  "Files"
#define ISOLATION "Isolation"
#define LIMITS	  "Limits"

static const struct option_row rows[] = {
	{ { "name", 'n', "NAME", LIFE, "name of the container (default: cont_N)", NULL },
	  opt_name },
	{ { "number", 'j', "N", LIFE, "number of the container (default: the next free one)",
	    NULL },
	  opt_number },
	{ { "rm", 0, NULL, LIFE, "remove the container when it ends", NULL }, opt_rm },
	{ { "restart", 0, "POLICY", LIFE, "no, always, on-failure[:N], unless-stopped",
	    "no always on-failure unless-stopped" },
	  opt_restart },
	{ { "stop-signal", 0, "SIGNAL", LIFE, "what `stop` sends (default: TERM)", "signal" },
	  opt_stop_signal },
	{ { "stop-timeout", 0, "SECONDS", LIFE, "how long `stop` waits before KILL (default: 10)",
	    NULL },
	  opt_stop_timeout },
	{ { "init", 0, "contexe|none", LIFE, "pid 1: contexe-init (default), or the program itself",
	    "contexe none" },
	  opt_init },
	{ { "log", 0, "file|none|passthrough", LIFE,
	    "keep the output (default), or not, or hand our own descriptors in",
	    "file none passthrough" },
	  opt_log },
	{ { "log-max", 0, "SIZE", LIFE, "bytes of output kept before it is rotated (default: 16m)",
	    NULL },
	  opt_log_max },
	{ { "label", 'l', "KEY=VALUE", LIFE, "an annotation to keep with the container", NULL },
	  opt_label },

	{ { "tty", 't', NULL, PROGRAM, "give it a terminal", NULL }, opt_tty },
	{ { "interactive", 'i', NULL, PROGRAM, "keep its standard input open", NULL },
	  opt_interactive },
	{ { "detach-keys", 0, "KEYS", PROGRAM,
	    "keys that leave it running (default: ctrl-p,ctrl-q)", NULL },
	  opt_detach_keys },
	{ { "env", 'e', "NAME[=VALUE]", PROGRAM, "an environment variable; without a value: ours",
	    NULL },
	  opt_env },
	{ { "env-file", 0, "FILE", PROGRAM, "environment variables, one a line", "file" },
	  opt_env_file },
	{ { "workdir", 'w', "DIR", PROGRAM, "working directory inside", NULL }, opt_workdir },
	{ { "user", 'u', "USER[:GROUP]", PROGRAM,
	    "who it runs as: names of the container, or numbers", NULL },
	  opt_user },
	{ { "group-add", 0, "GROUP", PROGRAM, "one more group", NULL }, opt_group_add },
	{ { "entrypoint", 0, "PROGRAM", PROGRAM, "instead of the image's entrypoint", NULL },
	  opt_entrypoint },
	{ { "ulimit", 0, "NAME=SOFT[:HARD]", PROGRAM, "a resource limit: nofile=1024:4096", NULL },
	  opt_ulimit },
	{ { "oom-score-adj", 0, "N", PROGRAM, "-1000..1000, who dies first when memory is short",
	    NULL },
	  opt_oom_score_adj },

	{ { "host", 0, NULL, FILES, "this machine's own tree under a private layer (default)",
	    NULL },
	  opt_host },
	{ { "rootfs", 0, "DIR", FILES, "this directory as root", "dir" }, opt_rootfs },
	{ { "image", 0, "NAME", FILES, "an imported image as root (see `contexe image`)", "image" },
	  opt_image },
	{ { "read-only", 0, NULL, FILES, "nothing can be written to the root", NULL },
	  opt_read_only },
	{ { "overlay", 0, NULL, FILES,
	    "with --rootfs: leave DIR as it is, keep changes in a private layer", NULL },
	  opt_overlay },
	{ { "volume", 'v', "SRC:DST[:OPTIONS]", FILES,
	    "show a file or directory inside; options ro, nosuid, ...", "file" },
	  opt_volume },
	{ { "tmpfs", 0, "DIR[:OPTIONS]", FILES, "an empty directory in memory: /scratch:size=64m",
	    NULL },
	  opt_tmpfs },
	{ { "device", 0, "PATH[:PATH][:rwm]", FILES, "a device of the machine", "file" },
	  opt_device },
	{ { "shm-size", 0, "SIZE", FILES, "size of /dev/shm (default: 64m)", NULL }, opt_shm_size },

	{ { "hostname", 0, "NAME", ISOLATION, "host name (default: the container's name)", NULL },
	  opt_hostname },
	{ { "share", 0, "NS", ISOLATION, "do not separate: pid, net, ipc, uts, cgroup",
	    "pid net ipc uts cgroup" },
	  opt_share },
	{ { "join", 0, "CONTAINER:NS", ISOLATION, "a namespace of another container",
	    "container:ns" },
	  opt_join },
	{ { "network", 0, "MODE", ISOLATION, "none (own loopback, default), host, container:NAME",
	    "network" },
	  opt_network },
	{ { "uid-map", 0, "INSIDE:OUTSIDE:COUNT", ISOLATION, "a user namespace with these uids",
	    NULL },
	  opt_uid_map },
	{ { "gid-map", 0, "INSIDE:OUTSIDE:COUNT", ISOLATION, "the same for gids (default: as uids)",
	    NULL },
	  opt_gid_map },
	{ { "auto-userns", 0, NULL, ISOLATION,
	    "a user namespace with ids that no other container has; =SIZE of them (65536)", NULL },
	  opt_auto_userns },
	{ { "time-offset", 0, "CLOCK=DURATION,...", ISOLATION,
	    "set clocks forth or back: monotonic=1h,boottime=-30s", "monotonic= boottime=" },
	  opt_time_offset },
	{ { "cap-add", 0, "CAP", ISOLATION, "one more capability, or ALL", NULL }, opt_cap_add },
	{ { "cap-drop", 0, "CAP", ISOLATION, "one capability less, or ALL", NULL }, opt_cap_drop },
	{ { "privileged", 0, NULL, ISOLATION, "all capabilities and devices, no filter, no masks",
	    NULL },
	  opt_privileged },
	{ { "new-privileges", 0, NULL, ISOLATION, "let set-uid programs work", NULL },
	  opt_new_privs },
	{ { "seccomp", 0, "FILE|default|none", ISOLATION, "filter of system calls", "file" },
	  opt_seccomp },
	{ { "apparmor", 0, "PROFILE", ISOLATION, "AppArmor profile", NULL }, opt_apparmor },
	{ { "selinux", 0, "LABEL", ISOLATION, "SELinux label", NULL }, opt_selinux },
	{ { "security-opt", 0, "OPTION", ISOLATION,
	    "as podman has it: seccomp=F, apparmor=P, label=L, "
	    "no-new-privileges[=false], mask=P, unmask=P|ALL",
	    NULL },
	  opt_security_opt },
	{ { "mask", 0, "PATH", ISOLATION, "hide one more path", NULL }, opt_mask },
	{ { "unmask", 0, "PATH|ALL", ISOLATION, "do not hide a path of /proc or /sys", NULL },
	  opt_unmask },
	{ { "proc-view", 0, "auto|on|off", ISOLATION,
	    "/proc tells of the container's own processors, memory, load, ...", "auto on off" },
	  opt_proc_view },
	{ { "sysctl", 0, "KEY=VALUE", ISOLATION, "a sysctl of the container's namespaces", NULL },
	  opt_sysctl },
	{ { "delegate", 0, NULL, ISOLATION, "let the container manage control groups below its own",
	    NULL },
	  opt_delegate },
	{ { "cgroup-path", 0, "PATH", ISOLATION, "make its control group here", NULL },
	  opt_cgroup_path },

	{ { "memory", 'm', "SIZE", LIMITS, "memory at most: 512m, 2g", NULL }, opt_memory },
	{ { "memory-swap", 0, "SIZE|-1", LIMITS, "memory and swap together at most", NULL },
	  opt_memory_swap },
	{ { "memory-reservation", 0, "SIZE", LIMITS,
	    "memory that is left to it when memory is short", NULL },
	  opt_memory_reservation },
	{ { "cpus", 0, "N", LIMITS, "processors at most: 1.5", NULL }, opt_cpus },
	{ { "cpu-shares", 0, "N", LIMITS, "weight against others, 2..262144 (default: 1024)",
	    NULL },
	  opt_cpu_shares },
	{ { "cpu-quota", 0, "USEC", LIMITS, "processor time in each period", NULL },
	  opt_cpu_quota },
	{ { "cpu-period", 0, "USEC", LIMITS, "length of a period (default: 100000)", NULL },
	  opt_cpu_period },
	{ { "cpuset-cpus", 0, "LIST", LIMITS, "processors that may be used: 0-3,5", NULL },
	  opt_cpuset_cpus },
	{ { "cpuset-mems", 0, "LIST", LIMITS, "memory nodes that may be used", NULL },
	  opt_cpuset_mems },
	{ { "pids-limit", 0, "N|-1", LIMITS, "processes and threads at most (default: 4096)",
	    NULL },
	  opt_pids_limit },
	{ { "io-weight", 0, "N", LIMITS, "weight of its disk traffic, 10..1000", NULL },
	  opt_io_weight },
	{ { "device-read-bps", 0, "DEVICE:SIZE", LIMITS, "bytes a second read at most", NULL },
	  opt_read_bps },
	{ { "device-write-bps", 0, "DEVICE:SIZE", LIMITS, "bytes a second written at most", NULL },
	  opt_write_bps },
	{ { "device-read-iops", 0, "DEVICE:N", LIMITS, "reads a second at most", NULL },
	  opt_read_iops },
	{ { "device-write-iops", 0, "DEVICE:N", LIMITS, "writes a second at most", NULL },
	  opt_write_iops },
	{ { "hugetlb", 0, "PAGESIZE:LIMIT", LIMITS, "huge pages at most: 2MB:64m", NULL },
	  opt_hugetlb },
	{ { "unified", 0, "FILE=VALUE", LIMITS, "a file of the v2 group: memory.high=256m", NULL },
	  opt_unified },
};

const struct option_row *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].pub.name, name))
			return &rows[i];
	return NULL;
}

const struct contexe_option *contexe_spec_options(size_t *ret_n)
{
	static struct contexe_option pub[ARRAY_SIZE(rows)];
	if (!pub[0].name)
		for (size_t i = ARRAY_SIZE(rows);
		     i-- > 0;) /* the first last: another thread sees all or none */
			pub[i] = rows[i].pub;
	*ret_n = ARRAY_SIZE(rows);
	return pub;
}

int option_bool(const char *value, bool *ret, struct error *err)
{
	if (!value || str_eq(value, "true") || str_eq(value, "yes") || str_eq(value, "1")) {
		*ret = true;
		return 0;
	}
	if (str_eq(value, "false") || str_eq(value, "no") || str_eq(value, "0")) {
		*ret = false;
		return 0;
	}
	return error_set(err, EINVAL, "'%s' is neither true nor false", value);
}

int contexe_spec_set(struct contexe_spec *spec, const char *option, const char *value,
		     struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	const struct option_row *row = option_find(option);
	if (!row) {
		error_set(err, EINVAL, "there is no such option");
		error_object(err, "--%s", option);
		return error_hint(err, "'contexe run --help' lists them");
	}
	if (row->pub.arg && !value) {
		error_set(err, EINVAL, "it needs a value: %s", row->pub.arg);
		return error_object(err, "--%s", option);
	}
	int r = row->set(spec, value, err);
	if (r < 0)
		error_object(err, "--%s %s", option, value ? value : "");
	else
		option_given(spec, option, value);
	return r;
}

void option_given(struct contexe_spec *s, const char *option, const char *value)
{
	strings_add(&s->spec.arena, &s->given, option);
	strings_add(&s->spec.arena, &s->given, value ? value : "");
}
