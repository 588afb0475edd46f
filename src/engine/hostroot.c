/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostroot.c - see hostroot.h. The layer is kept under a name that is the hash of what it holds, so a change
 * of the machine (a directory that appears, another mode) makes another layer.
 */
#include "engine/hostroot.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "sys/mountinfo.h"

/* To be raised when the same list of paths shall give another layer. */
#define LAYER_RULES 3

/* Directories that are empty inside, with the mode they get (0: the host's). */
static const struct {
	const char *path;
	mode_t mode;
} hidden_dirs[] = {
	{ "/root", 0700 },
	{ "/home", 0755 },
	{ "/tmp", 01777 },
	{ "/var/tmp", 01777 },
	{ "/run", 0755 },
	{ "/boot/efi", 0 },
	{ "/lost+found", 0 },
	{ "/etc/ssl/private", 0 },
	{ "/etc/letsencrypt", 0 },
	{ "/etc/wireguard", 0 },
	{ "/etc/openvpn", 0 },
	{ "/etc/NetworkManager/system-connections", 0 },
	{ "/etc/kubernetes", 0 },
	{ "/etc/rancher", 0 },
	{ "/etc/credstore", 0 },
	{ "/etc/credstore.encrypted", 0 },
	{ "/var/lib/contexe", 0 },
	{ "/var/lib/containers", 0 },
	{ "/var/lib/containerd", 0 },
	{ "/var/lib/docker", 0 },
	{ "/var/lib/incus", 0 },
	{ "/var/lib/lxc", 0 },
	{ "/var/lib/lxd", 0 },
	{ "/var/lib/kubelet", 0 },
	{ "/var/lib/rancher", 0 },
	{ "/var/lib/machines", 0 },
	{ "/var/lib/libvirt", 0 },
	{ "/var/lib/private", 0 },
	{ "/var/lib/sss", 0 },
	{ "/var/lib/AccountsService", 0 },
	{ "/var/lib/bluetooth", 0 },
	{ "/var/lib/iwd", 0 },
	{ "/var/mail", 0 },
	{ "/var/spool/mail", 0 },
	{ "/var/spool/cron", 0 },
	{ "/var/backups", 0 },
};

/* Files that are not there inside. */
static const char *const hidden_files[] = {
	"/etc/shadow",
	"/etc/shadow-",
	"/etc/gshadow",
	"/etc/gshadow-",
	"/etc/security/opasswd",
	"/etc/krb5.keytab",
	"/etc/ipsec.secrets",
	"/etc/ppp/chap-secrets",
	"/etc/ppp/pap-secrets",
	"/etc/mysql/debian.cnf",
	"/etc/docker/key.json",
	"/etc/munge/munge.key",
	"/etc/ceph/ceph.client.admin.keyring",
	"/var/lib/systemd/credential.secret",
	"/var/lib/systemd/random-seed",
	"/swapfile",
	"/swap.img",
};

/* File systems whose mounts below / belong to the machine's tree; the rest (proc, tmpfs, ...) does not. */
static const char *const disk_types[] = {
	"ext2",	    "ext3", "ext4", "xfs",  "btrfs", "zfs",	 "f2fs",
	"bcachefs", "jfs",  "nfs",  "nfs4", "9p",    "virtiofs",
};

struct layer {
	struct arena arena;
	struct strings dirs, files; /* what will be hidden, sorted as found */
	struct buf text;	    /* what the name is the hash of */
	bool userns;		    /* its attributes are those of an unprivileged overlay */
	bool unmapped;		    /* the container's root is another than the layer's owner */
};

static void describe_parents(struct layer *l, const char *path)
{
	char part[4096];
	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; (p = strchr(p, '/')); p++) {
		struct stat st;
		*p = '\0';
		if (lstat(part, &st) == 0)
			buf_printf(&l->text, "%s %o %u %u\n", part, st.st_mode, st.st_uid,
				   st.st_gid);
		*p = '/';
	}
}

/* Only what the host has, below real directories: a link is hidden where it leads to. */
static void hide(struct layer *l, struct strings *list, const char *path)
{
	struct stat st;
	char parent[4096];
	(void)snprintf(parent, sizeof(parent), "%s", path);
	for (char *p = parent + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (lstat(parent, &st) < 0 || !S_ISDIR(st.st_mode))
			return;
		*p = '/';
	}
	if (lstat(path, &st) < 0 || (list == &l->dirs && !S_ISDIR(st.st_mode)))
		return;
	strings_add(&l->arena, list, path);
	buf_printf(&l->text, "%s %o %u %u\n", path, st.st_mode, st.st_uid, st.st_gid);
	describe_parents(l, path);
}

static void hide_ssh_keys(struct layer *l)
{
	DIR *dir = opendir("/etc/ssh");
	for (struct dirent *de; dir && (de = readdir(dir));) {
		size_t n = strlen(de->d_name);
		char path[512];
		if (!str_has_prefix(de->d_name, "ssh_host_") || n < 4 ||
		    strcmp(de->d_name + n - 4, "_key"))
			continue;
		(void)snprintf(path, sizeof(path), "/etc/ssh/%s", de->d_name);
		hide(l, &l->files, path);
	}
	if (dir)
		closedir(dir);
}

static void plan_layer(struct layer *l, const struct root *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(hidden_dirs); i++)
		hide(l, &l->dirs, hidden_dirs[i].path);
	hide(l, &l->dirs, root->path);
	for (size_t i = 0; i < ARRAY_SIZE(hidden_files); i++)
		hide(l, &l->files, hidden_files[i]);
	hide_ssh_keys(l);
	buf_printf(&l->text, "rules %d userns %d unmapped %d\n", LAYER_RULES, l->userns,
		   l->unmapped);
}

/* FNV-1a: a name, not a seal. */
static uint64_t hash(const struct buf *b)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * 0x100000001b3ULL;
	return h;
}

/* The directories above path, with the host's owners and modes: theirs are what shows. */
static int make_parents(int dir, const char *path)
{
	char part[4096];
	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; (p = strchr(p, '/')); p++) {
		struct stat st;
		*p = '\0';
		if (mkdirat(dir, part + 1, 0700) == 0) {
			if (lstat(part, &st) < 0 ||
			    fchmodat(dir, part + 1, st.st_mode & 07777, 0) < 0)
				return -errno;
			if (geteuid() == 0 &&
			    fchownat(dir, part + 1, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
				return -errno;
		} else if (errno != EEXIST) {
			return -errno;
		}
		*p = '/';
	}
	return 0;
}

/* A mapped root must be able to read the layer, which holds nothing to hide. */
static mode_t hidden_mode(const char *path, bool unmapped)
{
	struct stat st;
	if (unmapped)
		return str_has_prefix(path, "/tmp") || str_has_prefix(path, "/var/tmp") ? 01777
											: 0755;
	for (size_t i = 0; i < ARRAY_SIZE(hidden_dirs); i++)
		if (str_eq(path, hidden_dirs[i].path) && hidden_dirs[i].mode)
			return hidden_dirs[i].mode;
	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0755;
}

static int make_hidden_dir(const struct layer *l, int dir, const char *path)
{
	int r = make_parents(dir, path);
	if (r < 0)
		return r;
	if (mkdirat(dir, path + 1, 0700) < 0 && errno != EEXIST)
		return -errno;
	CLEANUP_FD int fd = openat(dir, path + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, hidden_mode(path, l->unmapped)) < 0)
		return -errno;
	struct stat st;
	if (geteuid() == 0 && (lstat(path, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 ||
			       fchmod(fd, hidden_mode(path, l->unmapped)) < 0))
		return -errno;
	const char *name = l->userns ? "user.overlay.opaque" : "trusted.overlay.opaque";
	return fsetxattr(fd, name, "y", 1, 0) < 0 ? -errno : 0;
}

static int make_hidden_file(int dir, const char *path)
{
	int r = make_parents(dir, path);
	if (r < 0)
		return r;
	return mknodat(dir, path + 1, S_IFCHR, 0) < 0 && errno != EEXIST ? -errno : 0;
}

static int fill_layer(const struct layer *l, int dir)
{
	int r = fchmod(dir, 0755) < 0 ? -errno : 0;
	for (size_t i = 0; i < l->dirs.n && r == 0; i++)
		r = make_hidden_dir(l, dir, l->dirs.v[i]);
	for (size_t i = 0; i < l->files.n && r == 0; i++)
		r = make_hidden_file(dir, l->files.v[i]);
	return r;
}

/* Made beside and renamed: another process may be at the same. */
static int make_layer(const struct root *root, const struct layer *l, const char *name,
		      int (*fill)(const struct layer *l, int dir), struct error *err)
{
	char tmp[64];
	struct stat st;
	if (fstatat(root->fd, name, &st, 0) == 0)
		return 0;
	(void)snprintf(tmp, sizeof(tmp), "%s.%d", name, getpid());
	int r = mkdirat(root->fd, tmp, 0755) < 0 ? -errno : 0;
	CLEANUP_FD int dir = r < 0 ? r : openat(root->fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0)
		r = dir < 0 ? -errno : fill(l, dir);
	if (r == 0 && renameat(root->fd, tmp, root->fd, name) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		r = -errno;
	/* only there when somebody was faster, or on failure */
	IGNORE_RESULT(file_remove_tree(root->fd, tmp));
	if (r < 0) {
		error_sys(err, -r, "cannot make the layer that hides the machine's secrets");
		error_object(err, "%s/%s", root->path, name);
		error_hint(err, "use --rootfs or --image, or a --root on a disk file system");
	}
	return r;
}

static bool is_hidden(const struct layer *l, const char *path)
{
	for (size_t i = 0; i < l->dirs.n; i++) {
		size_t n = strlen(l->dirs.v[i]);
		if (!strncmp(path, l->dirs.v[i], n) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

static void add_submounts(const struct layer *l, struct spec *spec)
{
	struct mountinfo *mounts;
	size_t n;
	if (mountinfo_read(&spec->arena, AT_FDCWD, "/proc/self/mountinfo", &mounts, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct mountinfo *m = &mounts[i];
		bool disk = false;
		for (size_t k = 0; k < ARRAY_SIZE(disk_types); k++)
			disk = disk || str_eq(m->type, disk_types[k]);
		struct stat st;
		if (disk && strcmp(m->mount_point, "/") != 0 && !is_hidden(l, m->mount_point) &&
		    stat(m->mount_point, &st) == 0 && S_ISDIR(st.st_mode))
			strings_add(&spec->arena, &spec->contexe.submounts, m->mount_point);
	}
}

/*
 * In a user namespace the kernel does not let / itself be a layer: what is mounted below it is locked there.
 * Then the root is a skeleton, a directory or link for each that / has, and each directory gets an
 * overlay of its own, as if it were a mount.
 */
static bool is_shown(const struct layer *l, const char *path)
{
	static const char *const others[] = { "/proc", "/sys",	 "/dev", "/run",
					      "/mnt",  "/media", "/boot" };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (str_eq(path, others[i]))
			return false;
	return !is_hidden(l, path);
}

/* Calls fn for each entry of /. */
static int each_top(int (*fn)(void *arg, const char *path, const struct stat *st), void *arg)
{
	DIR *dir = opendir("/");
	int r = dir ? 0 : -errno;
	for (struct dirent *de; r == 0 && (de = readdir(dir));) {
		char path[NAME_MAX + 2];
		struct stat st;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		(void)snprintf(path, sizeof(path), "/%s", de->d_name);
		if (lstat(path, &st) == 0)
			r = fn(arg, path, &st);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int make_bone(void *arg, const char *path, const struct stat *st)
{
	int dir = *(int *)arg;
	char target[PATH_MAX];
	if (S_ISDIR(st->st_mode))
		return mkdirat(dir, path + 1, 0755) < 0 ? -errno : 0;
	if (!S_ISLNK(st->st_mode))
		return 0;
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, dir, path + 1) < 0 ? -errno : 0;
}

static int fill_skeleton(const struct layer *l, int dir)
{
	(void)l;
	return fchmod(dir, 0755) < 0 ? -errno : each_top(make_bone, &dir);
}

struct shown {
	const struct layer *l;
	struct spec *spec;
};

static int add_shown(void *arg, const char *path, const struct stat *st)
{
	struct shown *s = arg;
	if (S_ISDIR(st->st_mode) && is_shown(s->l, path) && access(path, R_OK | X_OK) == 0)
		strings_add(&s->spec->arena, &s->spec->contexe.submounts, path);
	return 0;
}

static int use_skeleton(const struct root *root, const struct layer *l, const char *name,
			struct spec *spec, struct error *err)
{
	char bones[64];
	(void)snprintf(bones, sizeof(bones), "%s.root", name);
	int r = make_layer(root, l, bones, fill_skeleton, err);
	if (r < 0)
		return r;
	spec->root_path = arena_printf(&spec->arena, "%s/%s", root->path, bones);
	return each_top(add_shown, &(struct shown){ l, spec });
}

int hostroot_apply(const struct root *root, struct spec *spec, bool userns, struct error *err)
{
	/* with mapped ids / can be a layer as it is: a clone of it has nothing below */
	bool skeleton = userns && !spec->contexe.idmap;
	struct layer l = { .userns = userns, .unmapped = skeleton };
	char name[40];

	plan_layer(&l, root);
	(void)snprintf(name, sizeof(name), "host/%016" PRIx64, hash(&l.text));
	int r = make_layer(root, &l, name, fill_layer, err);
	if (r == 0) {
		spec->contexe.rootfs = "host";
		spec->contexe.overlay = true;
		spec->root_path = "/";
		strings_add(&spec->arena, &spec->contexe.lower,
			    arena_printf(&spec->arena, "%s/%s", root->path, name));
		spec->contexe.submounts.n = 0;
		if (skeleton)
			r = use_skeleton(root, &l, name, spec, err);
		else
			add_submounts(&l, spec);
	}
	buf_done(&l.text);
	arena_done(&l.arena);
	return r;
}
