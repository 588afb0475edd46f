/* SPDX-License-Identifier: Apache-2.0 */
/* plan_rootfs.h - the file tree part of a plan: spec's root, mounts, devices, masks -> mount operations. */
#pragma once

#include "container/plan_data.h"

int plan_rootfs(struct plan *p, const struct plan_context *ctx, struct error *err) NODISCARD;
