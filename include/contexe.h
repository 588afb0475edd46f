/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contexe.h - containers for programs: everything the commands contexe and contexe-oci do.
 *
 * Life cycle of use:
 *     struct contexe *cx;                         a state root, where containers and images are kept
 *     contexe_open(NULL, &cx, &err);
 *     struct contexe_spec *spec = contexe_spec_new();
 *     contexe_spec_set(spec, "hostname", "web", &err);       options by the names that `contexe run` has
 *     contexe_spec_set_command(spec, argv, &err);
 *     contexe_run(cx, spec, &run, &status, &err);
 *     contexe_spec_free(spec); contexe_close(cx);
 *
 * Functions return 0 (or a value >= 0) or -errno, and fill *err (which may be NULL) with what failed, on
 * which object, why, and what to do. A reference to a container (`ref`) is its name, its number, or
 * `cont_N`. Strings and arrays given out are the caller's, to be freed with the function named.
 *
 * Processes: contexe forks. A program that has threads may use every function but those marked
 * [single-threaded], which must be called while there is one thread only.
 * The caller must reap no children that are not its own (no waitpid(-1) in another thread meanwhile).
 */
#ifndef CONTEXE_H
#define CONTEXE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONTEXE_API __attribute__((visibility("default")))

/* ---- errors ---- */

struct contexe_error {
	int err;	  /* positive errno; 0: none */
	int exit_code;	  /* what a command should exit with; 0: 125 */
	char what[128];	  /* what was tried */
	char object[256]; /* on which object */
	char why[512];	  /* why it failed */
	char hint[256];	  /* what to do */
};

/* "what: object: why; hint". Returns buf. */
CONTEXE_API const char *contexe_error_line(const struct contexe_error *err, char *buf, size_t size);

/* ---- the state root ---- */

struct contexe;

/*
 * Opens (making it where missing) the directory that holds containers and images. NULL: $CONTEXE_ROOT, or
 * /var/lib/contexe for root, or $XDG_DATA_HOME/contexe (~/.local/share/contexe) for others.
 * EACCES, ENOSPC, EROFS, ...
 */
CONTEXE_API int contexe_open(const char *root, struct contexe **ret, struct contexe_error *err);
CONTEXE_API void contexe_close(struct contexe *cx);
CONTEXE_API const char *contexe_root(const struct contexe *cx);
CONTEXE_API const char *contexe_version(void);

/* ---- what a container shall be ---- */

struct contexe_spec;

struct contexe_option {
	const char *name;  /* "volume" */
	char letter;	   /* 'v', or 0 */
	const char *arg;   /* "SRC:DST[:ro]"; NULL: a switch */
	const char *group; /* heading in the help */
	const char *help;
	const char *complete; /* what a shell completes: "file" "dir" "container" "image" "signal"
			       * "container:ns" "network" or words "a b c"; NULL */
};

/* All options that a spec takes; *ret_n of them. Static. */
CONTEXE_API const struct contexe_option *contexe_spec_options(size_t *ret_n);

CONTEXE_API struct contexe_spec *contexe_spec_new(void); /* the defaults: --host, safe */
CONTEXE_API void contexe_spec_free(struct contexe_spec *spec);
/* Sets an option by name; value NULL for a switch. Options that may be given several times add up.
 * EINVAL: no such option, or a bad value. */
CONTEXE_API int contexe_spec_set(struct contexe_spec *spec, const char *option, const char *value,
				 struct contexe_error *err);
/* The program and its arguments; with an image, what comes after its entrypoint. argv ends with NULL. */
CONTEXE_API int contexe_spec_set_command(struct contexe_spec *spec, const char *const *argv,
					 struct contexe_error *err);

/* ---- life ---- */

enum contexe_run_flags {
	CONTEXE_RUN_DETACH = 1 << 0, /* return once the program runs */
	CONTEXE_RUN_NOTIFY =
		1 << 1, /* (with DETACH) nothing is read from or written to our 0, 1, 2 */
};

/*
 * Creates a container and runs it. Without DETACH the caller becomes its supervisor until it ends:
 * descriptors 0, 1 and 2 are relayed, signals forwarded; *ret_status is then what a shell would see (0..255,
 * 128+signal), or -1 when the user detached. name (if not NULL) gets the container's name, a malloc'ed string.
 * err->exit_code is 126/127 when the program could not be executed/found. [single-threaded]
 */
CONTEXE_API int contexe_run(struct contexe *cx, struct contexe_spec *spec, unsigned flags,
			    int *ret_status, char **ret_name, struct contexe_error *err);

/* Makes everything but lets the program wait for contexe_start(). [single-threaded] */
CONTEXE_API int contexe_create(struct contexe *cx, struct contexe_spec *spec, char **ret_name,
			       struct contexe_error *err);
/* What contexe_create() would do, as text (free). Needs no privilege. */
CONTEXE_API int contexe_plan(struct contexe *cx, struct contexe_spec *spec, char **ret_text,
			     struct contexe_error *err);
/* Starts a created one, or an ended one again. [single-threaded] */
CONTEXE_API int contexe_start(struct contexe *cx, const char *ref, struct contexe_error *err);

/* The same, and relays 0, 1, 2 from the first byte on, as contexe_attach() does. [single-threaded] */
CONTEXE_API int contexe_start_attached(struct contexe *cx, const char *ref, int *ret_status,
				       struct contexe_error *err);

struct contexe_exec {
	const char *const *argv;
	const char *const *env; /* "NAME=value", added to the container's; may be NULL */
	const char *cwd;	/* NULL: the container's */
	const char *user;	/* NULL: the container's */
	bool tty, interactive, detach, privileged;
	const char *detach_keys;
};
/* Runs a program in a container that runs. The calling process enters its namespaces and is good for nothing
 * else afterwards: fork first. [single-threaded] */
CONTEXE_API int contexe_exec(struct contexe *cx, const char *ref, const struct contexe_exec *exec,
			     int *ret_status, struct contexe_error *err);

/* Relays 0, 1, 2 to a running container until it ends or the user detaches (*ret_status -1). */
CONTEXE_API int contexe_attach(struct contexe *cx, const char *ref, bool no_stdin,
			       const char *detach_keys, int *ret_status, struct contexe_error *err);
/* Waits for the end. timeout in ms, -1: none (-ETIMEDOUT). *ret_status as a shell sees it. */
CONTEXE_API int contexe_wait(struct contexe *cx, const char *ref, int timeout_ms, int *ret_status,
			     struct contexe_error *err);
/* Sends a signal (1..64) to the container's program, or (all) to every process in it. */
CONTEXE_API int contexe_kill(struct contexe *cx, const char *ref, int sig, bool all,
			     struct contexe_error *err);
/* The stop signal, then SIGKILL after timeout_s seconds (-1: the container's own setting). 0 also if it had ended. */
CONTEXE_API int contexe_stop(struct contexe *cx, const char *ref, int timeout_s,
			     struct contexe_error *err);
/* The same because the machine goes down: not remembered as a wish, so that the next boot starts it again. */
CONTEXE_API int contexe_shutdown(struct contexe *cx, const char *ref, int timeout_s,
				 struct contexe_error *err);
CONTEXE_API int contexe_pause(struct contexe *cx, const char *ref, struct contexe_error *err);
CONTEXE_API int contexe_resume(struct contexe *cx, const char *ref, struct contexe_error *err);
/* Removes it with all that was kept for it. force: kills it first. */
CONTEXE_API int contexe_remove(struct contexe *cx, const char *ref, bool force,
			       struct contexe_error *err);
/* Changes limits and restart policy while it runs: the options of group "Limits", and "restart". */
CONTEXE_API int contexe_update(struct contexe *cx, const char *ref, const char *const *options,
			       const char *const *values, size_t n, struct contexe_error *err);

/* What bounds it: the value of an option of group "Limits", as update takes it; "" where none is set. Of several values
 * ("unified") one a line. free(). */
CONTEXE_API int contexe_limit(struct contexe *cx, const char *ref, const char *option,
			      char **ret_text, struct contexe_error *err);

/* ---- containers that are led by a process that exists already ---- */

/*
 * Makes a container whose init is the process `leader`, which has one thread and is of the system container; or brings it
 * into the one that contexe_make() has made. From then on what it forks is of the container; itself has come into its
 * namespaces (but for the pid namespace, which a process cannot change), root, control groups and walls, and keeps its
 * user and its open files. The container ends with it, and it with the container.
 *
 * It may wait in a system call: answer(arg), if not NULL, is called when all is prepared, and must end that call or
 * return -errno. It then executes not one instruction before it is in; if it cannot be brought in after all, the call is
 * made to fail with the error returned here. EINVAL: it has threads; EOPNOTSUPP: it is of a container; EBUSY: it is
 * traced; EEXIST: the name is another's; EPERM: it may not enter; ESRCH: it died. [single-threaded]
 */
CONTEXE_API int contexe_lead(struct contexe *cx, struct contexe_spec *spec, pid_t leader,
			     int (*answer)(void *arg), void *arg, char **ret_name,
			     struct contexe_error *err);
/* One without processes, which stays until it is removed: its limits can be set before, and it can be led often. */
CONTEXE_API int contexe_make(struct contexe *cx, struct contexe_spec *spec, char **ret_name,
			     struct contexe_error *err);

/*
 * Of which container a process is: the innermost, or the one that it leads. *ret_number 0, *ret_name NULL: the system
 * container. ret_name may be NULL, else free(). ESRCH.
 */
CONTEXE_API int contexe_whose(struct contexe *cx, pid_t pid, char **ret_name, unsigned *ret_number,
			      struct contexe_error *err);
/*
 * New containers get the control file at this absolute path as /run/contexe/container, until this handle is closed or
 * the process ends. EBUSY: another process serves this state root already.
 */
CONTEXE_API int contexe_serve_control(struct contexe *cx, const char *path,
				      struct contexe_error *err);
/* Whether a process may know of a container: it is its own, or below its own. */
CONTEXE_API bool contexe_sees(struct contexe *cx, pid_t pid, const char *ref);

/* ---- hijack ---- */

enum {
	CONTEXE_HIJACK_PID = 1, /* id is a process id */
	CONTEXE_HIJACK_CGROUP =
		2, /* id is an open descriptor of a control group's `tasks` or `cgroup.procs` */
	CONTEXE_HIJACK_PIDFD =
		3, /* id is a pidfd: as by process id, but never another process by mistake */
};
/*
 * Like fork(2): returns 0 in the child, and the child's pid (the caller's own child, to be waited for) in the caller. But the
 * child takes all of its resources from another process, the source, which need not be in a container of ours: every
 * namespace, control group (in each hierarchy), root and working directory; user and group ids, capability sets, securebits,
 * no_new_privs, label of the LSM, filters of system calls; limits, umask, scheduling, processors, I/O priority,
 * oom_score_adj, personality, dumpable. The caller's are: memory, descriptors, signal handlers and mask, process
 * group, session and terminal. Handlers of pthread_atfork(3) are not called; the session keyring is a new one.
 *
 * which = CONTEXE_HIJACK_CGROUP: the source is the group's lead, the oldest of its processes (of those that began within one
 * clock tick the one that is no child of the others), zombies and threads of the kernel's left out.
 * clone_flags: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWNET, NEWPID, NEWUSER give the child a new one, made from
 * the source's; the lowest byte is the signal that tells of its end (SIGCHLD as a rule; with 0 it takes __WALL to wait).
 *
 * The source is stopped for a moment, unseen by itself, to be asked for what no file tells. A copy of the caller does the work,
 * and is the caller's child for that long (its end sends the exit signal once more); no child is seen by the source before it is
 * what the source is, but with CLONE_NEWPID. Where a control group limits processes, there must be room for two.
 *
 * -1 and errno, and no child is left: EINVAL no such `which`, no process id, a flag that makes no sense (CLONE_VM, CLONE_THREAD, ...),
 * no such signal, a descriptor that is neither pidfd nor list of processes; EBADF no such descriptor; ESRCH the source is gone,
 * a zombie, or in no pid namespace of ours, or the group is empty; EPERM it may not be entered, is one of the kernel's
 * threads, or has something that may not be taken over: more than ours without the privilege for it, filters that cannot be read, strict
 * mode; or our own filters or no_new_privs, which no child can be without; EBUSY another traces it, or its control group is frozen; EAGAIN a limit on processes,
 * or it changes its user namespace; ENOENT, ENODEV its control group is not to be seen, was removed; EACCES its control group
 * may not be entered, or oom_score_adj not be lowered; ETIMEDOUT it does not stop; ENOTSUP it runs 32-bit code; and
 * what clone(2) and setns(2) say. [single-threaded]
 */
CONTEXE_API pid_t contexe_hijack(unsigned long clone_flags, int which, int id);

struct contexe_hijack_options {
	const char *container; /* name or number: its program is the source; or NULL, and */
	const char
		*cgroup; /* directory, `tasks` or `cgroup.procs` of a control group; or NULL, and */
	pid_t pid;
	const char *const *argv;
};
/*
 * A program in such a child, looked for by the PATH of the source, in its environment. Of descriptors it gets 0, 1 and 2. Waits for its
 * end; signals are forwarded. err->exit_code is 126/127 when it could not be executed/found. cx may be NULL where no
 * container is named. [single-threaded]
 */
CONTEXE_API int contexe_hijack_run(struct contexe *cx, const struct contexe_hijack_options *options,
				   int *ret_status, struct contexe_error *err);

/*
 * For a program that hijacks and then executes another: executes itself anew, with the same arguments, from a read-only view of
 * its own file, so that nobody in the source's container can reach the file through /proc/PID/exe of the child. Call it first
 * in main(). Returns 0 when that has been done, or -errno when it cannot be (without root, before Linux 5.12).
 */
CONTEXE_API int contexe_cloak(void);

/* ---- looking ---- */

enum contexe_state {
	CONTEXE_CREATING, /* being made */
	CONTEXE_CREATED,  /* made, its program not started */
	CONTEXE_RUNNING,
	CONTEXE_PAUSED,
	CONTEXE_EXITED,
	CONTEXE_BROKEN, /* its state cannot be read; `rm` cleans up */
};
CONTEXE_API const char *contexe_state_name(enum contexe_state state);

struct contexe_info {
	unsigned number;
	char *name, *id; /* id: of this one and no other that ever was, "" while it is being made */
	enum contexe_state state;
	char *image, *command;	/* for people */
	pid_t init, supervisor; /* 0: none */
	bool supervised; /* false with state RUNNING: the supervisor died, the container goes on */
	uint64_t created, started, finished; /* ns since 1970, 0: not yet */
	int exit_status;		     /* as a shell sees it; -1: none */
	char *reason; /* "", "killed", "out of memory", "the machine was rebooted", ... */
	unsigned restarts;
	pid_t leader; /* a process outside that leads it: its init; 0: it has a program of its own, or has ended */
	bool led;     /* it is of the kind that is led */
	bool at_boot; /* it has ended, and its restart policy wants it started when the machine boots */
};
/* All containers by number. free with contexe_info_free(). */
CONTEXE_API int contexe_list(struct contexe *cx, struct contexe_info **ret, size_t *ret_n,
			     struct contexe_error *err);
CONTEXE_API void contexe_info_free(struct contexe_info *infos, size_t n);
/* One of them. contexe_info_free(ret, 1) must not be used: contexe_info_done(). */
CONTEXE_API int contexe_info(struct contexe *cx, const char *ref, struct contexe_info *ret,
			     struct contexe_error *err);
CONTEXE_API void contexe_info_done(struct contexe_info *info);
/* Everything about it as JSON (free). */
CONTEXE_API int contexe_inspect(struct contexe *cx, const char *ref, char **ret_json,
				struct contexe_error *err);

struct contexe_stats {
	uint64_t time; /* CLOCK_MONOTONIC ns when it was read */
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, cpu_throttled_ns;
	uint64_t memory, memory_limit, memory_peak, swap; /* bytes; limit UINT64_MAX: none */
	uint64_t pids, pids_limit;
	uint64_t read_bytes, written_bytes;
	uint64_t oom_kills;
	bool from_processes; /* summed over processes: no controller counts here */
};
CONTEXE_API int contexe_stats(struct contexe *cx, const char *ref, struct contexe_stats *ret,
			      struct contexe_error *err);

enum contexe_stream { CONTEXE_STDOUT = 1, CONTEXE_STDERR = 2 };
/* Calls fn for each piece of output kept: with follow until the container ends. since/until: ns since 1970,
 * 0: no bound; tail: last lines only, -1: all. fn returns != 0 to stop. */
CONTEXE_API int contexe_logs(struct contexe *cx, const char *ref, bool follow, uint64_t since,
			     uint64_t until, long tail,
			     int (*fn)(void *arg, enum contexe_stream stream, uint64_t time,
				       const char *text, size_t size, bool partial),
			     void *arg, struct contexe_error *err);

/* Calls fn with each event as one JSON object a line; follow: until fn returns != 0. ref NULL: of all. */
CONTEXE_API int contexe_events(struct contexe *cx, const char *ref, bool follow, uint64_t since,
			       uint64_t until, int (*fn)(void *arg, const char *json), void *arg,
			       struct contexe_error *err);

/* ---- pid spaces (see contexe-pid(1) for the whole table) ---- */

struct contexe_process {
	char pidspace[24];	    /* "0", "2" or "ns:4026532345" */
	pid_t vpid;		    /* in its own space */
	pid_t pid, ppid, pgrp, sid; /* in the caller's space; 0: not visible */
	pid_t vppid, vpgrp, vsid;   /* in its own space */
	uid_t uid;
	char state, comm[64];
	int tty;
	uint64_t start, cpu_ticks, rss;
	unsigned threads, depth; /* depth: pid namespaces below the caller's */
	char *cmdline;
};
/* ref NULL or "0": every process of the machine (the system container). free: contexe_processes_free(). */
CONTEXE_API int contexe_processes(struct contexe *cx, const char *ref, struct contexe_process **ret,
				  size_t *ret_n, struct contexe_error *err);
CONTEXE_API void contexe_processes_free(struct contexe_process *p, size_t n);

enum contexe_pid_kind { CONTEXE_PID, CONTEXE_TGID, CONTEXE_PGRP, CONTEXE_SID };
struct contexe_pid_answer {
	bool visible; /* false: -1 */
	bool crosses; /* it lives in another pid space than the context: `name` is its name there */
	pid_t vpid;   /* its number in the context; -1: not visible */
	pid_t pid;    /* the number that kill(2) takes in the context, where the kernel gives one */
	char name[40]; /* <pidspace|vpid> */
};
/*
 * How `process` is called in the context of `context`. Either is a pid of the caller's space ("1087"), an
 * internal name ("<1|2>", "1|2", "web|2"), or a container (its pid 1). context NULL: the system container.
 * ESRCH: no such process.
 */
CONTEXE_API int contexe_pid_translate(struct contexe *cx, const char *process, const char *context,
				      enum contexe_pid_kind kind, struct contexe_pid_answer *ret,
				      struct contexe_error *err);

/* ---- images ---- */

struct contexe_image {
	char *id, *names, *created, *imported, *architecture; /* names: blank-separated */
	uint64_t size;
	unsigned layers;
};
typedef void contexe_progress_fn(void *arg, const char *phase, uint64_t done, uint64_t total);
CONTEXE_API int contexe_image_import(struct contexe *cx, const char *path, const char *name,
				     contexe_progress_fn *progress, void *arg, char **ret_id,
				     struct contexe_error *err);
CONTEXE_API int contexe_image_list(struct contexe *cx, struct contexe_image **ret, size_t *ret_n,
				   struct contexe_error *err);
CONTEXE_API void contexe_image_free(struct contexe_image *images, size_t n);
CONTEXE_API int contexe_image_remove(struct contexe *cx, const char *ref,
				     struct contexe_error *err);
/* The image's configuration as JSON (free). */
CONTEXE_API int contexe_image_inspect(struct contexe *cx, const char *ref, char **ret_json,
				      struct contexe_error *err);

/* ---- checkpoint and restore ---- */

enum contexe_tcp {
	CONTEXE_TCP_REFUSE, /* a connection to the outside refuses the checkpoint, by name */
	CONTEXE_TCP_CLOSE,  /* it is reset: both sides see that */
	CONTEXE_TCP_KEEP,   /* it is carried */
};

/* One thing that stands in the way of a checkpoint. */
struct contexe_refusal {
	int pid;	  /* on this machine; 0: the container as a whole */
	int vpid;	  /* in the container */
	char comm[17];	  /* its name */
	char object[256]; /* "fd 7 (anon_inode:[io_uring])" */
	char why[256];
	char remedy[256];
};

struct contexe_checkpoint_options {
	const char *output; /* file; NULL: kept in the container's directory */
	int output_fd;	    /* where output is "-": a file or pipe to write to; else -1 */
	bool leave_running; /* else it is killed once the image is complete */
	bool dry_run;	    /* only look; nothing is written, nothing ends */
	enum contexe_tcp tcp;
	unsigned timeout_ms; /* for stopping all its processes; 0: 10000 */
	int layer; /* pack the private layer of the root into the image: 1 yes, 0 no, -1: if output is a file */
};

struct contexe_checkpoint_result {
	char *path; /* of the image; NULL on a dry run or with a descriptor */
	uint64_t size;
	uint64_t frozen_ns; /* how long its processes stood still */
	uint64_t total_ns;
	unsigned processes, threads, files;
	struct contexe_refusal *refusals; /* what stands in the way; filled in on failure as well */
	size_t n_refusals;
};

/*
 * Writes a running container down: processes, memory, open files, signals, timers, clocks. Whatever fails, it goes on as
 * if nothing had happened. ENOTSUP: something cannot be carried (see result->refusals); ETIMEDOUT: a process could not
 * be stopped. The result is to be freed whether it failed or not. [single-threaded]
 */
CONTEXE_API int contexe_checkpoint(struct contexe *cx, const char *ref,
				   const struct contexe_checkpoint_options *options,
				   struct contexe_checkpoint_result *ret,
				   struct contexe_error *err);
CONTEXE_API void contexe_checkpoint_result_free(struct contexe_checkpoint_result *r);

struct contexe_restore_options {
	const char *name; /* NULL: the name that it had */
	unsigned number;  /* 0: the number that it had if that is free, else the next */
	bool detach;	  /* else the caller becomes its supervisor, as in contexe_run() */
	bool dry_run;	  /* only check, and tell what would be done */
	/* What the image names as external, supplied by the caller: n pairs of a name and a descriptor. */
	const char *const *external_names;
	const int *external_fds;
	size_t n_externals;
};

/*
 * Makes a container again from an image (a file, or a container that was checkpointed without naming one). Its processes go
 * on where they were, with the same pids inside. Without detach: as contexe_run(). *ret_name, *ret_text (dry
 * run: what would be done) may be NULL, else are to be freed. [single-threaded]
 */
CONTEXE_API int contexe_restore(struct contexe *cx, const char *image,
				const struct contexe_restore_options *options, int *ret_status,
				char **ret_name, char **ret_text, struct contexe_error *err);

/* Whether this file is an image of a container. */
CONTEXE_API bool contexe_checkpoint_is_image(const char *path);
/* What is in it, as JSON (free): container, processes, files, memory, sizes. */
CONTEXE_API int contexe_checkpoint_inspect(const char *path, char **ret_json,
					   struct contexe_error *err);
/* The same for people (free): a summary, the process tree with both numbers of each, their open files and memory. */
CONTEXE_API int contexe_checkpoint_describe(const char *path, char **ret_text,
					    struct contexe_error *err);
/* Every checksum and every rule, without restoring. */
CONTEXE_API int contexe_checkpoint_verify(const char *path, contexe_progress_fn *progress,
					  void *arg, struct contexe_error *err);

/* ---- the machine ---- */

struct contexe_feature {
	const char *key, *title, *used_for, *without, *since;
	const char *state; /* "yes", "no", "denied", "unknown" */
	bool present;
	int err; /* errno of the probe when absent */
};
CONTEXE_API int contexe_probe(struct contexe *cx, struct contexe_feature **ret, size_t *ret_n,
			      struct contexe_error *err);
CONTEXE_API void contexe_features_free(struct contexe_feature *f);
/* "v1", "hybrid", "v2" or "none", and the controllers that can limit. */
CONTEXE_API const char *contexe_cgroup_layout(void);

/* Signal by name or number, -EINVAL; and back. */
CONTEXE_API int contexe_signal_parse(const char *name);
CONTEXE_API const char *contexe_signal_name(int sig, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
