/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp.c - filters: several, of all threads and of one; a later filter for all threads finds them in common. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ckpt.h"

static void deny(int nr, int error, unsigned flags)
{
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(v) / sizeof(v[0]), v };
	CKPT_SETUP(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p));
}

static pthread_barrier_t meet;

static void *thread(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	CKPT_CHECK(syscall(SYS_mkdir, "/x", 0) < 0 && errno == EXFULL, "the thread may mkdir");
	pthread_barrier_wait(&meet);
	CKPT_CHECK(syscall(SYS_rmdir, "/x") < 0 && errno == ENOANO, "not for all threads");
	return NULL;
}

/* One with a thread whose filters differ. */
static void *another(void *arg)
{
	(void)arg;
	deny(SYS_rmdir, EBADR, 0);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	CKPT_CHECK(syscall(SYS_rmdir, "/x") < 0 && errno == EBADR, "the filter is lost");
	return NULL;
}

static int child(void)
{
	pthread_t t;
	pthread_barrier_init(&meet, NULL, 2);
	if (pthread_create(&t, NULL, another, NULL))
		return 10;
	pthread_barrier_wait(&meet);
	ckpt_wait();
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	return syscall(SYS_rmdir, "/no such thing") < 0 && errno == ENOENT ? 0 : 11;
}

int main(void)
{
	pthread_t t[3];
	ckpt_init();
	CKPT_SETUP(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	deny(SYS_mkdir, EBADE, SECCOMP_FILTER_FLAG_LOG);
	deny(SYS_mkdir, EXFULL, 0); /* the newest answers */
	deny(SYS_mkdirat, EBADE, 0);
	pid_t pid = CKPT_SETUP(fork());
	if (pid == 0)
		_exit(child());
	pthread_barrier_init(&meet, NULL, 4);
	for (int i = 0; i < 3; i++)
		CKPT_SETUP(pthread_create(&t[i], NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	usleep(50000);

	ckpt_ready();

	CKPT_CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2, "there is no filter");
	CKPT_CHECK(syscall(SYS_mkdir, "/x", 0) < 0 && errno == EXFULL, "mkdir: %d", errno);
	CKPT_CHECK(syscall(SYS_mkdirat, -1, "x", 0) < 0 && errno == EBADE, "mkdirat: %d", errno);
	pthread_barrier_wait(&meet);
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rmdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOANO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(v) / sizeof(v[0]), v };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);
	CKPT_CHECK(r == 0, "a filter for all threads: %ld, %d", r, errno);
	pthread_barrier_wait(&meet);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	int status = -1;
	kill(pid, SIGUSR1);
	CKPT_CHECK(waitpid(pid, &status, 0) == pid && status == 0, "the child ended with %x",
		   (unsigned)status);
	ckpt_pass();
}
