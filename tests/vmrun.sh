#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vmrun.sh - run one command inside a stock Debian kernel under QEMU/TCG, on this host's own root filesystem.
#   vmrun.sh [-k KERNELDIR] [-m MiB] [-c CPUS] [-t SECONDS] [-w DIR]... [-C DIR] [-g v2|hybrid|v1] [-d MiB]
#            [-v] [--] COMMAND [ARG...]
#   -k  directory with boot/vmlinuz-* and lib/modules/* (default /, i.e. the installed Debian kernel)
#   -m  guest memory (1024)   -c vCPUs (2)   -t hard time limit in seconds (300)
#   -w  host directory the guest may write through to (repeatable); all else is a throw-away overlay on tmpfs
#   -C  working directory in the guest ($PWD)
#   -g  cgroup layout: v2 = unified at /sys/fs/cgroup (default), hybrid = v1 controllers + unified/, v1
#   -d  give the guest a scratch ext4 disk of that size, mounted on /mnt (else /mnt is tmpfs)
#   -v  show the kernel log too (it goes to stderr)
# The command's stdout+stderr appear on stdout, its exit status is this script's (124: time limit, 125: VM
# trouble). In the guest VMRUN=1 is set. /tmp of the host is visible too (copy-on-write); /run, /dev/shm and
# /mnt are plain tmpfs (usable as overlayfs upper dirs).
#
# No KVM (where the host is itself a guest its vCPUs may hang), no network, no 9p: Debian's cloud kernel has
# CONFIG_NET_9P unset, so the host's / comes in through virtiofs (/usr/lib/qemu/virtiofsd, part of Debian's
# qemu-system-common) and is the read-only lower layer of an overlayfs.
# Needs: root, qemu-system-x86, qemu-system-common, busybox-static, cpio, kmod, xz-utils, zstd (e2fsprogs for
# -d), a linux-image-*-cloud-amd64 (or generic) package.
# Settings by environment: VMRUN_CACHE (directory for the initrd), VMRUN_CACHE_MODE=always (virtiofs cache: a
# bit faster when the host tree does not change), VMRUN_APPEND (kernel command line), VMRUN_CPU (max).
set -u

die()
{
	echo "vmrun: $*" >&2
	exit 125
}

usage()
{
	sed -n '3,14s/^# \?//p' "$0" >&2
	exit 125
}

KD=/ MEM=1024 CPUS=2 LIM=300 WR=() CWD=$PWD CG=v2 DISK=0 VERB=0
while getopts k:m:c:t:w:C:g:d:v o; do
	case $o in
	k) KD=$OPTARG ;;
	m) MEM=$OPTARG ;;
	c) CPUS=$OPTARG ;;
	t) LIM=$OPTARG ;;
	w) WR+=("$(realpath "$OPTARG")") ;;
	C) CWD=$OPTARG ;;
	g) CG=$OPTARG ;;
	d) DISK=$OPTARG ;;
	v) VERB=1 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

KERNEL=$(ls -1 "$KD"/boot/vmlinuz-* 2>/dev/null | sort -V | tail -1)
[ -n "$KERNEL" ] || die "no kernel under $KD/boot"
KVER=${KERNEL##*/vmlinuz-}
MODS=$KD/lib/modules/$KVER
[ -d "$MODS" ] || MODS=$KD/usr/lib/modules/$KVER
[ -d "$MODS" ] || die "no modules for $KVER"
[ -f "$MODS/modules.dep" ] || depmod -b "${MODS%/lib/modules/*}" "$KVER" # a dpkg -x'ed kernel has none yet

T=$(mktemp -d /tmp/vmrun.XXXXXX) || exit 125
VFSD= QEMU= TAIL=
cleanup()
{
	[ -n "$QEMU" ] && kill -9 $QEMU 2>/dev/null
	[ -n "$VFSD" ] && kill $VFSD 2>/dev/null
	wait 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 125' INT TERM

# ---- initramfs: busybox + the few modules needed to reach virtiofs; rebuilt only when the kernel changes ----

MODULES="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console virtio_blk \
crc32c_generic crc16 mbcache jbd2 ext4 fuse virtiofs overlay"

# The guest's first process: finds the host's tree, lays a tmpfs over it, mounts what a system has, becomes it.
guest_init()
{
	cat <<'INIT'
#!/bin/busybox sh
export PATH=/bin; B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for m in $($B cat /m/order); do [ -f /m/$m.ko ] && $B insmod /m/$m.ko 2>/dev/null; done
fail(){ echo "VMRUN-FAIL $*" > /dev/ttyS0; $B poweroff -f; }
$B mount -t virtiofs host /host || fail virtiofs
$B mount -t tmpfs -o size=90% up /up; $B mkdir /up/u /up/w
$B mount -t overlay -o lowerdir=/host,upperdir=/up/u,workdir=/up/w root /new || fail overlay
for d in proc sys dev run tmp mnt; do [ -d /new/$d ] || $B mkdir -p /new/$d; done
$B mount --move /proc /new/proc; $B mount --move /sys /new/sys; $B mount --move /dev /new/dev
$B mkdir -p /new/dev/pts /new/dev/shm; $B mount -t tmpfs run /new/run
$B mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /new/dev/pts; $B mount -t tmpfs shm /new/dev/shm
{ [ -b /new/dev/vda ] && $B mount -t ext4 /new/dev/vda /new/mnt; } || $B mount -t tmpfs mnt /new/mnt
$B mkdir -p /new/dev/mqueue; $B mount -t mqueue mq /new/dev/mqueue 2>/dev/null
. /host/$(for w in $($B cat /new/proc/cmdline); do case $w in vmrun=*) echo ${w#vmrun=};; esac; done)/env
for w in $VM_WR; do $B mkdir -p /new$w; $B mount --bind /host$w /new$w; done
k=$($B uname -r); $B mkdir -p /new/lib/modules/$k 2>/dev/null; $B mount --bind /host$VM_MODS /new/lib/modules/$k
cgd=/new/sys/fs/cgroup
case $VM_CG in
v2)	$B mount -t cgroup2 cg $cgd
	for c in $($B cat $cgd/cgroup.controllers); do echo +$c > $cgd/cgroup.subtree_control; done;;
*)	$B mount -t tmpfs cg $cgd
	for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
		$B mkdir $cgd/$c; $B mount -t cgroup -o $c cg $cgd/$c
	done
	[ $VM_CG = hybrid ] && { $B mkdir $cgd/unified; $B mount -t cgroup2 cg $cgd/unified; };;
esac
# become the real root (not a chroot: unshare(CLONE_NEWUSER) is refused to a chrooted process)
$B mkdir -p /new/run/vmrun; $B mount --bind /host$VM_T /new/run/vmrun; $B cp $B /new/run/vmrun/busybox
cd /new; $B mount --move . /; exec $B chroot . /run/vmrun/busybox sh /run/vmrun/stage2
INIT
}

module_file()
{
	find "$MODS/kernel" -name "$1.ko*" | head -1
}

CACHE=${VMRUN_CACHE:-${XDG_CACHE_HOME:-/var/cache}/vmrun}
mkdir -p "$CACHE" || die "cannot make $CACHE"
IR=$CACHE/initrd-$KVER.cpio
make_initrd()
{
	local r=$T/ir m f
	mkdir -p "$r"/{bin,m,proc,sys,dev,host,up,new}
	cp "$(command -v busybox)" "$r/bin/busybox" || die "busybox-static missing"
	for m in $MODULES; do
		f=$(module_file "$m")
		case $f in
		'') continue ;; # built in on some kernels
		*.xz) xz -dc "$f" >"$r/m/$m.ko" ;;
		*.zst) zstd -qdc "$f" >"$r/m/$m.ko" ;;
		*) cp "$f" "$r/m/$m.ko" ;;
		esac
	done
	echo $MODULES >"$r/m/order"
	guest_init >"$r/init"
	chmod +x "$r/init"
	(cd "$r" && find . | cpio -o -H newc --quiet) >"$IR.$$" && mv "$IR.$$" "$IR" || die "cannot write $IR"
}
if [ ! -s "$IR" ] || [ "$0" -nt "$IR" ]; then
	make_initrd
fi

# ---- what to run: read by the guest from $T, its /run/vmrun ----

{
	printf 'export PATH=%q HOME=%q LANG=%q TERM=dumb VMRUN=1 VMRUN_KERNEL=%q\n' \
		"$PATH" "${HOME:-/root}" "${LANG:-C.UTF-8}" "$KVER"
	printf 'cd %q || cd /\nexec' "$CWD"
	printf ' %q' "$@"
	echo
} >"$T/cmd"
cat >"$T/stage2" <<'S2'
B=/run/vmrun/busybox; cd /; /sbin/ip link set lo up 2>/dev/null || $B ifconfig lo 127.0.0.1 up
HVC=/dev/hvc0; [ -c $HVC ] || HVC=/dev/ttyS0
$B stty -F $HVC raw -echo 2>/dev/null
read up rest < /proc/uptime
/usr/bin/setsid -w /bin/bash /run/vmrun/cmd </dev/null >$HVC 2>&1; rc=$?
echo $rc > /run/vmrun/rc; read u2 rest < /proc/uptime; echo "up=$up end=$u2" > /run/vmrun/times
$B sync; $B poweroff -f
S2
{
	echo "VM_T=$T VM_CG=$CG VM_MODS=$(realpath "$MODS") "
	echo "VM_WR='${WR[*]:-}'"
} >"$T/env"

# ---- virtiofsd exports / ----

# All capabilities that root has here may be needed to serve files; sys_resource is one that root of a
# container lacks, and virtiofsd insists on it unless told otherwise.
/usr/lib/qemu/virtiofsd --socket-path="$T/vfs.sock" -o source=/ -o sandbox=chroot \
	-o cache="${VMRUN_CACHE_MODE:-auto}" -o xattr -o modcaps=-sys_resource -o log_level=err \
	--rlimit-nofile=0 -f >"$T/vfsd.log" 2>&1 &
VFSD=$!
for _ in $(seq 250); do
	[ -S "$T/vfs.sock" ] && break
	kill -0 $VFSD 2>/dev/null || die "virtiofsd: $(cat "$T/vfsd.log")"
	sleep 0.02
done

# ---- the machine ----

: >"$T/out"
DARG=()
if [ "$DISK" -gt 0 ]; then
	truncate -s "${DISK}M" "$T/disk" && mkfs.ext4 -q -F -m0 -O ^has_journal "$T/disk" || die "mkfs.ext4"
	DARG=(-drive "file=$T/disk,format=raw,if=virtio,cache=unsafe")
fi
CMDLINE="console=ttyS0 quiet panic=-1 vmrun=$T mitigations=off random.trust_cpu=on tsc=reliable no_timer_check \
nokaslr rcupdate.rcu_expedited=1 ${VMRUN_APPEND:-}"
qemu-system-x86_64 -accel tcg,thread=multi,tb-size=256 \
	-machine q35,memory-backend=mem,i8042=off,hpet=off,graphics=off -cpu "${VMRUN_CPU:-max}" -smp "$CPUS" -m "$MEM" \
	-object memory-backend-memfd,id=mem,size="${MEM}M",share=on \
	-nodefaults -no-user-config -display none -no-reboot \
	-kernel "$KERNEL" -initrd "$IR" -append "$CMDLINE" -serial "file:$T/klog" "${DARG[@]}" \
	-chardev socket,id=vfs,path="$T/vfs.sock" -device vhost-user-fs-pci,chardev=vfs,tag=host,queue-size=1024 \
	-device virtio-serial-pci -chardev file,id=hvc,path="$T/out" -device virtconsole,chardev=hvc \
	</dev/null 2>"$T/qemu.log" &
QEMU=$!
tail -q -n +1 -f --pid=$QEMU -s 0.1 "$T/out" &
TAIL=$!

START=$SECONDS
while kill -0 $QEMU 2>/dev/null; do
	if [ $((SECONDS - START)) -ge "$LIM" ]; then
		kill -9 $QEMU
		wait $QEMU $TAIL 2>/dev/null
		QEMU=
		[ $VERB = 1 ] && cat "$T/klog" >&2
		echo "vmrun: time limit of $LIM s" >&2
		exit 124
	fi
	sleep 0.05
done
wait $QEMU
QEMU=
wait $TAIL 2>/dev/null

[ $VERB = 1 ] && cat "$T/klog" "$T/qemu.log" "$T/times" >&2 2>/dev/null
[ -s "$T/rc" ] || {
	cat "$T/qemu.log" >&2
	tail -30 "$T/klog" >&2
	die "guest ended without a status"
}
exit "$(cat "$T/rc")"
