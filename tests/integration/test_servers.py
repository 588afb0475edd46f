# SPDX-License-Identifier: Apache-2.0
"""Real servers from Debian's packages, on the machine's own tree: used by real clients inside, limited, paused,
entered, stopped, started again, removed."""
import json
import os
import re

import pytest

from support import machine, need


class Server:
    """One container and the words for it."""

    def __init__(self, contexe, name, *run):
        self.contexe, self.name = contexe, name
        self.contexe.run("run", "-d", "--name", name, "--memory", "256m", "--cpus", "1.5", "--pids-limit", "100", *run)

    def exec(self, *command, **settings):
        return self.contexe.run("exec", self.name, *command, **settings)

    def sh(self, script, **settings):
        return self.exec("sh", "-c", script, **settings)

    def answers(self, *command, timeout=20):
        assert machine.until(lambda: self.exec(*command, check=False).returncode == 0, timeout, 0.1), self.log()

    def log(self):
        done = self.contexe.run("logs", self.name)
        return done.stdout + done.stderr

    def state(self):
        return json.loads(self.contexe.out("inspect", self.name))["state"]

    def check_limits(self):
        """They are there, and what it uses is below them."""
        now, = self.contexe.json("stats", self.name)
        assert 0 < now["memory"] < now["memoryLimit"] == 256 << 20
        assert 2 <= now["pids"] < now["pidsLimit"] == 100 and now["cpuNs"] > 0
        return now

    def check_processes(self, *words):
        rows = self.contexe.json("ps", self.name)
        for word in words:
            assert [r for r in rows if word in r["command"]], (word, rows)
        for row in rows:
            assert self.contexe.json("pid", str(row["pid"]), "--in", self.name)["vpid"] == row["vpid"]

    def check_pause(self, *client):
        """Paused, nobody answers; resumed, it goes on where it was."""
        self.contexe.run("pause", self.name)
        assert self.state() == "paused"
        assert "paused" in self.contexe.fails("exec", self.name, *client)
        self.contexe.run("resume", self.name)
        assert self.state() == "running"
        self.answers(*client)

    def stop(self):
        self.contexe.run("stop", "-t", "20", self.name)
        return json.loads(self.contexe.out("inspect", self.name))["exitCode"]

    def remove(self):
        self.contexe.run("rm", self.name)
        assert self.name not in self.contexe.out("ls", "--all", "--quiet").split()


def test_redis(contexe):
    need.program("redis-server", "redis-cli", "redis-benchmark")
    server = Server(contexe, "redis", "--", "redis-server", "--save", "", "--bind", "127.0.0.1", "--dir", "/tmp",
                    "--maxmemory", "32mb")
    server.answers("redis-cli", "ping")
    assert server.exec("redis-cli", "set", "key", "value").stdout == "OK\n"
    assert server.exec("redis-cli", "get", "key").stdout == "value\n"
    said = server.exec("redis-benchmark", "-q", "-n", "2000", "-c", "10", "-t", "set,get", timeout=60).stdout
    assert re.search(r"SET: [\d.]+ requests per second", said) and "GET" in said
    info = server.exec("redis-cli", "info", "server").stdout
    assert re.search(r"^process_id:2\r?$", info, re.M), "the number it has inside"
    server.check_limits()
    server.check_processes("contexe-init", "redis-server")
    server.check_pause("redis-cli", "ping")
    assert server.exec("redis-cli", "get", "key").stdout == "value\n", "its memory is as it was"
    assert "Ready to accept connections" in server.log()
    assert server.stop() == 0
    assert "bye bye" in server.log(), "a clean shutdown"
    server.remove()


NGINX = """
daemon off;
user www-data;
worker_processes {workers};
pid /run/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log /dev/stdout;
    server {{
        listen 127.0.0.1:8080;
        location / {{ root /srv/site; }}
        location = /status {{ return 200 "{word}"; }}
    }}
}}
"""


def test_nginx(contexe, scratch):
    need.program("nginx", "curl")
    os.makedirs(os.path.join(scratch, "site"))
    config = os.path.join(scratch, "nginx.conf")

    def configure(**values):
        with open(config, "w", encoding="utf-8") as f:
            f.write(NGINX.format(**values))

    configure(workers=2, word="first")
    with open(os.path.join(scratch, "site", "index.html"), "w", encoding="utf-8") as f:
        f.write("hello from outside\n")
    os.chmod(os.path.join(scratch, "site"), 0o755)
    server = Server(contexe, "nginx", "-v", f"{scratch}/site:/srv/site:ro", "-v", f"{config}:/etc/nginx/test.conf:ro",
                    "--tmpfs", "/var/log/nginx", "--tmpfs", "/var/lib/nginx", "--",
                    "nginx", "-c", "/etc/nginx/test.conf")
    get = ["curl", "-sS", "--fail", "--max-time", "5"]
    server.answers(*get, "http://127.0.0.1:8080/status")
    assert server.exec(*get, "http://127.0.0.1:8080/").stdout == "hello from outside\n"
    assert server.exec(*get, "http://127.0.0.1:8080/status").stdout == "first"

    def workers():
        return [r for r in contexe.json("ps", "nginx") if "worker process" in r["command"]
                and "shutting" not in r["command"]]

    assert len(workers()) == 2 and {r["uid"] for r in workers()} != {0}, "they are not root"
    old = {r["vpid"] for r in workers()}
    configure(workers=3, word="second")
    server.sh("kill -HUP $(cat /run/nginx.pid)")
    assert machine.until(lambda: len(workers()) == 3 and not old & {r["vpid"] for r in workers()}), contexe.out("ps")
    assert machine.until(lambda: server.exec(*get, "http://127.0.0.1:8080/status").stdout == "second")
    contexe.run("kill", "--signal", "HUP", "nginx")         # the same from outside
    assert machine.until(lambda: server.exec(*get, "http://127.0.0.1:8080/status").stdout == "second")
    server.check_limits()
    server.check_processes("master process", "worker process")
    server.check_pause(*get, "http://127.0.0.1:8080/status")
    assert '"GET /status HTTP/1.1" 200' in server.log()
    contexe.run("update", "--memory", "128m", "nginx")
    assert contexe.json("stats", "nginx")[0]["memoryLimit"] == 128 << 20
    assert server.stop() == 0
    server.remove()


def postgres_directory():
    base = "/usr/lib/postgresql"
    versions = sorted(os.listdir(base), key=int) if os.path.isdir(base) else []
    if not versions:
        pytest.skip("program postgres is missing (scripts/packages lists its package)")
    return os.path.join(base, versions[-1], "bin")


def test_postgresql(contexe):
    """initdb and the server as the user postgres; stopped and started again, the data is there."""
    programs, data = postgres_directory(), "/var/lib/postgresql/test"
    start = (f"[ -d {data} ] || {programs}/initdb -D {data} --auth trust --no-sync --no-instructions "
             f"--locale C >/dev/null; exec {programs}/postgres -D {data} -k /tmp -c listen_addresses=127.0.0.1 "
             "-c shared_buffers=16MB -c fsync=off")
    server = Server(contexe, "postgres", "--user", "postgres", "--stop-signal", "INT", "--", "sh", "-c", start)

    def psql(query, database="test"):
        return server.exec("psql", "-h", "127.0.0.1", "-U", "postgres", "-d", database, "-qtAc", query).stdout.strip()

    server.answers(f"{programs}/pg_isready", "-h", "127.0.0.1", "-q", timeout=60)
    assert server.sh("id -un").stdout == "postgres\n", "exec is who the container is"
    server.exec("createdb", "-h", "127.0.0.1", "-U", "postgres", "test")
    psql("create table numbers (n int primary key, square int)")
    psql("insert into numbers select n, n * n from generate_series(1, 1000) n")
    assert psql("select sum(square) from numbers") == "333833500"
    assert psql("show data_directory") == data
    server.check_limits()
    server.check_processes("postgres", "checkpointer", "autovacuum launcher")
    server.check_pause("psql", "-h", "127.0.0.1", "-U", "postgres", "-d", "test", "-c", "select 1")
    assert {r["comm"] for r in contexe.json("ps", "postgres")} >= {"contexe-init", "postgres"}
    assert server.stop() == 0
    assert "database system is shut down" in server.log()

    contexe.run("start", "postgres")
    server.answers(f"{programs}/pg_isready", "-h", "127.0.0.1", "-q", timeout=60)
    assert psql("select count(*) from numbers") == "1000", "its disk is as it was"
    psql("insert into numbers values (0, 0)")
    assert server.stop() == 0
    server.remove()
    assert not os.path.exists(data), "nothing came to the machine's own disk"
