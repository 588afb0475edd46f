/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.h - what a signal does to the init of a container, by where it came from.
 *
 * The promise (Pid namespaces, 2007): from inside the container, init gets only what it explicitly
 * wants; from a parent namespace it looks like an ordinary task, and any signal takes its ordinary
 * effect. The kernel does this only for SIGKILL and SIGSTOP; contexe-init does the rest.
 */
#pragma once

#include <sys/types.h> /* glibc 2.36: signalfd.h relies on it when freestanding */

#include <sys/signalfd.h>

#include "base/compiler.h"

enum signal_effect {
	SIGNAL_NONE, /* nothing */
	SIGNAL_REAP, /* a child may have ended: no matter who says so */
	SIGNAL_STOP, /* ordinary effect: stop */
	SIGNAL_END,  /* ordinary effect: end the process */
};

/* Blocks every signal and returns a non-blocking signalfd(2) that reads all of them, or -errno. */
int signals_open(void) NODISCARD;

/* The effect of one signal as read from that descriptor. */
enum signal_effect signal_effect(const struct signalfd_siginfo *info) NODISCARD;
