/* SPDX-License-Identifier: Apache-2.0 */
/* limits_lists.c - limits that come as lists: per device, page size, interface, and the free map. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "container/cgroup/convert.h"
#include "container/cgroup/limits.h"

/* A setting that is one line of a file. */
static struct setting *add_line(struct settings *out, const char *limit, enum controller ctl,
				bool v2, const char *file, const char *key, const char *given)
{
	struct setting *s = settings_add(out);
	*s = (struct setting){
		.limit = limit, .given = given, .ctl = ctl, .v2 = v2, .file = file, .key = key
	};
	return s;
}

/* ---- block devices ---- */

static const struct throttle {
	const char *limit;
	size_t offset;
	const char *v1, *v2;
} throttles[] = {
	{ "blockIO.throttleReadBpsDevice", offsetof(struct spec_block_io, read_bps),
	  "blkio.throttle.read_bps_device", "rbps" },
	{ "blockIO.throttleWriteBpsDevice", offsetof(struct spec_block_io, write_bps),
	  "blkio.throttle.write_bps_device", "wbps" },
	{ "blockIO.throttleReadIOPSDevice", offsetof(struct spec_block_io, read_iops),
	  "blkio.throttle.read_iops_device", "riops" },
	{ "blockIO.throttleWriteIOPSDevice", offsetof(struct spec_block_io, write_iops),
	  "blkio.throttle.write_iops_device", "wiops" },
};

static void add_throttle(const struct throttle *t, const struct spec_throttle *dev, bool v2,
			 struct settings *out)
{
	struct arena *a = &out->arena;
	const char *key = arena_printf(a, "%" PRId64 ":%" PRId64, dev->major, dev->minor);
	const char *given = arena_printf(a, "%s %" PRIu64, key, dev->rate);
	struct setting *s = add_line(out, t->limit, CTL_IO, v2, v2 ? "io.max" : t->v1, key, given);
	if (!v2) { /* 0 takes the limit away */
		s->value = given;
		s->reset = arena_printf(a, "%s 0", key);
		return;
	}
	s->reset = arena_printf(a, "%s %s=max", key, t->v2);
	s->value = dev->rate == 0 ? s->reset
				  : arena_printf(a, "%s %s=%" PRIu64, key, t->v2, dev->rate);
}

static int plan_throttles(const struct spec_block_io *io, const struct limits_place *place,
			  struct settings *out, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++) {
		const struct throttle *t = &throttles[i];
		const struct spec_throttles *list = (const void *)((const char *)io + t->offset);
		if (list->n == 0)
			continue;
		int v2 = limits_where(place, t->limit, CTL_IO, err);
		if (v2 < 0)
			return v2;
		for (size_t k = 0; k < list->n; k++)
			add_throttle(t, &list->v[k], v2, out);
	}
	return 0;
}

/* Kernels with BFQ have its file, others that of iocost (v2) or of CFQ (v1, before 5.0). */
static int plan_weight(const struct spec_block_io *io, const struct limits_place *place,
		       struct settings *out, struct error *err)
{
	static const char *const limit = "blockIO.weight";
	static const char *const hint =
		"10 to 1000; it needs the BFQ or the iocost scheduler (modprobe bfq)";
	if (!io->weight.set || io->weight.v == 0)
		return 0;
	int v2 = limits_where(place, limit, CTL_IO, err);
	if (v2 < 0)
		return v2;
	struct arena *a = &out->arena;
	char plain[CONVERT_SIZE], scaled[CONVERT_SIZE];
	const char *given = arena_printf(a, "%" PRIu64, io->weight.v);
	int64_t n = (int64_t)MIN(io->weight.v, (uint64_t)INT64_MAX);
	if (convert_blkio_weight(n, plain) < 0 || convert_io_weight(n, scaled) < 0)
		return limits_bad_value(limit, given, hint, ERANGE, err);
	struct setting *s = add_line(out, limit, CTL_IO, v2,
				     v2 ? "io.bfq.weight" : "blkio.bfq.weight", NULL, given);
	s->hint = hint;
	s->hint_absent = true;
	s->alt_file = v2 ? "io.weight" : "blkio.weight";
	s->value = given;
	s->alt_value = given;
	if (v2) { /* "default 100", then a line for each device */
		s->key = "default";
		s->reset = "default 100";
		s->value = arena_printf(a, "default %s", plain);
		s->alt_value = arena_printf(a, "default %s", scaled);
	}
	return 0;
}

static int add_device_weight(const struct spec_weight_device *dev, bool v2, struct settings *out,
			     struct error *err)
{
	static const char *const limit = "blockIO.weightDevice";
	struct arena *a = &out->arena;
	char plain[CONVERT_SIZE], scaled[CONVERT_SIZE];
	const char *key = arena_printf(a, "%" PRId64 ":%" PRId64, dev->major, dev->minor);
	const char *given = arena_printf(a, "%s %" PRIu64, key, dev->weight.v);
	int64_t n = (int64_t)MIN(dev->weight.v, (uint64_t)INT64_MAX);
	if (convert_blkio_weight(n, plain) < 0 || convert_io_weight(n, scaled) < 0)
		return limits_bad_value(limit, given, "10 to 1000", ERANGE, err);
	struct setting *s = add_line(out, limit, CTL_IO, v2,
				     v2 ? "io.bfq.weight" : "blkio.bfq.weight_device", key, given);
	s->value = arena_printf(a, "%s %s", key, plain);
	s->alt_file = v2 ? "io.weight" : "blkio.weight_device";
	s->alt_value = v2 ? arena_printf(a, "%s %s", key, scaled) : s->value;
	s->reset = v2 ? arena_printf(a, "%s default", key) : arena_printf(a, "%s 0", key);
	s->hint = "the device must use the BFQ or iocost scheduler";
	s->hint_absent = true;
	return 0;
}

static int plan_device_weights(const struct spec_block_io *io, const struct limits_place *place,
			       struct settings *out, struct error *err)
{
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct spec_weight_device *dev = &io->weight_devices[i];
		int v2 = limits_where(place, "blockIO.weightDevice", CTL_IO, err);
		if (v2 < 0)
			return v2;
		if (dev->leaf_weight.set && dev->leaf_weight.v != 0)
			return limits_bad_value("blockIO.weightDevice", "leafWeight",
						"no kernel since 5.0 has it: leave it out",
						EOPNOTSUPP, err);
		if (!dev->weight.set || dev->weight.v == 0)
			continue;
		int r = add_device_weight(dev, v2, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- huge pages ---- */

static bool is_page_size(const char *s)
{
	size_t n = s ? strspn(s, "0123456789") : 0;
	return n > 0 && n < 10 && s[n] && strchr("KMG", s[n]) && !strcmp(s + n + 1, "B");
}

static int plan_hugepages(const struct spec_resources *res, const struct limits_place *place,
			  struct settings *out, struct error *err)
{
	static const char *const limit = "hugepageLimits";
	struct arena *a = &out->arena;
	for (size_t i = 0; i < res->n_hugepages; i++) {
		const struct spec_hugepage *h = &res->hugepages[i];
		int v2 = limits_where(place, limit, CTL_HUGETLB, err);
		if (v2 < 0)
			return v2;
		if (!is_page_size(h->page_size))
			return limits_bad_value(limit, h->page_size ? h->page_size : "",
						"a page size as in \"2MB\" or \"1GB\"", EINVAL,
						err);
		const char *tail = v2 ? "max" : "limit_in_bytes";
		for (int rsvd = 0; rsvd < 2; rsvd++) { /* reservations are counted since 5.7 */
			struct setting *s = settings_add(out);
			*s = (struct setting){
				.limit = limit,
				.given = arena_printf(a, "%s %" PRIu64, h->page_size, h->limit),
				.hint = "/sys/kernel/mm/hugepages lists the page sizes of this "
					"machine",
				.hint_absent = true,
				.ctl = CTL_HUGETLB,
				.v2 = v2,
				.optional = rsvd,
				.file = arena_printf(a, "hugetlb.%s.%s%s", h->page_size,
						     rsvd ? "rsvd." : "", tail),
				.value = arena_printf(a, "%" PRIu64, h->limit),
			};
		}
	}
	return 0;
}

/* ---- network, rdma ---- */

static int plan_network(const struct spec_network *net, const struct limits_place *place,
			struct settings *out, struct error *err)
{
	static const char *const limit = "network.priorities";
	struct arena *a = &out->arena;
	for (size_t i = 0; i < net->n_priorities; i++) {
		const struct spec_net_priority *p = &net->priorities[i];
		int v2 = limits_where(place, limit, CTL_NET_PRIO, err);
		if (v2 < 0)
			return v2;
		if (!p->name || !*p->name || strpbrk(p->name, " \t\n"))
			return limits_bad_value(limit, p->name ? p->name : "",
						"the name of an interface", EINVAL, err);
		const char *text = arena_printf(a, "%s %" PRIu64, p->name, p->priority);
		struct setting *s = add_line(out, limit, CTL_NET_PRIO, false, "net_prio.ifpriomap",
					     arena_strdup(a, p->name), text);
		s->value = text;
		s->reset = arena_printf(a, "%s 0", p->name);
	}
	return 0;
}

static int plan_rdma(const struct spec_resources *res, const struct limits_place *place,
		     struct settings *out, struct error *err)
{
	struct arena *a = &out->arena;
	for (size_t i = 0; i < res->n_rdma; i++) {
		const struct spec_rdma *dev = &res->rdma[i];
		int v2 = limits_where(place, "rdma", CTL_RDMA, err);
		if (v2 < 0)
			return v2;
		CLEANUP_BUF struct buf text = BUF_INIT;
		buf_puts(&text, dev->device ? dev->device : "");
		if (dev->hca_handles.set)
			buf_printf(&text, " hca_handle=%" PRIu64, dev->hca_handles.v);
		if (dev->hca_objects.set)
			buf_printf(&text, " hca_object=%" PRIu64, dev->hca_objects.v);
		const char *value = arena_strdup(a, buf_str(&text));
		struct setting *s =
			add_line(out, "rdma", CTL_RDMA, v2, "rdma.max",
				 arena_strdup(a, dev->device ? dev->device : ""), value);
		s->value = value;
		s->reset = arena_printf(a, "%s hca_handle=max hca_object=max", s->key);
	}
	return 0;
}

/* ---- the free map: v2 file name -> text ---- */

/* Files that move, freeze or kill processes or end the leaf rule are not limits. */
static const char *const not_limits[] = { "cgroup.procs", "cgroup.threads",
					  "cgroup.kill",  "cgroup.freeze",
					  "cgroup.type",  "cgroup.subtree_control" };

static int check_unified(const struct spec_pair *p, enum controller *ret, struct error *err)
{
	static const char *const hint = "a file of a v2 group, as in \"memory.high\"";
	const char *dot = p->key ? strchr(p->key, '.') : NULL;
	if (!dot || strchr(p->key, '/') || !p->value)
		return limits_bad_value("unified", p->key ? p->key : "", hint, EINVAL, err);
	for (size_t i = 0; i < ARRAY_SIZE(not_limits); i++)
		if (!strcmp(p->key, not_limits[i]))
			return limits_bad_value("unified", p->key, hint, EINVAL, err);
	*ret = controller_find(p->key, (size_t)(dot - p->key), true);
	if (*ret == CTL_NONE && strncmp(p->key, "cgroup.", 7))
		return limits_bad_value("unified", p->key, hint, EOPNOTSUPP, err);
	return 0;
}

static int is_v1_only(const char *file, struct error *err)
{
	error_set(err, EOPNOTSUPP,
		  "unified asks for a file of cgroup v2, but that controller is "
		  "mounted as v1 here");
	error_object(err, "unified: %s", file);
	return error_hint(err, "use the field of the specification for that limit instead");
}

static void add_unified(const struct spec_pair *p, enum controller ctl, char *line,
			struct settings *out)
{
	struct arena *a = &out->arena;
	struct setting *s = add_line(out, "unified", ctl, true, arena_strdup(a, p->key), NULL,
				     arena_printf(a, "%s = %s", p->key, line));
	s->value = line;
	size_t n = strcspn(line, " ");
	if (line[n] && (strchr(line, '=') || strchr(line, ':') || !strncmp(line, "default ", 8)))
		s->key = arena_strndup(a, line, n);
}

static int plan_unified(const struct spec_pairs *map, const struct limits_place *place,
			struct settings *out, struct error *err)
{
	for (size_t i = 0; i < map->n; i++) {
		enum controller ctl;
		int r = check_unified(&map->v[i], &ctl, err);
		if (r == 0)
			r = limits_where(place, map->v[i].key, ctl, err);
		if (r < 0)
			return r;
		if (r == 0)
			return is_v1_only(map->v[i].key, err);
		char *text = arena_strdup(&out->arena, map->v[i].value), *save, *line;
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			add_unified(&map->v[i], ctl, line, out);
	}
	return 0;
}

int limits_plan_lists(const struct spec_resources *res, const struct limits_place *place,
		      struct settings *out, struct error *err)
{
	int r = plan_weight(&res->block_io, place, out, err);
	if (r == 0)
		r = plan_throttles(&res->block_io, place, out, err);
	if (r == 0)
		r = plan_device_weights(&res->block_io, place, out, err);
	if (r == 0)
		r = plan_hugepages(res, place, out, err);
	if (r == 0)
		r = plan_network(&res->network, place, out, err);
	if (r == 0)
		r = plan_rdma(res, place, out, err);
	return r < 0 ? r : plan_unified(&res->unified, place, out, err);
}
