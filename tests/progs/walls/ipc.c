/* SPDX-License-Identifier: Apache-2.0 */
/* ipc.c - attacks on IPC of others: SysV and POSIX, unix sockets, credentials in messages, keyrings. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "walls.h"

static int attack_shm_id(const struct targets *t)
{
	struct shmid_ds ds;
	void *at = shmat(t->shm, NULL, SHM_RDONLY);
	if (at != (void *)-1)
		return THROUGH;
	return verdict(shmctl(t->shm, IPC_STAT, &ds));
}
static int attack_shm_remove(const struct targets *t)
{
	return verdict(shmctl(t->shm, IPC_RMID, NULL));
}
static int attack_shm_key(const struct targets *t)
{
	return verdict(shmget(t->key, 0, 0));
}
static int attack_shm_index(const struct targets *t)
{
	struct shmid_ds ds;
	(void)t;
	for (int i = 0; i < 4096; i++)
		if (shmctl(i, SHM_STAT, &ds) >= 0 || shmctl(i, 15 /* SHM_STAT_ANY */, &ds) >= 0) {
			detail("index %d is somebody's", i);
			return THROUGH;
		}
	return -errno;
}
static int attack_sem_index(const struct targets *t)
{
	struct semid_ds ds;
	(void)t;
	for (int i = 0; i < 4096; i++)
		if (semctl(i, 0, SEM_STAT, &ds) >= 0 ||
		    semctl(i, 0, 20 /* SEM_STAT_ANY */, &ds) >= 0)
			return THROUGH;
	return -errno;
}
static int attack_msg_index(const struct targets *t)
{
	struct msqid_ds ds;
	(void)t;
	for (int i = 0; i < 4096; i++)
		if (msgctl(i, MSG_STAT, &ds) >= 0 || msgctl(i, 13 /* MSG_STAT_ANY */, &ds) >= 0)
			return THROUGH;
	return -errno;
}
static int attack_sem_id(const struct targets *t)
{
	struct sembuf op = { 0, 1, IPC_NOWAIT };
	if (semctl(t->sem, 0, GETVAL) >= 0)
		return THROUGH;
	return verdict(semop(t->sem, &op, 1));
}
static int attack_sem_remove(const struct targets *t)
{
	return verdict(semctl(t->sem, 0, IPC_RMID));
}
static int attack_sem_key(const struct targets *t)
{
	return verdict(semget(t->key, 0, 0));
}
static int attack_msg_id(const struct targets *t)
{
	struct {
		long type;
		char text[64];
	} m = { .type = 1 };
	if (msgrcv(t->msg, &m, sizeof(m.text), 0, IPC_NOWAIT | MSG_NOERROR) >= 0)
		return THROUGH;
	return verdict(msgsnd(t->msg, &m, 1, IPC_NOWAIT));
}
static int attack_msg_remove(const struct targets *t)
{
	return verdict(msgctl(t->msg, IPC_RMID, NULL));
}
static int attack_msg_key(const struct targets *t)
{
	return verdict(msgget(t->key, 0));
}

/* Files that list them: the key is not there. */
static int listed(const char *file, const char *what)
{
	char text[65536];
	FILE *f = fopen(file, "re");
	if (!f)
		return -errno;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	if (!strstr(text, what))
		return -ENOENT;
	detail("%s is in %s", what, file);
	return THROUGH;
}
static int attack_sysvipc_lists(const struct targets *t)
{
	static const char *const files[] = { "/proc/sysvipc/shm", "/proc/sysvipc/sem",
					     "/proc/sysvipc/msg" };
	char key[16];
	int r = -ENOENT;
	(void)snprintf(key, sizeof(key), " %d ", t->key);
	for (int i = 0; i < 3 && r < 0; i++)
		r = listed(files[i], key);
	return r;
}

static int attack_mqueue(const struct targets *t)
{
	char name[128];
	(void)snprintf(name, sizeof(name), "/%s", t->name);
	return verdict(mq_open(name, O_RDONLY | O_NONBLOCK));
}
static int attack_mqueue_unlink(const struct targets *t)
{
	char name[128];
	(void)snprintf(name, sizeof(name), "/%s", t->name);
	return verdict(mq_unlink(name));
}
static int attack_mqueue_file(const struct targets *t)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "/dev/mqueue/%s", t->name);
	return verdict(open(path, O_RDONLY));
}
static int attack_posix_shm(const struct targets *t)
{
	char name[128];
	(void)snprintf(name, sizeof(name), "/%s", t->name);
	return verdict(shm_open(name, O_RDONLY, 0));
}

static int attack_abstract(const struct targets *t)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(t->name);
	memcpy(un.sun_path + 1, t->name, n);
	for (int i = 0; i < 3; i++) {
		int s = socket(AF_UNIX, types[i], 0);
		if (connect(s, (struct sockaddr *)&un,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0)
			return THROUGH;
		if (errno != ECONNREFUSED)
			return -errno;
	}
	return -ECONNREFUSED;
}
static int attack_abstract_list(const struct targets *t)
{
	return listed("/proc/net/unix", t->name);
}
static int attack_socket_path(const struct targets *t)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", t->socket ? t->socket : "/none");
	return verdict(connect(s, (struct sockaddr *)&un, sizeof(un)));
}

/* A message that says it comes from somebody else. */
static int spoof(struct ucred cred)
{
	int pair[2];
	char control[CMSG_SPACE(sizeof(cred))] = "", byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(cred));
	memcpy(CMSG_DATA(c), &cred, sizeof(cred));
	return verdict(sendmsg(pair[0], &msg, 0));
}
static int attack_creds_pid(const struct targets *t)
{
	return spoof((struct ucred){ t->pid, getuid(), getgid() });
}
static int attack_creds_init(const struct targets *t)
{
	(void)t;
	return spoof((struct ucred){ 1, getuid(), getgid() });
}
/* Who answers on a socket is told as seen from here: nobody outside has a number. */
static int attack_peercred(const struct targets *t)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	(void)t;
	for (int fd = 0; fd < 3; fd++)
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 && cred.pid > 0) {
			detail("descriptor %d leads to %d", fd, cred.pid);
			return THROUGH;
		}
	return -ENOTSOCK;
}

/* ---- keyrings: one for each user of a user namespace, not for each container ---- */

static int attack_key_serial(const struct targets *t)
{
	char text[64];
	return verdict(syscall(SYS_keyctl, KEYCTL_READ, t->serial, text, sizeof(text)));
}
static int attack_key_describe(const struct targets *t)
{
	char text[64];
	return verdict(syscall(SYS_keyctl, KEYCTL_DESCRIBE, t->serial, text, sizeof(text)));
}
static int attack_key_user(const struct targets *t)
{
	return verdict(
		syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", t->name, 0));
}
static int attack_key_session(const struct targets *t)
{
	return verdict(
		syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", t->name, 0));
}
static int attack_key_user_session(const struct targets *t)
{
	return verdict(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_SESSION_KEYRING, "user",
			       t->name, 0));
}
static int attack_key_request(const struct targets *t)
{
	return verdict(syscall(SYS_request_key, "user", t->name, NULL, KEY_SPEC_PROCESS_KEYRING));
}
static int attack_key_add(const struct targets *t)
{
	return verdict(syscall(SYS_add_key, "user", "wall", "x", 1, t->serial));
}
static int attack_key_persistent(const struct targets *t)
{
	long ring = syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING);
	return ring < 0 ? -errno
			: verdict(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", t->name, 0));
}
static int attack_key_list(const struct targets *t)
{
	return listed("/proc/keys", t->name);
}

const struct attack ipc_attacks[] = {
	{ "shm-id", attack_shm_id, 0 },
	{ "shm-remove", attack_shm_remove, 0 },
	{ "shm-key", attack_shm_key, 0 },
	{ "shm-index", attack_shm_index, 0 },
	{ "sem-id", attack_sem_id, 0 },
	{ "sem-index", attack_sem_index, 0 },
	{ "msg-index", attack_msg_index, 0 },
	{ "sem-remove", attack_sem_remove, 0 },
	{ "sem-key", attack_sem_key, 0 },
	{ "msg-id", attack_msg_id, 0 },
	{ "msg-remove", attack_msg_remove, 0 },
	{ "msg-key", attack_msg_key, 0 },
	{ "sysvipc-lists", attack_sysvipc_lists, 0 },
	{ "mqueue", attack_mqueue, 0 },
	{ "mqueue-unlink", attack_mqueue_unlink, 0 },
	{ "mqueue-file", attack_mqueue_file, 0 },
	{ "posix-shm", attack_posix_shm, 0 },
	{ "abstract-socket", attack_abstract, 0 },
	{ "abstract-socket-list", attack_abstract_list, 0 },
	{ "socket-path", attack_socket_path, 0 },
	{ "creds-pid", attack_creds_pid, 0 },
	{ "creds-init", attack_creds_init, OWN },
	{ "peercred", attack_peercred, 0 },
	{ "key-serial", attack_key_serial, FILTER },
	{ "key-describe", attack_key_describe, FILTER },
	{ "key-user", attack_key_user, FILTER },
	{ "key-session", attack_key_session, FILTER },
	{ "key-user-session", attack_key_user_session, FILTER },
	{ "key-request", attack_key_request, FILTER },
	{ "key-add", attack_key_add, FILTER },
	{ "key-persistent", attack_key_persistent, FILTER },
	{ "key-list", attack_key_list, 0 },
	{ NULL, NULL, 0 },
};
