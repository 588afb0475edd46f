/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - what contexe-init (pid 1 of a container) and the supervisor (the pseudo init
 * outside) tell each other. No libc is needed to include this.
 *
 * contexe-init is executed with:
 *     argv: "contexe-init", JOB_PID (decimal, the vpid of the job, already its child, with
 *           the exit signal SIGCHLD), N_KEEP (decimal), and "views" where the last two of what is
 *           kept are the memory and the /dev/fuse of the container's /proc files (sys/viewfs.h):
 *           init answers there with the kernel's files while no supervisor lives
 *           JOB_PID 0: there is no job. The container is led by a process outside (its leader), of which fd 6 is
 *           a pidfd; when that has ended, init ends as if it were a job that ended with 0, since it cannot know
 *           more: a pidfd tells nothing of a process that the reader's pid namespace does not have
 *     fd 3  SOCK_SEQPACKET socket, connected to the supervisor
 *     fd 4  SOCK_SEQPACKET listening unix socket: the container's control socket (`ctl`), served by
 *           the supervisor; kept here so that it outlives the supervisor. Init sets O_NONBLOCK,
 *           which the supervisor shares (one open file): its accept(2) may answer EAGAIN.
 *     fd 5  the container's status file, open for writing: init writes the job's wait(2) status
 *           there ("WSTATUS\n" in decimal) when the job has ended, so that it is known even when
 *           nobody listens
 *     fd 6 .. 6+N_KEEP-1: descriptors kept alive for the supervisor (pty master, read ends of the
 *           job's output pipes; not its input, whose end the job must see), so that the job does not notice when
 *           the supervisor dies
 * Everything else is closed by it, first thing, 0 to 2 included.
 *
 * It should be executed with all signals blocked: a signal that comes before init reads them is
 * then kept, else the kernel drops it. Init exits with the job's exit code, with 128 + signal where
 * the job or itself was ended by a signal, or with INIT_EXIT_USAGE (after one line on fd 2, before
 * anything else is done) if it was not started as described here.
 *
 * All messages are one struct init_msg; what is not (another size, another magic, a type that is
 * not expected there) is ignored. Who sends, who waits:
 *   INIT_READY        init -> supervisor, value = N_KEEP, once: signals are held and the
 *                     descriptors are guarded. The supervisor lets the job's own program start only
 *                     after this: before it, a job of the same user could open /proc/1/fd.
 *   INIT_JOB_EXITED   init -> supervisor, value = wait(2) status of the job. Sent before init
 *                     exits.
 *   INIT_ENDED_BY     init -> supervisor, value = signal: a signal from outside whose ordinary
 *                     effect is to end the process reached init; it exits with 128 + value right
 *                     after. The status file then says "killed by that signal".
 *   INIT_STOP_ME      init -> supervisor, value = signal: a stop signal (TSTP, TTIN, TTOU) came
 *                     from outside; init cannot stop itself (the kernel drops SIGSTOP sent from
 *                     inside), so the supervisor sends it SIGSTOP. Lost while no supervisor lives.
 *   INIT_SIGNAL_JOB   supervisor -> init, value = signal 1 .. 64: kill(job, value).
 *   INIT_ADOPT        new supervisor -> init over a connection to `ctl`, after the old one died:
 *                     init answers INIT_ADOPTED (value = N_KEEP) with descriptors: [listening
 *                     socket, kept...] by SCM_RIGHTS, and from then on that connection takes the
 *                     place of fd 3. While a supervisor lives (fd 3 has no hang-up), init never
 *                     accepts on `ctl`. The new supervisor must be outside the container's pid
 *                     namespace and run as the user of the first one, or as the container's root.
 * While no supervisor lives, any other client gets INIT_ORPHAN as soon as it says something, and is
 * closed. One that says nothing is closed when INIT_MAX_CLIENTS others have come after it.
 *
 * Init never waits for a reader: where the socket is full, the message is dropped. The status file
 * is written before the last message, so a supervisor that reads end-of-file looks there.
 */
#pragma once

#include <stdint.h>

#define INIT_FD_SUPERVISOR 3
#define INIT_FD_LISTEN	   4
#define INIT_FD_STATUS	   5
#define INIT_FD_KEEP	   6
#define INIT_MAX_KEEP	   8
#define INIT_MAX_CLIENTS   4
#define INIT_ARG_VIEWS	   "views"
#define INIT_EXIT_USAGE	   125
#define INIT_MAGIC	   0x49545843u /* "CXTI" */

enum init_msg_type {
	INIT_JOB_EXITED = 1,
	INIT_ENDED_BY,
	INIT_STOP_ME,
	INIT_SIGNAL_JOB,
	INIT_ADOPT,
	INIT_ADOPTED,
	INIT_ORPHAN,
	INIT_READY,
};

struct init_msg {
	uint32_t magic;
	uint32_t type;
	int32_t value;
	uint32_t reserved;
};
