/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_proc.c - the parsers of the proc room. The first byte of the input chooses one:
 *   's' a text of /proc/PID/stat, 't' of /proc/PID/status, 'r' the same for its traits, 'n' an internal name
 *   <pidspace|vpid>.
 * What parses must be within its bounds, and a name must read the same once written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/pidname.h"
#include "proc/process.h"
#include "proc/traits.h"

#define REQUIRE(what)                                                                              \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

static void check_stat(const char *text)
{
	struct proc_process p = { 0 };
	if (proc_parse_stat(text, &p) < 0)
		return;
	REQUIRE(p.pid > 0 && p.ppid >= 0 && p.pgrp >= 0 && p.sid >= 0);
	REQUIRE(memchr(p.comm, '\0', sizeof(p.comm)) && p.state);
}

static void check_status(const char *text)
{
	struct proc_process p = { 0 };
	if (proc_parse_status(text, &p) < 0)
		return;
	REQUIRE(p.pid > 0 && p.tgid > 0 && p.ppid >= 0);
	REQUIRE(p.n_levels >= 1 && p.n_levels <= PROC_MAX_LEVELS);
	for (int i = 0; i < p.n_levels; i++)
		REQUIRE(p.nspid[i] >= 0 && p.nstgid[i] >= 0 && p.nspgid[i] >= 0 && p.nssid[i] >= 0);
}

static void check_traits(const char *text)
{
	struct arena arena = { 0 };
	struct proc_traits t;
	if (proc_traits_parse(text, &arena, &t) == 0) {
		REQUIRE(t.tgid >= 0 && t.tracer >= 0 && t.umask >= -1 && t.umask <= 07777);
		REQUIRE(t.seccomp >= 0 && t.seccomp <= 2 && t.state);
		for (size_t i = 0; i < t.n_groups; i++)
			REQUIRE(t.groups[i] <= UINT32_MAX);
	}
	REQUIRE(proc_stat_is_kernel_thread(text) <= 1);
	arena_done(&arena);
}

static void check_name(const char *text)
{
	struct pidname name, again;
	char buf[PIDNAME_SIZE];
	if (pidname_parse(text, &name) < 0)
		return;
	REQUIRE(name.vpid > 0 && name.space != PIDNAME_UNKNOWN);
	REQUIRE(strlen(pidname_format(&name, buf)) < sizeof(buf));
	REQUIRE(pidname_parse(buf, &again) == 0);
	REQUIRE(again.space == name.space && again.value == name.value && again.vpid == name.vpid);
	REQUIRE(strcmp(again.container, name.container) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		uint8_t key;
		void (*check)(const char *text);
	} checks[] = { { 's', check_stat },
		       { 't', check_status },
		       { 'r', check_traits },
		       { 'n', check_name } };
	if (size == 0)
		return 0;
	char *text = malloc(size); /* the rest of the input, ended by 0, with nothing behind it */
	REQUIRE(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].key == data[0])
			checks[i].check(text);
	free(text);
	return 0;
}
