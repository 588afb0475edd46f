/* SPDX-License-Identifier: Apache-2.0 */
/* boot.h - containers at the machine's boot and shutdown: start --at-boot, stop --at-shutdown. */
#pragma once

#include "cli/cli.h"

/* Starts all whose restart policy wants it. One that joins another's namespaces comes after that one. The worst
 * exit code. */
int boot_start(struct cli *cli);

/* Ends all that run, at the same time; seconds as for contexe_stop(). The worst exit code. */
int boot_stop(struct cli *cli, int seconds);
