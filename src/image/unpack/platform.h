/* SPDX-License-Identifier: Apache-2.0 */
/* platform.h - which images this machine can run; architectures by Go's names, as OCI has them. */
#pragma once

/* "amd64", "arm64", ...; the kernel's own name where Go has none. */
const char *platform_architecture(void);

/* How well an image for os and architecture suits: 2 this machine's own (or not said: NULL or ""), 1 it
 * runs too (386 on amd64), 0 it does not. */
int platform_rank(const char *os, const char *architecture);
