/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidname.h - the internal name of a process, `<pidspace|vpid>`, as text and as a struct.
 *
 *     <0|1087>            pid 1087 of the system container (the reader's own pid namespace)
 *     <1|2>               pid 2 of container number 1
 *     <web|2>             the same, by the container's name (read, never written)
 *     <ns:4026532345|7>   pid 7 of the pid namespace with that inode, which is no container of ours
 *     <?|7>               written only: pid 7 of a namespace that could not be told
 *
 * The brackets may be left out when reading, since shells make them awkward. Digits alone are always a
 * number: a container whose name is all digits must be named by its number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

#define PIDNAME_CONTAINER_MAX 128			   /* of a container's name */
#define PIDNAME_SIZE	      (PIDNAME_CONTAINER_MAX + 16) /* room for any internal name */

enum pidname_space {
	PIDNAME_NUMBER,	   /* value is a container's number */
	PIDNAME_INODE,	   /* value is the inode of a pid namespace */
	PIDNAME_CONTAINER, /* container is a container's name */
	PIDNAME_UNKNOWN,   /* not told */
};

struct pidname {
	enum pidname_space space;
	uint64_t value;
	char container[PIDNAME_CONTAINER_MAX + 1];
	pid_t vpid;
};

/* 0 or -EINVAL. vpid is at least 1. Nothing is written on failure. */
int pidname_parse(const char *text, struct pidname *ret) NODISCARD;

/* Writes the text with its brackets; buf must hold PIDNAME_SIZE bytes. Returns buf. */
const char *pidname_format(const struct pidname *name, char *buf);
