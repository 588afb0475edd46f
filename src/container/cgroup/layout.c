/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - see layout.h.
 *
 * The base is the highest group that we may write: the mount point itself for root (in a cgroup
 * namespace that is the namespace's root, which is all one sees), else the topmost writable one on the
 * way down to our own group, which is what systemd delegates to a user (user@.service). Each hierarchy
 * is looked at when it is first asked for: ten of them cost more than making a group.
 */
#include "container/cgroup/layout.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

#define MOUNTINFO_MAX (16 << 20)
#define USUAL_PLACE   "/sys/fs/cgroup"
#define V2_NAMES      "cgroup2"

static const struct {
	const char *v1, *v2;
} names[N_CONTROLLERS] = {
	[CTL_CPU] = { "cpu", "cpu" },
	[CTL_CPUACCT] = { "cpuacct", NULL },
	[CTL_CPUSET] = { "cpuset", "cpuset" },
	[CTL_MEMORY] = { "memory", "memory" },
	[CTL_IO] = { "blkio", "io" },
	[CTL_PIDS] = { "pids", "pids" },
	[CTL_HUGETLB] = { "hugetlb", "hugetlb" },
	[CTL_DEVICES] = { "devices", NULL },
	[CTL_FREEZER] = { "freezer", NULL },
	[CTL_NET_CLS] = { "net_cls", NULL },
	[CTL_NET_PRIO] = { "net_prio", NULL },
	[CTL_RDMA] = { "rdma", "rdma" },
	[CTL_MISC] = { "misc", "misc" },
	[CTL_DMEM] = { NULL, "dmem" },
};

const char *controller_name(enum controller ctl, bool v2)
{
	return ctl >= N_CONTROLLERS ? NULL : v2 ? names[ctl].v2 : names[ctl].v1;
}

enum controller controller_find(const char *name, size_t n, bool v2)
{
	for (unsigned i = 0; i < N_CONTROLLERS; i++) {
		const char *s = controller_name(i, v2);
		if (s && strlen(s) == n && !memcmp(s, name, n))
			return i;
	}
	return CTL_NONE;
}

/* ---- mountinfo ---- */

void octal_decode(char *s)
{
	char *out = s;
	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

void octal_encode(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == '\\')
			buf_printf(out, "\\%03o", (unsigned char)*s);
		else
			buf_putc(out, *s);
	}
}

/* The controllers among the super block's options, "rw,cpu,cpuacct". */
static unsigned parse_options(char *options, struct buf *ret_names)
{
	unsigned mask = 0;
	char *save, *word;
	for (word = strtok_r(options, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		enum controller ctl = controller_find(word, strlen(word), false);
		if (ctl == CTL_NONE)
			continue;
		mask |= CTL_BIT(ctl);
		buf_printf(ret_names, "%s%s", ret_names->len ? "," : "", word);
	}
	return mask;
}

static char nowhere; /* the base of a hierarchy that was looked at in vain */

static void hierarchy_done(struct hierarchy *h)
{
	free(h->names);
	free(h->mount);
	free(h->root);
	if (h->base != &nowhere)
		free(h->base);
	memset(h, 0, sizeof(*h));
}

/* Whether what is mounted later at `mount` hides `place`. */
static bool covers(const char *mount, const char *place)
{
	size_t n = strlen(mount);
	return !strncmp(mount, place, n) && (!place[n] || place[n] == '/');
}

/* The same hierarchy may be mounted more than once (into containers): the usual place wins. */
static struct hierarchy *slot_for(struct layout *l, const char *hnames, const char *mount)
{
	for (size_t i = 0; i < l->n; i++) {
		struct hierarchy *h = &l->h[i];
		if (strcmp(h->names, hnames))
			continue;
		if (!covers(mount, h->mount) &&
		    (str_has_prefix(h->mount, USUAL_PLACE) || !str_has_prefix(mount, USUAL_PLACE)))
			return NULL;
		hierarchy_done(h);
		return h;
	}
	return l->n < MAX_HIERARCHIES ? &l->h[l->n++] : NULL;
}

/* "36 31 0:33 / /sys/fs/cgroup/freezer rw,relatime shared:9 - cgroup cgroup rw,freezer" */
static void parse_line(struct layout *l, char *line)
{
	char *tail = strstr(line, " - cgroup");
	if (!tail)
		return;
	*tail = '\0';
	char *save, *fields[5];
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!fields[i])
			return;
	}
	char *type = strtok_r(tail + 3, " ", &save);
	(void)strtok_r(NULL, " ", &save); /* source */
	char *options = strtok_r(NULL, " ", &save);
	if (!type || !options)
		return;

	CLEANUP_BUF struct buf hnames = BUF_INIT;
	bool v2 = !strcmp(type, "cgroup2");
	if (!v2 && strcmp(type, "cgroup"))
		return;
	unsigned mask = v2 ? 0 : parse_options(options, &hnames);
	if (v2)
		buf_puts(&hnames, V2_NAMES);
	else if (mask == 0)
		return; /* named hierarchies without a controller: name=systemd */
	octal_decode(fields[3]);
	octal_decode(fields[4]);
	struct hierarchy *h = slot_for(l, buf_str(&hnames), fields[4]);
	if (!h)
		return;
	*h = (struct hierarchy){ .v2 = v2,
				 .controllers = mask,
				 .names = buf_take(&hnames),
				 .mount = xstrdup(fields[4]),
				 .root = xstrdup(fields[3]) };
}

void layout_parse(struct layout *l, char *mountinfo)
{
	char *save, *line;
	for (line = strtok_r(mountinfo, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(l, line);
}

void layout_done(struct layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		hierarchy_done(&l->h[i]);
	l->n = 0;
}

/* ---- where we may write ---- */

static bool writable(const char *dir)
{
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return false;
	CLEANUP_STR char *procs = xasprintf("%s/cgroup.procs", dir);
	return faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) == 0;
}

/* Whether line "9:cpu,cpuacct:/a" of /proc/self/cgroup is about h; *ret_path: "/a". */
static bool own_line(char *line, const struct hierarchy *h, char **ret_path)
{
	char *list = strchr(line, ':');
	char *path = list ? strchr(list + 1, ':') : NULL;
	if (!path)
		return false;
	*path = '\0';
	*ret_path = path + 1;
	if (h->v2)
		return line[0] == '0' && list == line + 1;
	CLEANUP_BUF struct buf ignored = BUF_INIT;
	return parse_options(list + 1, &ignored) & h->controllers;
}

/* Our own group below the mount point of h, or NULL when it is not below it. */
static char *own_group(const struct hierarchy *h)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	if (file_read(AT_FDCWD, "/proc/self/cgroup", 1 << 20, &text) < 0 || text.len == 0)
		return NULL;
	char *save, *line, *path;
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!own_line(line, h, &path))
			continue;
		const char *root = hierarchy_root(h);
		size_t n = strcmp(root, "/") ? strlen(root) : 0;
		if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
			return NULL;
		return xstrdup(path + n);
	}
	return NULL;
}

static char *find_base(const struct hierarchy *h)
{
	struct statfs fs;
	if (statfs(h->mount, &fs) < 0 ||
	    fs.f_type != (h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return NULL; /* hidden by another mount */
	if (writable(h->mount))
		return xstrdup("");
	CLEANUP_STR char *own = own_group(h);
	for (char *end = own; end && *end;) {
		end = strchrnul(end + 1, '/');
		CLEANUP_STR char *base = xasprintf("%.*s", (int)(end - own), own);
		CLEANUP_STR char *dir = xasprintf("%s%s", h->mount, base);
		if (strcmp(base, "/") && writable(dir))
			return take_ptr(base);
	}
	return NULL;
}

const char *hierarchy_base(const struct hierarchy *h)
{
	char *base = atomic_load(&h->base);
	if (!base) {
		char *found = find_base(h), *mine = found ? found : &nowhere;
		if (atomic_compare_exchange_strong(&((struct hierarchy *)h)->base, &base, mine))
			base = mine;
		else
			free(found); /* another thread was first, and found the same */
	}
	return base == &nowhere ? NULL : base;
}

static struct layout the_layout; /* written once, by layout_read() */

/*
 * Most machines have nothing but cgroup2, at the usual place: that is told without the list of all mounts, which
 * costs by the mount and some machines have thousands. Every v1 hierarchy has a line in /proc/self/cgroup,
 * mounted or not. Only what is the whole tree, seen from no other cgroup namespace, has "/" as its root.
 */
static bool is_plain_v2(void)
{
	enum { ROOT_INO = 1 };
	const ino_t first_cgroup_namespace = 0xEFFFFFFB; /* PROC_CGROUP_INIT_INO */
	struct statfs fs;
	struct stat root, ns;
	char groups[4096];
	CLEANUP_FD int fd = FD_NONE;
	if (statfs(USUAL_PLACE, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    stat(USUAL_PLACE, &root) < 0 || root.st_ino != ROOT_INO ||
	    stat("/proc/self/ns/cgroup", &ns) < 0 || ns.st_ino != first_cgroup_namespace)
		return false;
	fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, groups, sizeof(groups) - 1);
	groups[n > 0 ? n : 0] = '\0';
	const char *end = strchr(groups, '\n');
	return str_has_prefix(groups, "0::") && end && !end[1];
}

static void layout_read(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	if (is_plain_v2()) {
		the_layout.h[the_layout.n++] = (struct hierarchy){ .v2 = true,
								   .names = xstrdup(V2_NAMES),
								   .mount = xstrdup(USUAL_PLACE),
								   .root = xstrdup("/") };
		return;
	}
	if (file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text) == 0 && text.len > 0)
		layout_parse(&the_layout, text.data);
}

const struct layout *layout_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, layout_read);
	return &the_layout;
}

const struct hierarchy *layout_usual_v2(void)
{
	static struct hierarchy usual = { .v2 = true, .names = V2_NAMES, .mount = USUAL_PLACE };
	struct statfs fs;
	return statfs(USUAL_PLACE, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC ? &usual : NULL;
}

const char *hierarchy_root(const struct hierarchy *h)
{
	const struct hierarchy *known = h;
	if (!h->root)
		known = layout_named(layout_get(), h->names, strlen(h->names));
	return known && known->root ? known->root : "/";
}

enum cgroup_layout layout_kind(const struct layout *l)
{
	bool v2 = layout_v2(l), v1 = false;
	for (size_t i = 0; i < l->n && !v1; i++)
		v1 = !l->h[i].v2 && hierarchy_base(&l->h[i]);
	return v2 && v1 ? CGROUP_HYBRID : v2 ? CGROUP_V2 : v1 ? CGROUP_V1 : CGROUP_NONE;
}

const struct hierarchy *layout_v2(const struct layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->h[i].v2 && hierarchy_base(&l->h[i]))
			return &l->h[i];
	return NULL;
}

const struct hierarchy *layout_v1(const struct layout *l, enum controller ctl)
{
	for (size_t i = 0; i < l->n && ctl < N_CONTROLLERS; i++)
		if ((l->h[i].controllers & CTL_BIT(ctl)) && hierarchy_base(&l->h[i]))
			return &l->h[i];
	return NULL;
}

const struct hierarchy *layout_named(const struct layout *l, const char *hnames, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->h[i].names) == n && !memcmp(l->h[i].names, hnames, n))
			return &l->h[i];
	return NULL;
}

#define OFFER_READ (1u << 31)

unsigned controller_mask(char *words)
{
	unsigned mask = 0;
	char *save, *word;
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		enum controller ctl = controller_find(word, strlen(word), true);
		if (ctl != CTL_NONE)
			mask |= CTL_BIT(ctl);
	}
	return mask;
}

static unsigned read_offer(const struct hierarchy *h)
{
	CLEANUP_STR char *path = xasprintf("%s%s/cgroup.controllers", h->mount, hierarchy_base(h));
	char text[1024];
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	return controller_mask(text);
}

unsigned hierarchy_v2_controllers(const struct hierarchy *h)
{
	unsigned offered = atomic_load(&h->offered);
	if (!(offered & OFFER_READ)) {
		offered = read_offer(h) | OFFER_READ;
		atomic_store(&((struct hierarchy *)h)->offered, offered);
	}
	return offered & ~OFFER_READ;
}

/* ---- what users ask ---- */

enum cgroup_layout cgroup_layout(void)
{
	return layout_kind(layout_get());
}

const char *cgroup_layout_name(enum cgroup_layout layout)
{
	static const char *const text[] = { "none", "v1", "hybrid", "v2" };
	return layout < ARRAY_SIZE(text) ? text[layout] : "none";
}

bool cgroup_has_controller(const char *name)
{
	const struct layout *l = layout_get();
	const struct hierarchy *v2 = layout_v2(l);
	enum controller ctl = controller_find(name, strlen(name), true);
	if (ctl == CTL_NONE)
		return false;
	return (v2 && (hierarchy_v2_controllers(v2) & CTL_BIT(ctl))) || layout_v1(l, ctl);
}

void cgroup_controllers(struct buf *out)
{
	const struct layout *l = layout_get();
	const struct hierarchy *v2 = layout_v2(l);
	unsigned in_v2 = v2 ? hierarchy_v2_controllers(v2) : 0;
	const char *blank = "";
	for (unsigned i = 0; i < N_CONTROLLERS; i++) {
		bool is_v2 = in_v2 & CTL_BIT(i);
		if (!is_v2 && !layout_v1(l, i))
			continue;
		buf_printf(out, "%s%s", blank, controller_name(i, is_v2));
		blank = " ";
	}
}
