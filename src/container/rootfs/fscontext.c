/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fscontext.c - making a file system: fsopen, fsconfig for each option, fsmount. The result is attached
 * nowhere yet, and is by construction of the type that was asked for.
 */
#include "container/rootfs/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/mountfd.h"

/*
 * The length of an option up to the comma that ends it. A comma after a backslash (overlay paths) or
 * between quotes (SELinux contexts) does not.
 */
static size_t option_length(const char *s)
{
	bool quoted = false;
	size_t n;

	for (n = 0; s[n] && (s[n] != ',' || quoted); n++) {
		if (s[n] == '"')
			quoted = !quoted;
		else if (s[n] == '\\' && s[n + 1])
			n++;
	}
	return n;
}

static void unquote(char *value)
{
	size_t n = strlen(value);
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		memmove(value, value + 1, n - 2);
		value[n - 2] = '\0';
	}
}

static int set_option(int fs, char *option)
{
	char *value = strchr(option, '=');
	if (!value)
		return sys_fsconfig_flag(fs, option);
	*value++ = '\0';
	unquote(value);
	return sys_fsconfig_string(fs, option, value);
}

/* One message a read: "e overlay: No changes allowed in superblock", e for error, w, i. */
bool fs_complaint(int fs, char *text, size_t size)
{
	char line[256];
	bool found = false;

	for (;;) {
		ssize_t n = read(fs, line, sizeof(line) - 1);
		if (n <= 2)
			return found;
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != 'e' && found)
			continue;
		(void)snprintf(text, size, "%s", line + 2);
		found = true;
	}
}

static int fs_explain(int fs, int errnum, const char *type, struct error *err)
{
	char text[256];
	if (fs_complaint(fs, text, sizeof(text)))
		return error_set(err, errnum, "the kernel says \"%s\"", text);
	return error_sys(err, errnum, "the kernel refuses to make a file system of type %s", type);
}

static int set_options(int fs, const struct fs_request *req, struct error *err)
{
	for (const char *s = req->data ? req->data : ""; *s;) {
		size_t n = option_length(s);
		char option[512];
		if (n >= sizeof(option))
			return error_set(err, EINVAL, "an option of %zu bytes is too long", n);
		memcpy(option, s, n);
		option[n] = '\0';
		s += n;
		s += *s == ',';
		if (n == 0)
			continue;
		int r = set_option(fs, option);
		if (r < 0) {
			r = fs_explain(fs, -r, req->type, err);
			(void)error_hint(err, "check the option \"%s\"", option);
			return r;
		}
	}
	return 0;
}

static int fs_configure(int fs, const struct fs_request *req, struct error *err)
{
	int r = sys_fsconfig_string(fs, "source", req->source ? req->source : req->type);
	if (r == 0 && req->label && *req->label)
		r = sys_fsconfig_string(fs, "context", req->label);
	if (r == 0 && req->readonly)
		r = sys_fsconfig_flag(fs, "ro");
	if (r < 0)
		return fs_explain(fs, -r, req->type, err);
	r = set_options(fs, req, err);
	if (r < 0)
		return r;
	r = sys_fsconfig_create(fs);
	return r < 0 ? fs_explain(fs, -r, req->type, err) : 0;
}

int fs_make(const struct fs_request *req, struct error *err)
{
	CLEANUP_FD int fs = sys_fsopen(req->type);
	if (fs == -ENODEV) {
		error_set(err, ENODEV, "this kernel does not know the file system type \"%s\"",
			  req->type);
		return error_hint(err, "look in /proc/filesystems, load its module");
	}
	if (fs < 0)
		return error_sys(err, -fs, "cannot open the file system type \"%s\"", req->type);
	int r = fs_configure(fs, req, err);
	if (r < 0)
		return r;
	int mnt = sys_fsmount(fs, (unsigned)req->attr);
	return mnt >= 0 ? mnt : fs_explain(fs, -mnt, req->type, err);
}
