/* SPDX-License-Identifier: Apache-2.0 */
/* defaults.c - see defaults.h. */
#include "engine/defaults.h"

#include <inttypes.h>

void default_mount(struct spec *s, const char *destination, const char *type, const char *source,
		   const char *const *options)
{
	struct spec_mount *m = arena_push(&s->arena, s->mounts, s->n_mounts);
	m->destination = arena_strdup(&s->arena, destination);
	m->type = arena_strdup(&s->arena, type);
	m->source = arena_strdup(&s->arena, source);
	for (; *options; options++)
		strings_add(&s->arena, &m->options, *options);
}

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

void default_mounts(struct spec *s, bool own_ipc, uint64_t shm_size, bool run_tmpfs,
		    bool writable_cgroup, bool writable_sys)
{
	const char *size = arena_printf(&s->arena, "size=%" PRIu64, shm_size);

	default_mount(s, "/proc", "proc", "proc", OPTIONS("nosuid", "noexec", "nodev"));
	default_mount(s, "/dev", "tmpfs", "tmpfs",
		      OPTIONS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k"));
	default_mount(
		s, "/dev/pts", "devpts", "devpts",
		OPTIONS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
	if (own_ipc) {
		default_mount(s, "/dev/shm", "tmpfs", "shm",
			      OPTIONS("nosuid", "noexec", "nodev", "mode=1777", size));
		default_mount(s, "/dev/mqueue", "mqueue", "mqueue",
			      OPTIONS("nosuid", "noexec", "nodev"));
	} else {
		default_mount(s, "/dev/shm", "bind", "/dev/shm",
			      OPTIONS("rbind", "nosuid", "noexec", "nodev"));
		default_mount(s, "/dev/mqueue", "mqueue", "mqueue",
			      OPTIONS("nosuid", "noexec", "nodev"));
	}
	default_mount(s, "/sys", "sysfs", "sysfs",
		      OPTIONS("nosuid", "noexec", "nodev", writable_sys ? "rw" : "ro"));
	default_mount(
		s, "/sys/fs/cgroup", "cgroup", "cgroup",
		OPTIONS("nosuid", "noexec", "nodev", "relatime", writable_cgroup ? "rw" : "ro"));
	if (run_tmpfs)
		default_mount(s, "/run", "tmpfs", "tmpfs",
			      OPTIONS("nosuid", "nodev", "mode=755", "size=65536k"));
}

void default_masks(struct spec *s)
{
	static const char *const masked[] = {
		"/proc/acpi",
		"/proc/asound",
		"/proc/interrupts",
		"/proc/kcore",
		"/proc/keys",
		"/proc/latency_stats",
		"/proc/timer_list",
		"/proc/timer_stats",
		"/proc/sched_debug",
		/* what the machine's memory is used for, frame by frame: for root only, but root is in here */
		"/proc/kpagecount",
		"/proc/kpageflags",
		"/proc/kpagecgroup",
		"/proc/slabinfo",
		"/proc/vmallocinfo",
		"/proc/pagetypeinfo",
		"/proc/scsi",
		"/sys/firmware",
		"/sys/devices/virtual/powercap",
		"/sys/fs/selinux",
	};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
	};
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strings_add(&s->arena, &s->linux_.masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
		strings_add(&s->arena, &s->linux_.readonly_paths, readonly[i]);
}

void device_rule(struct spec *s, bool allow, const char *type, int64_t major, int64_t minor,
		 const char *access)
{
	struct spec_resources *r = &s->linux_.resources;
	struct spec_device_rule *rule = arena_push(&s->arena, r->devices, r->n_devices);
	rule->allow = allow;
	rule->type = arena_strdup(&s->arena, type);
	if (major >= 0)
		rule->major = (struct opt_i64){ true, major };
	if (minor >= 0)
		rule->minor = (struct opt_i64){ true, minor };
	rule->access = arena_strdup(&s->arena, access);
}

void default_device_rules(struct spec *s)
{
	static const struct {
		const char *type, *access;
		int major, minor;
	} rules[] = {
		{ "c", "m", -1, -1 }, /* a node that cannot be opened harms nobody */
		{ "b", "m", -1, -1 },	 { "c", "rwm", 1, 3 }, /* null */
		{ "c", "rwm", 1, 5 },			       /* zero */
		{ "c", "rwm", 1, 7 },			       /* full */
		{ "c", "rwm", 1, 8 },			       /* random */
		{ "c", "rwm", 1, 9 },			       /* urandom */
		{ "c", "rwm", 5, 0 },			       /* tty */
		{ "c", "rwm", 5, 2 },			       /* ptmx */
		{ "c", "rwm", 136, -1 },		       /* pts */
	};
	device_rule(s, false, "a", -1, -1, "rwm");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		device_rule(s, true, rules[i].type, rules[i].major, rules[i].minor,
			    rules[i].access);
}
