/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - ARCH_AUDIT: the AUDIT_ARCH_* value that seccomp filters see for native system calls. */
#pragma once

#if defined(__x86_64__)
#include "sys/arch/x86_64/audit.h"
#else
#error "no audit architecture: add src/sys/arch/<name>/audit.h"
#endif
