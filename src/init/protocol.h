/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - what contexe-init (pid 1 of a container) and the supervisor (the pseudo init outside)
 * tell each other. No libc is needed to include this.
 *
 * contexe-init is executed with:
 *     argv: "contexe-init", JOB_PID (decimal, the vpid of the job, already its child), N_KEEP (decimal)
 *     fd 3  SOCK_SEQPACKET socket, connected to the supervisor
 *     fd 4  SOCK_SEQPACKET listening unix socket: the container's control socket (`ctl`), served by
 *           the supervisor; kept here so that it outlives the supervisor
 *     fd 5  the container's status file, open for writing: init writes the job's wait(2) status there
 *           ("WSTATUS\n" in decimal) when the job has ended, so that it is known even when nobody listens
 *     fd 6 .. 6+N_KEEP-1: descriptors kept alive for the supervisor (pty master, read ends of the job's
 *           output pipes, write end of its input pipe), so that the job does not notice when the
 *           supervisor dies
 * Everything else is closed by it, first thing.
 *
 * All messages are one struct init_msg. Who sends, who waits:
 *   INIT_JOB_EXITED   init -> supervisor, value = wait(2) status of the job. Sent before init exits.
 *   INIT_ENDED_BY     init -> supervisor, value = signal: a signal from outside whose ordinary effect is
 *                     to end the process reached init; it exits with 128 + value right after.
 *   INIT_STOP_ME      init -> supervisor, value = signal: a stop signal (TSTP, TTIN, TTOU) came from
 *                     outside; init cannot stop itself (the kernel drops SIGSTOP sent from inside), so the
 *                     supervisor sends it SIGSTOP.
 *   INIT_SIGNAL_JOB   supervisor -> init, value = signal: kill(job, value).
 *   INIT_ADOPT        new supervisor -> init over a connection to `ctl`, after the old one died: init
 *                     answers INIT_ADOPTED (value = N_KEEP) with descriptors: [listening socket, kept...]
 *                     by SCM_RIGHTS, and from then on that connection takes the place of fd 3.
 *                     While a supervisor lives (fd 3 has no hang-up), init never accepts on `ctl`.
 * While no supervisor lives, any other client that connects gets INIT_ORPHAN and is closed.
 */
#pragma once

#include <stdint.h>

#define INIT_FD_SUPERVISOR 3
#define INIT_FD_LISTEN	   4
#define INIT_FD_STATUS	   5
#define INIT_FD_KEEP	   6
#define INIT_MAX_KEEP	   8
#define INIT_MAGIC	   0x49545843u /* "CXTI" */

enum init_msg_type {
	INIT_JOB_EXITED = 1,
	INIT_ENDED_BY,
	INIT_STOP_ME,
	INIT_SIGNAL_JOB,
	INIT_ADOPT,
	INIT_ADOPTED,
	INIT_ORPHAN,
};

struct init_msg {
	uint32_t magic;
	uint32_t type;
	int32_t value;
	uint32_t reserved;
};
