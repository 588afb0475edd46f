/* SPDX-License-Identifier: Apache-2.0 */
/* check_resources.c - the rules for "linux.resources" (config-linux.md, "Control groups"). */
#include <string.h>

#include "spec/check.h"

static int check_device_rules(const struct check *c, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->n_devices; i++) {
		const char *access = r->devices[i].access;
		if (!access || !access[strspn(access, "rwm")])
			continue;
		(void)error_set(c->err, EINVAL, "access is made of r, w and m");
		return check_at(c, "/devices/%zu/access", i);
	}
	return 0;
}

static int check_cpu(const struct check *c, const struct spec_resources *r)
{
	const struct spec_cpu *cpu = &r->cpu;
	if (cpu->burst.set && cpu->quota.set && cpu->quota.v > 0 &&
	    cpu->burst.v > (uint64_t)cpu->quota.v) {
		(void)error_set(c->err, EINVAL, "burst is above quota");
		return check_at(c, "/cpu/burst");
	}
	int e = check_cpulist(c, "/cpu/cpus", cpu->cpus);
	return e < 0 ? e : check_cpulist(c, "/cpu/mems", cpu->mems);
}

static int check_weights(const struct check *c, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->block_io.n_weight_devices; i++) {
		const struct spec_weight_device *d = &r->block_io.weight_devices[i];
		if (d->weight.set || d->leaf_weight.set)
			continue;
		(void)error_set(c->err, EINVAL, "needs weight, leafWeight or both");
		return check_at(c, "/blockIO/weightDevice/%zu", i);
	}
	return 0;
}

/* "<size><unit-prefix>B", as the kernel names the files of hugetlb: 64KB, 2MB, 1GB. */
static bool is_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");
	return digits && s[0] != '0' && s[digits] && strchr("KMG", s[digits]) &&
	       !strcmp(s + digits + 1, "B");
}

static int check_hugepages(const struct check *c, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->n_hugepages; i++) {
		if (is_page_size(r->hugepages[i].page_size))
			continue;
		(void)error_set(c->err, EINVAL, "not a size of huge pages");
		(void)error_hint(c->err, "as the kernel writes them: \"64KB\", \"2MB\", \"1GB\"");
		return check_at(c, "/hugepageLimits/%zu/pageSize", i);
	}
	return 0;
}

static int check_rdma(const struct check *c, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct spec_rdma *d = &r->rdma[i];
		if (!is_file_name(d->device) || strpbrk(d->device, " \t\n"))
			(void)error_set(c->err, EINVAL, "not the name of a device");
		else if (!d->hca_handles.set && !d->hca_objects.set)
			(void)error_set(c->err, EINVAL, "needs hcaHandles, hcaObjects or both");
		else
			continue;
		return check_at_key(c, "/rdma", d->device);
	}
	return 0;
}

/* Keys are names of files in the container's group; one with a slash would reach other groups. */
static int check_unified(const struct check *c, const struct spec_resources *r)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const char *key = r->unified.v[i].key;
		if (is_file_name(key) && strchr(key, '.'))
			continue;
		(void)error_set(c->err, EINVAL, "not the name of a control file");
		(void)error_hint(c->err, "controller and file: \"memory.high\", \"io.max\"");
		return check_at_key(c, "/unified", key);
	}
	return 0;
}

int check_resources(const struct check *c, const struct spec_resources *r)
{
	static int (*const rules[])(const struct check *, const struct spec_resources *) = {
		check_device_rules, check_cpu,	check_weights,
		check_hugepages,    check_rdma, check_unified,
	};
	int e = 0;
	for (size_t i = 0; !e && i < ARRAY_SIZE(rules); i++)
		e = rules[i](c, r);
	return e;
}
