# SPDX-License-Identifier: Apache-2.0
"""nginx with two workers, and clients that keep their connections through everything."""
import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess
import threading

from carried import TCP, begin, check, guarded, over, right, tick

DIRECTORY = "/tmp/nginx"
CONFIGURATION = """
daemon off; master_process on; worker_processes 2; user root; pid %(d)s/pid; error_log %(d)s/error.log info;
events { worker_connections 64; }
http {
    access_log %(d)s/access.log; keepalive_timeout 600; keepalive_requests 1000000;
    client_body_temp_path %(d)s/body; proxy_temp_path %(d)s/proxy; fastcgi_temp_path %(d)s/f; uwsgi_temp_path %(d)s/u;
    scgi_temp_path %(d)s/s;
    limit_req_zone $binary_remote_addr zone=z:1m rate=100000r/s;
    upstream back { server 127.0.0.1:8401; keepalive 8; }
    server { listen 127.0.0.1:8400; root %(d)s/www; limit_req zone=z burst=1000;
             location /through/ { proxy_pass http://back/; proxy_http_version 1.1; proxy_set_header Connection ""; } }
    server { listen 127.0.0.1:8401; root %(d)s/www; }
}
"""
done = [0] * 5
sums = {}


def connection(port):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    if TCP:
        c.connect()
    else:
        c.sock = socket.socket(socket.AF_UNIX)
        c.sock.connect(f"{DIRECTORY}/{port}")
    c.auto_open = 0                             # never another one
    return c


@guarded
def client(me):
    c = connection(8400)
    local = c.sock.fileno()
    chance = random.Random(me)
    while not over.is_set():
        name = chance.choice(list(sums))
        c.request("GET", ("/through/" if me % 2 else "/") + name)
        answer = c.getresponse()
        body = answer.read()
        check(answer.status == 200, f"{name}: {answer.status}")
        check(not answer.will_close, "nginx does not keep the connection")
        check(hashlib.sha256(body).digest() == sums[name], f"{name} has another content")
        check(c.sock is not None and c.sock.fileno() == local, "the connection was not kept")
        done[me] += 1
        tick(sum(done))


begin()
os.makedirs(DIRECTORY + "/www", exist_ok=True)
for size in (0, 10, 5000, 300000):
    data = os.urandom(size)
    sums[str(size)] = hashlib.sha256(data).digest()
    with open(f"{DIRECTORY}/www/{size}", "wb") as f:
        f.write(data)
if not TCP:
    CONFIGURATION = CONFIGURATION.replace("127.0.0.1:84", "unix:%(d)s/84")
with open(DIRECTORY + "/conf", "w", encoding="ascii") as f:
    f.write(CONFIGURATION % {"d": DIRECTORY})
server = subprocess.Popen(["nginx", "-p", DIRECTORY, "-e", DIRECTORY + "/error.log", "-c", DIRECTORY + "/conf"])
while True:
    try:
        connection(8401)
        break
    except OSError:
        check(server.poll() is None, "nginx has ended")
        over.wait(0.02)
threads = [threading.Thread(target=client, args=(i,)) for i in range(len(done))]
for t in threads:
    t.start()
for t in threads:
    t.join()
with open(DIRECTORY + "/access.log", encoding="ascii") as f:
    lines = sum(1 for line in f if '" 200 ' in line)
server.send_signal(signal.SIGQUIT)              # ends when all connections are done
check(server.wait(30) == 0, "nginx did not end well")
check(lines > 0, "no access is in the log")
right()
