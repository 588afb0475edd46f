// SPDX-License-Identifier: Apache-2.0
// node: an HTTP server and clients with kept connections, timers, a worker thread, a child, file reads. See carried.py.
'use strict';
const http = require('http');
const fs = require('fs');
const crypto = require('crypto');
const { spawn } = require('child_process');
const { Worker } = require('worker_threads');

const say = (line) => fs.writeSync(1, line + '\n');
const wrong = (why) => { say('WRONG: ' + String(why && why.stack || why).replace(/\n/g, ' | ')); process.exit(1); };
const check = (good, why) => { if (!good) wrong(why); };
process.on('uncaughtException', wrong);
process.on('unhandledRejection', wrong);

let over = false, last = 0;
const done = { http: 0, timer: 0, worker: 0, child: 0, file: 0 };
process.on('SIGUSR1', () => { over = true; });
function progress(what) {
	done[what]++;
	const least = Math.min(...Object.values(done)), now = performance.now();
	if (least && now - last > 50) {
		last = now;
		say('tick ' + least);
	}
}

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex');
const server = http.createServer((req, res) => {
	const hash = crypto.createHash('sha256');
	req.on('data', (d) => hash.update(d));
	req.on('end', () => res.end(hash.digest('hex')));
});

const where = (process.env.CARRIED_TCP || 'yes') === 'yes' ? { port: 8600, host: '127.0.0.1' } : { socketPath: '/tmp/node' };
const agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
function request(n) {
	return new Promise((resolve, reject) => {
		const body = Buffer.alloc(n * 997 % 200000, n);
		const req = http.request({ ...where, method: 'POST', agent }, (res) => {
			let text = '';
			res.on('data', (d) => { text += d; });
			res.on('end', () => {
				check(text === digest(body), 'the server saw another body');
				progress('http');
				resolve();
			});
		});
		req.on('error', reject);
		req.end(body);
	});
}

async function clients(me) {
	for (let n = me; !over; n += 3)
		await request(n);
}

async function timers() {
	let before = performance.now();
	while (!over) {
		await new Promise((resolve) => setTimeout(resolve, 5));
		const now = performance.now();
		check(now >= before + 3, 'a timer came too early');
		before = now;
		progress('timer');
	}
}

function exchange(emit, listen, make, compare, what) {
	return new Promise((resolve) => {
		let n = 0;
		const next = () => over ? resolve() : emit(make(++n));
		listen((answer) => {
			check(compare(n, answer), `${what}: ${answer} for ${n}`);
			progress(what);
			setImmediate(next);
		});
		next();
	});
}

const worker = new Worker(`
	const { parentPort } = require('worker_threads');
	parentPort.on('message', (n) => { let s = 0; for (let i = 1; i <= n; i++) s += i; parentPort.postMessage(s); });`,
	{ eval: true });
worker.on('error', wrong);
const cat = spawn('cat', [], { stdio: ['pipe', 'pipe', 'inherit'] });

async function files() {
	for (let n = 0; !over; n++) {
		const data = crypto.randomBytes(n * 31 % 5000);
		await fs.promises.writeFile('/tmp/node-file', data);
		check((await fs.promises.readFile('/tmp/node-file')).equals(data), 'a file has another content');
		progress('file');
	}
}

server.listen(where.socketPath || where, async () => {
	await Promise.all([clients(0), clients(1), clients(2), timers(), files(),
		exchange((n) => worker.postMessage(n), (f) => worker.on('message', f), (n) => n,
			(n, a) => a === n * (n + 1) / 2, 'worker'),
		exchange((n) => cat.stdin.write(n + '\n'), (f) => cat.stdout.on('data', f), (n) => n,
			(n, a) => String(a) === n + '\n', 'child')]);
	cat.stdin.end();
	cat.on('exit', (code) => {
		check(code === 0, 'cat ended with ' + code);
		say('RIGHT');
		process.exit(0);
	});
});
