/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.c - numbers that a thread has and that one call asks and another sets: prctl(2), personality(2). A table.
 * Where the machine does not know one, it is -1 and left alone.
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/kind/proc_status.h"

#define NOT_KNOWN (-1)

struct attributes_record {
	int64_t timerslack; /* ns */
	int64_t personality;
	int64_t mce_kill;
	int64_t store_bypass, indirect_branch, l1d_flush; /* PR_SPEC_* */
	bool io_flusher;
};

static const struct field attributes_fields[] = {
	FIELD(struct attributes_record, timerslack, I64),
	FIELD(struct attributes_record, personality, I64),
	FIELD(struct attributes_record, mce_kill, I64),
	FIELD(struct attributes_record, store_bypass, I64),
	FIELD(struct attributes_record, indirect_branch, I64),
	FIELD(struct attributes_record, l1d_flush, I64),
	FIELD(struct attributes_record, io_flusher, BOOL, .optional = true),
	FIELDS_END,
};

static bool is_new_speculation(int64_t v)
{
	/* bit 0: it can be controlled here; enabled is what every thread begins with */
	return (v & PR_SPEC_PRCTL) && (v & ~PR_SPEC_PRCTL) != PR_SPEC_ENABLE;
}

static bool is_slack(int64_t v)
{
	return v > 0; /* a real-time thread has none: 0 */
}

static bool is_any(int64_t v)
{
	return v >= 0;
}

static bool is_new_mce_kill(int64_t v)
{
	return v >= 0 && v != PR_MCE_KILL_DEFAULT;
}

static const struct attribute {
	const char *what; /* for errors */
	size_t offset;	  /* in the record */
	uint32_t get_nr;
	uint64_t get[2];
	uint32_t set_nr;
	uint64_t set[2];
	unsigned value_at; /* which argument of the setting call is the value */
	int64_t clear;	   /* bits that are told but not set */
	bool (*is_to_be_set)(int64_t v);
} table[] = {
	{ .what = "set the timer slack",
	  .offset = offsetof(struct attributes_record, timerslack),
	  .get_nr = SYS_prctl,
	  .get = { PR_GET_TIMERSLACK },
	  .set_nr = SYS_prctl,
	  .set = { PR_SET_TIMERSLACK },
	  .value_at = 1,
	  .is_to_be_set = is_slack },
	{ .what = "set the personality",
	  .offset = offsetof(struct attributes_record, personality),
	  .get_nr = SYS_personality,
	  .get = { 0xffffffff },
	  .set_nr = SYS_personality,
	  .value_at = 0,
	  .is_to_be_set = is_any },
	{ .what = "set the policy for memory errors",
	  .offset = offsetof(struct attributes_record, mce_kill),
	  .get_nr = SYS_prctl,
	  .get = { PR_MCE_KILL_GET },
	  .set_nr = SYS_prctl,
	  .set = { PR_MCE_KILL, PR_MCE_KILL_SET },
	  .value_at = 2,
	  .is_to_be_set = is_new_mce_kill },
	{ .what = "control speculative store bypass",
	  .offset = offsetof(struct attributes_record, store_bypass),
	  .get_nr = SYS_prctl,
	  .get = { PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS },
	  .set_nr = SYS_prctl,
	  .set = { PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS },
	  .value_at = 2,
	  .clear = PR_SPEC_PRCTL,
	  .is_to_be_set = is_new_speculation },
	{ .what = "control indirect branch speculation",
	  .offset = offsetof(struct attributes_record, indirect_branch),
	  .get_nr = SYS_prctl,
	  .get = { PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH },
	  .set_nr = SYS_prctl,
	  .set = { PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH },
	  .value_at = 2,
	  .clear = PR_SPEC_PRCTL,
	  .is_to_be_set = is_new_speculation },
	{ .what = "control flushing of the first level cache",
	  .offset = offsetof(struct attributes_record, l1d_flush),
	  .get_nr = SYS_prctl,
	  .get = { PR_GET_SPECULATION_CTRL, 2 /* PR_SPEC_L1D_FLUSH */ },
	  .set_nr = SYS_prctl,
	  .set = { PR_SET_SPECULATION_CTRL, 2 },
	  .value_at = 2,
	  .clear = PR_SPEC_PRCTL,
	  .is_to_be_set = is_new_speculation },
};

struct cookie {
	uint64_t results[ARRAY_SIZE(table)];
};

static int attributes_ask(const struct task_facts *t, struct program *visit, void *data)
{
	(void)t;
	struct cookie *cookie = data;
	program_what(visit, "ask for the attributes of a thread");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		program_call(visit, table[i].get_nr, table[i].get[0], table[i].get[1])->want =
			WANT_ANY;
		cookie->results[i] = program_result(visit);
	}
	return 0;
}

/*
 * PR_GET_IO_FLUSHER wants CAP_SYS_RESOURCE even from who only asks; the flags of /proc/PID/stat tell as well: PR_SET_IO_FLUSHER
 * sets PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE, the same bits since Linux 5.6, which nothing else sets both.
 */
#define STAT_FLAGS 9
static bool is_io_flusher(const char *stat)
{
	const int64_t both = 0x00080000 | 0x00100000;
	int64_t flags;
	return proc_stat_i64(stat, STAT_FLAGS, &flags) == 0 && (flags & both) == both;
}

/* Linux 6.4; an older kernel has the thing but no way to tell. */
#define PTRACE_GET_DISPATCH 0x4211
static bool has_dispatch(pid_t tid)
{
	uint64_t config[4] = { 0 }; /* mode, selector, offset, length */
	return syscall(SYS_ptrace, PTRACE_GET_DISPATCH, tid, sizeof(config), config) == 0 &&
	       config[0];
}

static int attributes_collect(struct collect *c, const struct task_facts *t,
			      const struct program *visit, const void *data, void *record,
			      bool *ret_none, struct error *err)
{
	(void)err;
	const struct cookie *cookie = data;
	struct attributes_record *rec = record;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t v = task_answer(visit, cookie->results[i]);
		*(int64_t *)((char *)rec + table[i].offset) = v < 0 ? NOT_KNOWN : v;
	}
	rec->io_flusher = is_io_flusher(t->stat);
	*ret_none = false;
	if (has_dispatch(t->tid))
		return collect_refuse(c, t->pid, "system call user dispatch",
				      "a thread sends its own system calls to a handler",
				      "end the program that uses it (an emulator such as Wine)");
	return 0;
}

static int attributes_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct attributes_record *rec = record;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t v = *(const int64_t *)((const char *)rec + table[i].offset);
		if (v < 0 || !table[i].is_to_be_set(v))
			continue;
		program_what(e->p, table[i].what);
		struct step *s =
			program_call(e->p, table[i].set_nr, table[i].set[0], table[i].set[1]);
		s->arg[table[i].value_at] = (uint64_t)(v & ~table[i].clear);
		if (table[i].is_to_be_set == is_new_speculation) {
			/* another processor, without the flaw or without the switch */
			s->want = WANT_OK_OR;
			s->value = -ENXIO;
		}
	}
	program_what(e->p, "become a flusher of disks (PR_SET_IO_FLUSHER)");
	if (rec->io_flusher)
		program_call(e->p, SYS_prctl, 57 /* PR_SET_IO_FLUSHER, Linux 5.6 */, 1);
	return 0;
}

const struct task_kind task_kind_attributes = {
	.name = "attributes",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = attributes_fields,
	.size = sizeof(struct attributes_record),
	.cookie = sizeof(struct cookie),
	.ask = attributes_ask,
	.collect = attributes_collect,
	.emit = attributes_emit,
};
