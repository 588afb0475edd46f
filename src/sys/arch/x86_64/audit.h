/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - see sys/arch/audit.h. */
#pragma once

#include <linux/audit.h>

#define ARCH_AUDIT AUDIT_ARCH_X86_64
