# SPDX-License-Identifier: Apache-2.0
"""--host: the machine's own tree below a private layer. The machine is not touched, its secrets are not seen."""
import hashlib
import os
import re
import subprocess

import pytest

from support import engine, machine, need

SOURCE = os.path.join(engine.TOP, "src", "engine", "hostroot.c")


def listed(table):
    """The paths of a table in hostroot.c."""
    with open(SOURCE, encoding="utf-8") as f:
        text = re.search(rf"{table}\[\] = \{{(.*?)\n\}};", f.read(), re.S)[1]
    return re.findall(r'"(/[^"]*)"', text)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


@pytest.fixture
def host(contexe):
    """A container on the machine's tree that waits; its name."""
    name = contexe.name()
    contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
    return name


def shell(contexe, name, script, **settings):
    return contexe.run("exec", name, "sh", "-c", script, **settings).stdout


@pytest.fixture
def probe():
    """A file of the machine that is seen inside."""
    path = f"/opt/contexe-probe-{os.getpid()}"
    with open(path, "w", encoding="utf-8") as f:
        f.write("untouched\n")
    yield path
    os.unlink(path)


def test_host_is_what_you_get_by_default(contexe, probe):
    for options in ([], ["--host"]):
        assert contexe.out("run", "--rm", *options, "--", "cat", probe) == "untouched"


def test_writes_stay_in_the_private_layer(contexe, probe):
    before, listing = digest(probe), sorted(os.listdir("/opt"))
    name = contexe.name()
    script = f"echo changed > {probe}; touch /opt/new /new; rm /etc/passwd; mkdir /etc/dir; chmod 0 /usr/bin; ls /"
    contexe.run("run", "--name", name, "--", "sh", "-c", script)
    assert digest(probe) == before and sorted(os.listdir("/opt")) == listing
    assert os.path.exists("/etc/passwd") and not os.path.exists("/new") and not os.path.exists("/etc/dir")
    assert os.stat("/usr/bin").st_mode & 0o777 == 0o755
    upper = os.path.join(contexe.root, "containers", name, "upper")
    assert machine.read(upper + probe) == "changed\n" and os.path.exists(upper + "/new")
    contexe.run("rm", name)
    assert not os.path.exists(os.path.dirname(upper))
    assert contexe.out("run", "--rm", "--", "cat", probe) == "untouched"


def test_writes_are_kept_until_then(contexe):
    """Ended and started again: the same files."""
    name = contexe.name()
    contexe.run("run", "--name", name, "--", "sh", "-c", "cat /kept 2>/dev/null; echo more >> /kept")
    contexe.run("start", name)
    contexe.run("wait", name)
    assert machine.read(os.path.join(contexe.root, "containers", name, "upper", "kept")) == "more\nmore\n"


def test_deletion_of_a_directory_of_the_machine(contexe):
    assert contexe.out("run", "--rm", "--", "sh", "-c", "rm -rf /opt /srv; ls -d /opt /srv 2>&1; true").count(
        "No such file") == 2
    assert os.path.isdir("/opt") and os.path.isdir("/srv")


@pytest.mark.parametrize("options", [["--uid-map", "0:100000:65536"], ["--privileged"], ["--read-only"]],
                         ids=lambda o: o[0])
def test_secrets_are_hidden_in_every_shape(contexe, options):
    """In a user namespace the tree is put together otherwise."""
    script = ("ls -A /root /home /etc/ssl/private 2>/dev/null | grep -v :; cat /etc/shadow /etc/gshadow 2>/dev/null; "
              f"ls -A {contexe.root} 2>/dev/null; echo end")
    said = contexe.out("run", "--rm", *options, "--", "sh", "-c", script).split()
    assert said == ["end"]


def test_secret_files_are_absent(contexe, host):
    paths = listed("hidden_files")
    assert "/etc/shadow" in paths and len(paths) > 5
    assert os.path.exists("/etc/shadow"), "else this test shows nothing"
    assert shell(contexe, host, f"ls -d {' '.join(paths)} 2>/dev/null; true") == ""


def test_secret_directories_are_empty(contexe, host):
    paths = listed("hidden_dirs")
    assert "/root" in paths and "/home" in paths and len(paths) > 20
    assert os.listdir("/root"), "else this test shows nothing"
    said = shell(contexe, host, f"for d in {' '.join(paths)}; do [ ! -d $d ] || ls -A $d; done").split()
    # but for the directory of the state root, which is empty itself
    assert set(said) <= {os.path.basename(contexe.root)}


def test_ssh_keys_are_absent(contexe):
    """In a private mount namespace with keys where sshd has them."""
    script = ("mount --make-rprivate / && mkdir -p /tmp/ssh && mount -t tmpfs t /mnt && mkdir -p /etc/ssh && "
              "touch /mnt/ssh_host_rsa_key /mnt/ssh_host_rsa_key.pub /mnt/ssh_config && "
              f"mount --bind /mnt /etc/ssh && {contexe.binary} run --dry-run -- true >/dev/null && "
              f"{contexe.binary} run --rm -- ls /etc/ssh")
    made = not os.path.isdir("/etc/ssh")
    try:
        done = subprocess.run(["unshare", "-m", "sh", "-ec", script], env=contexe.environment(None), text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "ssh_host_rsa_key\n" not in done.stdout
    finally:
        if made:
            os.rmdir("/etc/ssh")
        if os.path.isdir("/tmp/ssh"):
            os.rmdir("/tmp/ssh")


def test_the_containers_state_is_not_visible(contexe, host):
    assert shell(contexe, host, f"ls -A {contexe.root}; true") == ""
    assert shell(contexe, host, f"cat {contexe.root}/containers/{host}/config.json 2>&1; true").count("No such") == 1


def test_nor_is_anything_through_proc(contexe, host):
    """Process 1 does not let its root, directory, descriptors or program be opened."""
    for path in ("root/etc/shadow", "root/", "cwd/", "fd/3", "exe", "environ", "mem"):
        assert "Permission denied" in contexe.fails("exec", host, "sh", "-c", f"exec 9< /proc/1/{path}"), path


def test_a_secret_can_be_given(contexe):
    """--volume shows what is hidden otherwise."""
    assert contexe.out("run", "--rm", "-v", "/etc/shadow:/etc/shadow:ro", "--", "grep", "-c", "^root:",
                       "/etc/shadow") == "1"


def test_disk_mounts_of_the_machine_are_shown(contexe, scratch):
    """A second disk, mounted in a private mount namespace."""
    need.program("mkfs.ext4")
    image = os.path.join(scratch, "disk")
    with open(image, "wb") as f:
        f.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    script = (f"mount --make-rprivate / && mount -o loop {image} /srv && echo second > /srv/file && "
              f"{contexe.binary} run --rm -- sh -c 'cat /srv/file; echo x > /srv/file && cat /srv/file; "
              "grep -c \" /srv \" /proc/mounts' && cat /srv/file")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script], env=contexe.environment(None), text=True,
                          capture_output=True, timeout=60)
    need.kernel("loop device" not in done.stderr and "failed to setup loop" not in done.stderr, "loop device")
    said = done.stdout.split()
    assert said[0] == "second" and said[-1] == "second", (done.stdout, done.stderr)


def test_temporary_mounts_of_the_machine_are_not(contexe):
    script = ("mount --make-rprivate / && mount -t tmpfs secret /srv && echo hidden > /srv/file && "
              f"{contexe.binary} run --rm -- ls -A /srv")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script], env=contexe.environment(None), text=True,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_read_only(contexe):
    script = "touch /x; touch /etc/x; touch /tmp/x; touch /run/x && echo run; touch /dev/shm/x && echo shm"
    done = contexe.run("run", "--rm", "--read-only", "--", "sh", "-c", script)
    assert done.stdout.split() == ["run", "shm"]
    assert done.stderr.count("Read-only file system") == 3


def test_programs_of_the_machine_run(contexe):
    for command in (["bash", "-c", "ps ax; hostname"], ["/usr/bin/python3", "-c", "print(1)"], ["ls", "/"]):
        assert contexe.run("run", "--rm", "--", *command).stdout


def test_two_containers_have_a_layer_each(contexe):
    names = [contexe.name() for _ in range(2)]
    for name in names:
        contexe.run("run", "-d", "--name", name, "--", "sleep", "1000")
    shell(contexe, names[0], "echo mine > /etc/mine")
    assert contexe.fails("exec", names[1], "cat", "/etc/mine")


def test_where_the_state_cannot_carry_a_layer(contexe, scratch):
    """A state root on overlay: refused in one line that says why."""
    for name in ("l", "u", "w", "m"):
        os.mkdir(os.path.join(scratch, name))
    script = (f"cd {scratch} && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m && "
              f"{contexe.binary} --root {scratch}/m run --rm -- true")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script], env=contexe.environment(None), text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 125 and done.stderr.count("\n") == 1
    assert "overlay" in done.stderr or "layer" in done.stderr
