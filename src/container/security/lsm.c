/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lsm.c - AppArmor profiles and SELinux labels taken on at execve(2).
 * Source: Documentation/admin-guide/LSM/apparmor.rst, aa_change_onexec(2), setexeccon(3).
 */
#include "container/security/parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static bool apparmor_enabled(void)
{
	char answer[4];
	return file_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", answer,
			      sizeof(answer)) > 0 &&
	       answer[0] == 'Y';
}

static bool selinux_enabled(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) ==
	       0; /* selinuxfs is there only when it is on */
}

/*
 * Since 5.8 AppArmor has files of its own, so that it does not answer for another LSM in a stack.
 */
static const char *apparmor_file(void)
{
	return access("/proc/thread-self/attr/apparmor/exec", F_OK) == 0 ? "attr/apparmor/exec"
									 : "attr/exec";
}

struct label {
	const char *text, *pointer;
};

static int off(const struct label *label, const char *lsm, struct error *err)
{
	error_set(err, ENOTSUP,
		  "%s is not enabled on this system, so \"%.100s\" cannot confine anything", lsm,
		  label->text);
	error_hint(err, "leave the label out, or enable %s", lsm);
	return error_object(err, "%s", label->pointer);
}

static int take_apparmor(const struct label *label, struct arena *arena, struct security *ret,
			 struct error *err)
{
	if (!apparmor_enabled())
		return strcmp(label->text, "unconfined") ? off(label, "AppArmor", err) : 0;
	ret->exec_label = arena_printf(arena, "exec %s", label->text);
	ret->exec_label_file = arena_strdup(arena, apparmor_file());
	return 0;
}

static int take_selinux(const struct label *label, struct arena *arena, struct security *ret,
			struct error *err)
{
	if (!selinux_enabled())
		return off(label, "SELinux", err);
	ret->exec_label = arena_strdup(arena, label->text);
	ret->exec_label_file = arena_strdup(arena, "attr/exec");
	return 0;
}

/* Engines write "" for none. */
static bool is_given(const struct label *label)
{
	return label->text && label->text[0];
}

static int check_text(const struct label *label, struct error *err)
{
	if (!strpbrk(label->text, "\n\r"))
		return 0;
	error_set(err, EINVAL, "a label must be one line of text");
	return error_object(err, "%s", label->pointer);
}

int lsm_prepare(const struct spec *spec, struct arena *arena, struct security *ret,
		struct error *err)
{
	struct label apparmor = { spec->process.apparmor_profile, "/process/apparmorProfile" };
	struct label selinux = { spec->process.selinux_label, "/process/selinuxLabel" };
	struct label either = { spec->contexe.lsm_label, "/contexe/lsmLabel" };

	if (!is_given(&apparmor) && !is_given(&selinux) && is_given(&either)) {
		if (selinux_enabled())
			selinux = either;
		else
			apparmor = either;
	}
	if ((is_given(&apparmor) && check_text(&apparmor, err) < 0) ||
	    (is_given(&selinux) && check_text(&selinux, err) < 0))
		return -EINVAL;
	int r = is_given(&apparmor) ? take_apparmor(&apparmor, arena, ret, err) : 0;
	if (r < 0 || !is_given(&selinux))
		return r;
	if (ret->exec_label) {
		error_set(err, EINVAL, "there is an AppArmor profile as well");
		error_hint(err, "give one of the two");
		return error_object(err, "%s", selinux.pointer);
	}
	return take_selinux(&selinux, arena, ret, err);
}

int lsm_apply(const struct security *sec, struct error *err)
{
	if (!sec->exec_label)
		return 0;
	char name[64] = "thread-self/";
	strncat(name, sec->exec_label_file, sizeof(name) - strlen(name) - 1);
	int r = procfile_write(name, sec->exec_label);
	if (r == 0)
		return 0;
	apply_error(err, -r, "cannot take on the label \"%.100s\" through /proc/%s",
		    sec->exec_label, name);
	if (r == -ENOENT)
		error_hint(err, "is the profile loaded, and /proc mounted?");
	else if (r == -EXDEV)
		error_hint(err, "/proc must be a procfs with nothing mounted over its files");
	return r;
}
