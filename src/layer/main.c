/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - contexe-layer: the private layer of a container's root as a pax archive.
 *
 *   contexe-layer pack DIR     writes the archive to standard output
 *   contexe-layer unpack DIR   reads one from standard input into an existing directory
 *
 * A layer is kept as overlayfs knows it: device nodes 0:0 are whiteouts, trusted.overlay.* attributes
 * tell of opaque and moved directories. Hard links, sparse files, owners, times and other attributes are kept.
 * Unpacking follows no link and goes nowhere but below DIR. What fails is one line on standard error, and exit status 1.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (256u << 10)

static int fail(const char *what, const char *path, const char *why)
{
	fprintf(stderr, "contexe-layer: %s: %s: %s\n", what, path, why);
	return 1;
}

/* ---- pack ---- */

struct packer {
	struct archive *disk, *out;
	struct archive_entry_linkresolver *links;
	char *block;
};

static int pack_data(struct packer *p, struct archive_entry *e)
{
	const void *data;
	size_t size;
	int64_t offset, at = 0;
	int r;
	while ((r = archive_read_data_block(p->disk, &data, &size, &offset)) == ARCHIVE_OK) {
		/* the gap before a block is a hole; the archive has room for it as zeros in between */
		while (at < offset) {
			size_t n = (size_t)(offset - at) < BLOCK ? (size_t)(offset - at) : BLOCK;
			memset(p->block, 0, n);
			if (archive_write_data(p->out, p->block, n) < 0)
				return -1;
			at += (int64_t)n;
		}
		if (size && archive_write_data(p->out, data, size) < 0)
			return -1;
		at += (int64_t)size;
	}
	(void)e;
	return r == ARCHIVE_EOF ? 0 : -1;
}

static int pack_entry(struct packer *p, struct archive_entry *e)
{
	if (archive_entry_filetype(e) == AE_IFSOCK)
		return 0; /* a node without a life of its own: bound sockets are made again by who holds them */
	struct archive_entry *spare = NULL;
	archive_entry_linkify(p->links, &e, &spare);
	if (archive_write_header(p->out, e) < ARCHIVE_WARN)
		return fail("cannot write", archive_entry_pathname(e),
			    archive_error_string(p->out));
	if (archive_entry_size(e) > 0 && archive_entry_filetype(e) == AE_IFREG &&
	    pack_data(p, e) < 0)
		return fail("cannot read", archive_entry_pathname(e),
			    archive_error_string(p->disk));
	return 0;
}

static int pack_all(struct packer *p)
{
	for (;;) {
		struct archive_entry *e = archive_entry_new();
		int r = archive_read_next_header2(p->disk, e);
		int code = 0;
		if (r == ARCHIVE_EOF) {
			archive_entry_free(e);
			return 0;
		}
		if (r < ARCHIVE_WARN)
			code = fail("cannot read", "the layer", archive_error_string(p->disk));
		(void)archive_read_disk_descend(p->disk);
		if (code == 0)
			code = pack_entry(p, e);
		archive_entry_free(e);
		if (code)
			return code;
	}
}

static int pack(const char *dir)
{
	struct packer p = {
		.disk = archive_read_disk_new(),
		.out = archive_write_new(),
		.links = archive_entry_linkresolver_new(),
		.block = malloc(BLOCK),
	};
	if (chdir(dir) < 0)
		return fail("cannot open", dir, strerror(errno));
	(void)archive_read_disk_set_symlink_physical(p.disk);
	(void)archive_read_disk_set_behavior(p.disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
	(void)archive_write_set_format_pax(p.out);
	archive_entry_linkresolver_set_strategy(p.links, archive_format(p.out));
	(void)archive_write_set_bytes_per_block(p.out, BLOCK);
	(void)archive_write_set_bytes_in_last_block(p.out, 1);
	int code = 0;
	if (archive_write_open_fd(p.out, 1) != ARCHIVE_OK)
		code = fail("cannot write", "the archive", archive_error_string(p.out));
	else if (archive_read_disk_open(p.disk, ".") != ARCHIVE_OK)
		code = fail("cannot read", dir, archive_error_string(p.disk));
	else
		code = pack_all(&p);
	if (archive_write_close(p.out) != ARCHIVE_OK && code == 0)
		code = fail("cannot write", "the archive", archive_error_string(p.out));
	archive_entry_linkresolver_free(p.links);
	archive_read_free(p.disk);
	archive_write_free(p.out);
	free(p.block);
	return code;
}

/* ---- unpack ---- */

static int unpack_data(struct archive *in, struct archive *disk)
{
	const void *data;
	size_t size;
	int64_t offset;
	int r;
	while ((r = archive_read_data_block(in, &data, &size, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(disk, data, size, offset) < ARCHIVE_OK)
			return -1;
	return r == ARCHIVE_EOF ? 0 : -1;
}

static int unpack_all(struct archive *in, struct archive *disk)
{
	struct archive_entry *e;
	int r;
	while ((r = archive_read_next_header(in, &e)) != ARCHIVE_EOF) {
		if (r < ARCHIVE_WARN)
			return fail("cannot read", "the archive", archive_error_string(in));
		if (archive_write_header(disk, e) < ARCHIVE_OK)
			return fail("cannot make", archive_entry_pathname(e),
				    archive_error_string(disk));
		if (archive_entry_size(e) > 0 && unpack_data(in, disk) < 0)
			return fail("cannot write", archive_entry_pathname(e),
				    archive_error_string(disk));
		if (archive_write_finish_entry(disk) < ARCHIVE_OK)
			return fail("cannot finish", archive_entry_pathname(e),
				    archive_error_string(disk));
	}
	return 0;
}

static int unpack(const char *dir)
{
	const int flags = ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
			  ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_FFLAGS |
			  ARCHIVE_EXTRACT_SPARSE | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
			  ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS;
	struct archive *in = archive_read_new();
	struct archive *disk = archive_write_disk_new();
	int code;
	if (chdir(dir) < 0)
		return fail("cannot open", dir, strerror(errno));
	(void)archive_read_support_format_tar(in);
	(void)archive_write_disk_set_options(disk, flags);
	(void)umask(0);
	if (archive_read_open_fd(in, 0, BLOCK) != ARCHIVE_OK)
		code = fail("cannot read", "the archive", archive_error_string(in));
	else
		code = unpack_all(in, disk);
	if (archive_write_close(disk) != ARCHIVE_OK && code == 0)
		code = fail("cannot finish", dir, archive_error_string(disk));
	archive_read_free(in);
	archive_write_free(disk);
	return code;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *verb;
		int (*run)(const char *dir);
	} verbs[] = { { "pack", pack }, { "unpack", unpack } };
	for (size_t i = 0; argc == 3 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].verb) == 0)
			return verbs[i].run(argv[2]);
	fprintf(stderr, "usage: contexe-layer pack|unpack DIR (started by contexe, not by hand)\n");
	return 2;
}
