/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spec.c - config.json: every field of every table goes there and back, what other programs
 * write is taken, and each rule of spec_check() is broken once. JSON stands here with ' for ".
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "spec/pointer.h"
#include "spec/schema_rule.h"
#include "spec/spec.h"
#include "spec/tables.h"

/* Uses every field; spec_check() is content with it. */
static const char full[] =
	"{ 'ociVersion': '1.3.0', 'process': { 'terminal': true, 'consoleSize': {'height': 24, "
	"'width': 80}, 'user': {'uid': 1000, 'gid': 100, 'umask': 18, 'additionalGids': [5, 6], "
	"'username': 'me'}, 'args': ['/bin/sh', '-c', 'echo \\\"ä\\n\\\"'], 'env': "
	"['PATH=/bin', 'EMPTY='], 'cwd': '/root', 'capabilities': {'bounding': ['CAP_KILL'], "
	"'effective': ['CAP_KILL'], 'inheritable': ['CAP_KILL'], 'permitted': ['CAP_KILL'], "
	"'ambient': ['CAP_KILL']}, 'rlimits': [{'type': 'RLIMIT_NOFILE', 'soft': 1024, 'hard': "
	"18446744073709551615}, {'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0}], "
	"'noNewPrivileges': true, 'apparmorProfile': 'acme', 'selinuxLabel': "
	"'system_u:system_r:svirt_t:s0', 'oomScoreAdj': -100, 'scheduler': {'policy': "
	"'SCHED_DEADLINE', 'nice': -1, 'flags': ['SCHED_FLAG_RESET_ON_FORK'], 'runtime': "
	"1000000, 'deadline': 2000000, 'period': 3000000}, 'ioPriority': {'class': "
	"'IOPRIO_CLASS_IDLE', 'priority': 0}, 'execCPUAffinity': {'initial': '0-1', 'final': "
	"'7'} }, 'root': {'path': 'rootfs', 'readonly': true}, 'hostname': 'web', 'domainname': "
	"'example', 'mounts': [ {'destination': '/data', 'type': 'bind', 'source': '/srv', "
	"'options': ['rbind', 'idmap'], 'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': "
	"1}], 'gidMappings': [{'containerID': 0, 'hostID': 0, 'size': 1}]}, {'destination': "
	"'proc'} ], 'hooks': { 'prestart': [{'path': '/bin/a', 'args': ['a', '1'], 'env': "
	"['A=1'], 'timeout': 5}], 'createRuntime': [{'path': '/bin/b', 'args': ['b'], 'env': "
	"['A=1'], 'timeout': 5}], 'createContainer': [{'path': '/bin/c', 'args': ['c'], 'env': "
	"['A=1'], 'timeout': 5}], 'startContainer': [{'path': '/bin/d', 'args': ['d'], 'env': "
	"['A=1'], 'timeout': 5}], 'poststart': [{'path': '/bin/e', 'args': ['e'], 'env': "
	"['A=1'], 'timeout': 5}], 'poststop': [{'path': '/bin/f', 'args': ['f'], 'env': "
	"['A=1'], 'timeout': 5}] }, 'annotations': {'org.example/key': 'value', '': ''}, "
	"'linux': { 'namespaces': [{'type': 'network', 'path': '/run/netns/a'}, {'type': "
	"'pid'}, {'type': 'mount'}, {'type': 'ipc'}, {'type': 'uts'}, {'type': 'user'}, "
	"{'type': 'cgroup'}, {'type': 'time'}], 'uidMappings': [{'containerID': 0, 'hostID': "
	"100000, 'size': 65536}], 'gidMappings': [{'containerID': 0, 'hostID': 100000, 'size': "
	"65536}], 'timeOffsets': {'monotonic': {'secs': -10, 'nanosecs': 5}, 'boottime': "
	"{'secs': 1, 'nanosecs': 0}}, 'devices': [{'type': 'c', 'path': '/dev/fuse', 'major': "
	"10, 'minor': 229, 'fileMode': 438, 'uid': 0, 'gid': 0}, {'type': 'p', 'path': "
	"'/dev/pipe'}], 'cgroupsPath': '/my/group', 'resources': { 'devices': [{'allow': true, "
	"'type': 'c', 'major': 10, 'minor': -1, 'access': 'rw'}, {'allow': false}], 'memory': "
	"{'limit': 536870912, 'reservation': -1, 'swap': 536870912, 'kernel': -1, 'kernelTCP': "
	"0, 'swappiness': 0, 'disableOOMKiller': false, 'useHierarchy': true, "
	"'checkBeforeUpdate': true}, 'cpu': {'shares': 1024, 'quota': 50000, 'burst': 1000, "
	"'period': 100000, 'realtimeRuntime': 950000, 'realtimePeriod': 1000000, 'cpus': "
	"'0-3,8', 'mems': '0', 'idle': 0}, 'pids': {'limit': 64}, 'blockIO': {'weight': 100, "
	"'leafWeight': 10, 'weightDevice': [{'major': 8, 'minor': 0, 'weight': 500, "
	"'leafWeight': 300}], 'throttleReadBpsDevice': [{'major': 8, 'minor': 0, 'rate': 600}], "
	"'throttleWriteBpsDevice': [{'major': 8, 'minor': 0, 'rate': 18446744073709551615}], "
	"'throttleReadIOPSDevice': [{'major': 8, 'minor': 16, 'rate': 0}], "
	"'throttleWriteIOPSDevice': [{'major': 8, 'minor': 16, 'rate': 300}]}, "
	"'hugepageLimits': [{'pageSize': '2MB', 'limit': 209715200}], 'network': {'classID': "
	"1048577, 'priorities': [{'name': 'eth0', 'priority': 500}]}, 'rdma': {'mlx5_1': "
	"{'hcaHandles': 3, 'hcaObjects': 10000}, 'rxe3': {'hcaObjects': 0}}, 'unified': "
	"{'memory.high': '1073741824', 'io.max': '259:0 rbps=2097152\\n253:0 wiops=120'} }, "
	"'sysctl': {'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1', "
	"'net/core/somaxconn': '256'}, 'seccomp': { 'defaultAction': 'SCMP_ACT_ERRNO', "
	"'defaultErrnoRet': 38, 'architectures': ['SCMP_ARCH_X86_64'], 'flags': "
	"['SECCOMP_FILTER_FLAG_LOG'], 'listenerPath': '/run/agent.sock', 'listenerMetadata': "
	"'meta', 'syscalls': [ {'names': ['getcwd', 'chmod'], 'action': 'SCMP_ACT_ERRNO', "
	"'errnoRet': 1, 'args': [{'index': 5, 'value': 0, 'valueTwo': 1, 'op': "
	"'SCMP_CMP_NE'}]}, {'names': ['personality'], 'action': 'SCMP_ACT_ALLOW', 'args': [ "
	"{'index': 0, 'value': 18446744073709551615, 'valueTwo': 8, 'op': "
	"'SCMP_CMP_MASKED_EQ'}]}, {'names': ['mknod'], 'action': 'SCMP_ACT_NOTIFY'}] }, "
	"'rootfsPropagation': 'rslave', 'maskedPaths': ['/proc/kcore'], 'readonlyPaths': "
	"['/proc/sys'], 'mountLabel': 'system_u:object_r:svirt_sandbox_file_t:s0', "
	"'personality': {'domain': 'LINUX32'}, 'netDevices': {'eth7': {'name': 'eth0'}, 'eth8': "
	"{}}, 'memoryPolicy': {'mode': 'MPOL_BIND', 'nodes': '0-1', 'flags': "
	"['MPOL_F_STATIC_NODES']}, 'intelRdt': {'closID': 'group', 'schemata': ['L3:0=7f0', "
	"'MB:0=20'], 'l3CacheSchema': 'L3:0=7f0', 'memBwSchema': 'MB:0=20', 'enableMonitoring': "
	"true} }, 'contexe': { 'rootfs': 'image', 'image': 'debian:12', 'imageId': 'sha256:00', "
	"'overlay': true, 'lower': ['/l1', '/l0'], 'submounts': ['/home'], 'init': 'none', "
	"'interactive': true, 'remove': true, 'restart': 'on-failure', 'restartMax': 3, "
	"'stopSignal': 'SIGINT', 'stopTimeout': 10, 'log': 'file', 'logMax': 1048576, 'procView': "
	"'auto', "
	"'detachKeys': '', 'join': ['db:net'], 'groupAdd': ['audio'], 'defaultSeccomp': true, "
	"'delegate': true, 'autoUserns': 65536, 'idmap': true, "
	"'privileged': true, 'lsmLabel': 'x' } } ";

/* Appends text with ' as ". */
static void put_json(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_putc(out, *text == '\'' ? '"' : *text);
}

static void parse_ok(const char *text, size_t size, struct spec *ret)
{
	struct error err = ERROR_INIT;
	if (spec_parse(text, size, ret, &err) < 0)
		fail_msg("%.60s: %s: %s", text, err.object, err.why);
}

static void check_ok(const struct spec *s)
{
	struct error err = ERROR_INIT;
	if (spec_check(s, &err) < 0)
		fail_msg("%s: %s; %s", err.object, err.why, err.hint);
	assert_int_equal(spec_check(s, NULL), 0);
}

/* print(parse(print(s))) == print(s) */
static void round_trip(const struct spec *s)
{
	CLEANUP_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	CLEANUP_SPEC struct spec again = { 0 };
	spec_print(s, &first);
	parse_ok(buf_str(&first), first.len, &again);
	spec_print(&again, &second);
	assert_string_equal(buf_str(&first), buf_str(&second));
}

static void test_round_trip(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_SPEC struct spec s = { 0 };
	put_json(&text, full);
	parse_ok(buf_str(&text), text.len, &s);
	check_ok(&s);
	round_trip(&s);
	round_trip(&(struct spec){ 0 });
}

/* What `full` cannot hold: flags that are not defined, a priority beside SCHED_DEADLINE. */
static bool is_left_out(const char *pointer)
{
	return !strcmp(pointer, "/linux/personality/flags") ||
	       !strcmp(pointer, "/process/scheduler/priority");
}

/* Every field of the schema is given in obj. */
static void all_given(const struct schema *schema, const void *obj, const struct pointer *up)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *f = &schema->fields[i];
		struct pointer at = { .up = up, .key = f->name };
		CLEANUP_BUF struct buf text = BUF_INIT;
		pointer_print(&at, &text);
		if (!schema_given(f, obj) && !is_left_out(buf_str(&text)))
			fail_msg("the test does not use %s", buf_str(&text));
		if (!f->sub)
			continue;
		assert_int_equal(f->element_size, f->sub->size);
		bool embedded = f->kind == SCHEMA_OBJECT;
		all_given(f->sub,
			  embedded ? (const char *)obj + f->offset
				   : CONST_MEMBER(char *, obj, f->offset),
			  &at);
	}
}

static void test_every_field_is_used(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_SPEC struct spec s = { 0 };
	put_json(&text, full);
	parse_ok(buf_str(&text), text.len, &s);
	all_given(&spec_schema, &s, NULL);
}

static void test_what_was_read(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_SPEC struct spec s = { 0 };
	put_json(&text, full);
	parse_ok(buf_str(&text), text.len, &s);
	assert_true(s.process.terminal && s.process.user.umask.v == 022);
	assert_string_equal(s.process.args.v[2], "echo \"\xc3\xa4\n\"");
	assert_true(s.process.rlimits[0].hard == UINT64_MAX && s.process.n_rlimits == 2);
	assert_string_equal(s.root_path, "rootfs");
	assert_string_equal(pairs_get(&s.annotations, "org.example/key"), "value");
	assert_string_equal(spec_namespace_find(&s, "network")->path, "/run/netns/a");
	assert_null(spec_namespace_find(&s, "pid")->path);
	assert_null(spec_namespace_find(&s, "mnt"));
	assert_true(s.linux_.monotonic.secs.v == -10 && s.linux_.monotonic.nanosecs.v == 5);
	assert_true(s.linux_.resources.memory.limit.v == 536870912);
	assert_false(s.linux_.resources.devices[1].allow);
	assert_true(s.linux_.resources.pids_limit.v == 64);
	assert_string_equal(s.linux_.resources.rdma[1].device, "rxe3");
	assert_string_equal(s.linux_.net_devices[0].host_name, "eth7");
	assert_string_equal(s.linux_.net_devices[0].name, "eth0");
	assert_string_equal(s.linux_.personality, "LINUX32");
	assert_string_equal(s.contexe.detach_keys, "");
}

/* What `crun spec` and `runc spec` write. */
static void test_templates(void **state)
{
	(void)state;
	static const char *const commands[] = {
		"crun spec",
		"crun spec --rootless",
		"runc spec",
		"runc spec --rootless",
	};
	char dir[] = "/tmp/test_spec.XXXXXX", command[PATH_MAX];
	assert_non_null(mkdtemp(dir));
	unsigned taken = 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		CLEANUP_SPEC struct spec s = { 0 };
		(void)snprintf(command, sizeof(command),
			       "cd %s && rm -f config.json && %s 2>/dev/null", dir, commands[i]);
		if (system(command) != 0)
			continue;
		(void)snprintf(command, sizeof(command), "%s/config.json", dir);
		assert_int_equal(file_read(AT_FDCWD, command, 1 << 20, &text), 0);
		(void)unlink(command);
		parse_ok(buf_str(&text), text.len, &s);
		check_ok(&s);
		round_trip(&s);
		taken++;
	}
	assert_int_equal(rmdir(dir), 0);
	if (!taken)
		skip();
}

static void test_parts(void **state)
{
	(void)state;
	CLEANUP_ARENA struct arena a = { 0 };
	struct spec_resources res = { .pids_limit = { true, 5 } };
	struct spec_process p = { 0 };
	struct error err = ERROR_INIT;
	static const char r1[] = "{\"memory\":{\"limit\":1}}";
	static const char r2[] = "{\"memory\":{\"limit\":\"1g\"}}";
	static const char r3[] = "{\"cpu\":{\"cpus\":\"x\"}}";
	static const char p1[] = "{\"args\":[\"ls\"]}";
	assert_int_equal(spec_resources_parse(r1, strlen(r1), &a, &res, &err), 0);
	assert_true(res.memory.limit.v == 1 && res.pids_limit.v == 5);
	assert_int_equal(spec_resources_check(&res, &err), 0);
	assert_int_equal(spec_resources_parse(r2, strlen(r2), &a, &res, &err), -EINVAL);
	assert_string_equal(err.object, "/memory/limit");
	assert_non_null(strstr(err.hint, "bytes as a plain number"));
	res = (struct spec_resources){ 0 };
	assert_int_equal(spec_resources_parse(r3, strlen(r3), &a, &res, &err), 0);
	assert_int_equal(spec_resources_check(&res, &err), -EINVAL);
	assert_string_equal(err.object, "/cpu/cpus");
	assert_int_equal(spec_process_parse(p1, strlen(p1), &a, &p, &err), 0);
	assert_int_equal(spec_process_check(&p, &err), -EINVAL);
	assert_string_equal(err.object, "/cwd");
}

/* A sound config.json with more text in the process, at the top and in linux. */
static void build(struct buf *out, const char *process, const char *top, const char *linux_)
{
	put_json(out,
		 "{'ociVersion':'1.2.0','root':{'path':'r'},'process':{'args':['sh'],'cwd':'/'");
	put_json(out, process);
	put_json(out, "},'linux':{'cgroupsPath':'a:b:c'");
	put_json(out, linux_);
	put_json(out, "}");
	put_json(out, top);
	put_json(out, "}");
}

static void breaks(const char *text, size_t size, const char *pointer, const char *why)
{
	CLEANUP_SPEC struct spec s = { 0 };
	struct error err = ERROR_INIT;
	parse_ok(text, size, &s);
	if (spec_check(&s, &err) != -EINVAL)
		fail_msg("%s passed", text);
	assert_string_equal(err.object, pointer);
	if (!strstr(err.why, why))
		fail_msg("%s: \"%s\" does not tell \"%s\"", pointer, err.why, why);
	assert_int_equal(spec_check(&s, NULL), -EINVAL);
}

#define NS(type) ",'namespaces':[{'type':'" type "'}]"
#define IDS	 "[{'containerID':0,'hostID':1000,'size':1}]"

static const struct {
	const char *process, *top, *linux_, *pointer, *why;
} rules[] = {
	{ ",'env':['A=1','B']", "", "", "/process/env/1", "not NAME=value" },
	{ ",'env':['=1']", "", "", "/process/env/0", "not NAME=value" },
	{ ",'rlimits':[{'type':'RLIMIT_CPU','soft':2,'hard':1}]", "", "", "/process/rlimits/0/soft",
	  "above" },
	{ ",'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_CPU','soft':"
	  "1,'hard':1}]",
	  "", "", "/process/rlimits/1/type", "twice" },
	{ ",'scheduler':{'policy':'SCHED_FIFO'}", "", "", "/process/scheduler/priority",
	  "needs a priority" },
	{ ",'scheduler':{'policy':'SCHED_OTHER','priority':1}", "", "",
	  "/process/scheduler/priority", "has no priority" },
	{ ",'scheduler':{'policy':'SCHED_OTHER','runtime':1}", "", "", "/process/scheduler/policy",
	  "SCHED_DEADLINE only" },
	{ ",'scheduler':{'policy':'SCHED_DEADLINE','runtime':2,'deadline':1}", "", "",
	  "/process/scheduler", "runtime <= deadline" },
	{ ",'execCPUAffinity':{'initial':'3-1'}", "", "", "/process/execCPUAffinity/initial",
	  "not a list" },
	{ "", ",'hostname':'a'", "", "/hostname", "no uts namespace" },
	{ "", ",'domainname':'a'", NS("pid"), "/domainname", "no uts namespace" },
	{ "", ",'hostname':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
	  NS("uts"), "/hostname", "at most 64" },
	{ "", ",'mounts':[{'destination':'/a'},{'destination':'/b','uidMappings':" IDS "}]", "",
	  "/mounts/1/gidMappings", "both maps" },
	{ "", ",'hooks':{'prestart':[{'path':'/a'},{'path':'b'}]}", "", "/hooks/prestart/1/path",
	  "not absolute" },
	{ "", ",'hooks':{'poststop':[{'path':'/a','env':['A']}]}", "", "/hooks/poststop/0/env/0",
	  "not NAME=value" },
	{ "", "", ",'namespaces':[{'type':'pid'},{'type':'pid'}]", "/linux/namespaces/1/type",
	  "two pid" },
	{ "", "", ",'namespaces':[{'type':'pid','path':'ns'}]", "/linux/namespaces/0/path",
	  "not absolute" },
	{ "", "", ",'uidMappings':" IDS, "/linux/uidMappings", "no user namespace" },
	{ "", "", ",'uidMappings':" IDS NS("user"), "/linux/gidMappings", "both maps" },
	{ "", "",
	  ",'uidMappings':[{'containerID':0,'hostID':0,'size':2},{'containerID':1,'hostID':"
	  "9,'size':1}],'gidMappings':" IDS NS("user"),
	  "/linux/uidMappings/1", "overlaps with range 0" },
	{ "", "",
	  ",'gidMappings':[{'containerID':0,'hostID':5,'size':2},{'containerID':9,'hostID':"
	  "6,'size':1}],'uidMappings':" IDS NS("user"),
	  "/linux/gidMappings/1", "overlaps with range 0" },
	{ "", "",
	  ",'uidMappings':[{'containerID':0,'hostID':1,'size':4294967295}],'gidMappings'"
	  ":" IDS NS("user"),
	  "/linux/uidMappings/0/size", "last id" },
	{ ",'user':{'uid':1}", "", ",'uidMappings':" IDS ",'gidMappings':" IDS NS("user"),
	  "/process/user/uid", "do not map uid 1" },
	{ ",'user':{'gid':1}", "", ",'uidMappings':" IDS ",'gidMappings':" IDS NS("user"),
	  "/process/user/gid", "do not map gid 1" },
	{ "", "", ",'timeOffsets':{'boottime':{'secs':0}}", "/linux/timeOffsets",
	  "no time namespace" },
	{ "", "",
	  ",'timeOffsets':{'boottime':{'secs':0}},'namespaces':[{'type':'time','path':'/"
	  "a'}]",
	  "/linux/timeOffsets", "joined" },
	{ "", "", ",'devices':[{'type':'c','path':'dev/a'}]", "/linux/devices/0/path",
	  "not absolute" },
	{ "", "", ",'maskedPaths':['/a','b']", "/linux/maskedPaths/1", "not absolute" },
	{ "", "", ",'readonlyPaths':['b']", "/linux/readonlyPaths/0", "not absolute" },
	{ "", "", ",'personality':{'domain':'LINUX','flags':['A']}", "/linux/personality/flags",
	  "no flags" },
	{ "", "", ",'netDevices':{'eth0':{}}", "/linux/netDevices", "no network namespace" },
	{ "", "", ",'netDevices':{'eth0':{'name':'a/b'}}" NS("network"), "/linux/netDevices/eth0",
	  "not the name" },
	{ "", "", ",'netDevices':{'sixteen_letters_':{}}" NS("network"),
	  "/linux/netDevices/sixteen_letters_", "not the name" },
	{ "", "", ",'netDevices':{'a':{},'b':{'name':'a'}}" NS("network"), "/linux/netDevices/b",
	  "same name" },
	{ "", "", ",'memoryPolicy':{'mode':'MPOL_BIND'}", "/linux/memoryPolicy/nodes",
	  "needs nodes" },
	{ "", "", ",'memoryPolicy':{'mode':'MPOL_LOCAL','nodes':'0'}", "/linux/memoryPolicy/nodes",
	  "takes no nodes" },
	{ "", "", ",'memoryPolicy':{'mode':'MPOL_BIND','nodes':'a'}", "/linux/memoryPolicy/nodes",
	  "not a list" },
	{ "", "",
	  ",'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES','"
	  "MPOL_F_RELATIVE_NODES']}",
	  "/linux/memoryPolicy/flags", "not both" },
	{ "", "", ",'intelRdt':{'closID':'../a'}", "/linux/intelRdt/closID", "not the name" },
	{ "", "", ",'intelRdt':{'memBwSchema':'L3:0'}", "/linux/intelRdt/memBwSchema", "MB:" },
	{ "", "", ",'intelRdt':{'schemata':['a\\nb']}", "/linux/intelRdt/schemata/0", "one line" },
	{ "", "", ",'sysctl':{'net.ipv4.ip_forward':'1'}", "/linux/sysctl/net.ipv4.ip_forward",
	  "no network namespace" },
	{ "", "", ",'sysctl':{'kernel.shmmax':'1'}" NS("network"), "/linux/sysctl/kernel.shmmax",
	  "no ipc namespace" },
	{ "", "", ",'sysctl':{'vm.swappiness':'1'}", "/linux/sysctl/vm.swappiness",
	  "whole machine" },
	{ "", "", ",'sysctl':{'kernel.shmmaxx':'1'}" NS("ipc"), "/linux/sysctl/kernel.shmmaxx",
	  "whole machine" },
	{ "", "", ",'sysctl':{'kernel.hostname':'a'}" NS("uts"), "/linux/sysctl/kernel.hostname",
	  "field of its own" },
	{ "", "", ",'sysctl':{'net/../kernel/core_pattern':'|x'}" NS("network"),
	  "/linux/sysctl/net~1..~1kernel~1core_pattern", "not the name" },
	{ "", "", ",'resources':{'devices':[{'allow':true,'access':'rx'}]}",
	  "/linux/resources/devices/0/access", "r, w and m" },
	{ "", "", ",'resources':{'cpu':{'quota':5,'burst':6}}", "/linux/resources/cpu/burst",
	  "above quota" },
	{ "", "", ",'resources':{'cpu':{'cpus':'0-'}}", "/linux/resources/cpu/cpus", "not a list" },
	{ "", "", ",'resources':{'cpu':{'mems':'a'}}", "/linux/resources/cpu/mems", "not a list" },
	{ "", "", ",'resources':{'blockIO':{'weightDevice':[{'major':8,'minor':0}]}}",
	  "/linux/resources/blockIO/weightDevice/0", "needs weight" },
	{ "", "", ",'resources':{'hugepageLimits':[{'pageSize':'2M','limit':1}]}",
	  "/linux/resources/hugepageLimits/0/pageSize", "huge pages" },
	{ "", "", ",'resources':{'rdma':{'a':{}}}", "/linux/resources/rdma/a", "needs hcaHandles" },
	{ "", "", ",'resources':{'rdma':{'a b':{'hcaHandles':1}}}", "/linux/resources/rdma/a b",
	  "not the name" },
	{ "", "", ",'resources':{'unified':{'../memory.max':'1'}}",
	  "/linux/resources/unified/..~1memory.max", "control file" },
	{ "", "", ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}",
	  "/linux/seccomp/defaultErrnoRet", "no errno" },
	{ "", "", ",'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}", "/linux/seccomp/defaultAction",
	  "default" },
	{ "", "",
	  ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action'"
	  ":'SCMP_ACT_KILL','errnoRet':1}]}",
	  "/linux/seccomp/syscalls/0/errnoRet", "no errno" },
	{ "", "",
	  ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action'"
	  ":'SCMP_ACT_NOTIFY'}]}",
	  "/linux/seccomp/listenerPath", "nobody listens" },
	{ "", "", ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'a'}",
	  "/linux/seccomp/listenerMetadata", "no listenerPath" },
	{ "", "", ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'a'}",
	  "/linux/seccomp/listenerPath", "not absolute" },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		build(&text, rules[i].process, rules[i].top, rules[i].linux_);
		breaks(buf_str(&text), text.len, rules[i].pointer, rules[i].why);
	}
}

static void test_rules_of_the_top(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer, *why;
	} rows[] = {
		{ "{}", "/ociVersion", "missing" },
		{ "{'ociVersion':'2.0.0'}", "/ociVersion", "not known" },
		{ "{'ociVersion':'1.0'}", "/ociVersion", "not known" },
		{ "{'ociVersion':'1. 0.0'}", "/ociVersion", "not known" },
		{ "{'ociVersion':'1.0.2x'}", "/ociVersion", "not known" },
		{ "{'ociVersion':'1.0.2-dev'}", "/process/args", "no command" },
		{ "{'ociVersion':'1.3.0','process':{'args':['']}}", "/process/args/0",
		  "no command" },
		{ "{'ociVersion':'1.3.0','process':{'args':['a']}}", "/process/cwd", "directory" },
		{ "{'ociVersion':'1.3.0','process':{'args':['a'],'cwd':'tmp'}}", "/process/cwd",
		  "not absolute" },
		{ "{'ociVersion':'1.3.0','process':{'args':['a'],'cwd':'/'}}", "/root/path",
		  "no root file system" },
		{ "{'ociVersion':'1.3.0','process':{'args':['a'],'cwd':'/'},'root':{'path':'r'},"
		  "'linux':{'cgroupsPath':'/a/../b'}}",
		  "/linux/cgroupsPath", "not taken" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		put_json(&text, rows[i].text);
		breaks(buf_str(&text), text.len, rows[i].pointer, rows[i].why);
	}
}

/* Things that look odd and must pass. */
static void test_tolerated(void **state)
{
	(void)state;
	static const struct {
		const char *process, *top, *linux_;
	} rows[] = {
		{ "", "", "" },
		{ ",'user':{'uid':5}", ",'mounts':[{'destination':'proc'}]", "" },
		{ ",'env':['A=b=c','B=']", "", ",'namespaces':[{'type':'user'}]" },
		{ "", ",'hostname':'a'", ",'namespaces':[{'type':'uts','path':'/proc/1/ns/uts'}]" },
		{ "", "",
		  ",'namespaces':[{'type':'user','path':'/p'}],'uidMappings':" IDS
		  ",'gidMappings':" IDS },
		{ "", "", ",'sysctl':{'net.ipv4.conf.eth0/1.forwarding':'1'}" NS("network") },
		{ "", "", ",'sysctl':{'kernel.sem':'1','fs.mqueue.msg_max':'9'}" NS("ipc") },
		{ "", "", ",'memoryPolicy':{'mode':'MPOL_PREFERRED'},'intelRdt':{'closID':'/'}" },
		{ "", "", ",'resources':{'cpu':{'quota':-1,'burst':5}}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		CLEANUP_SPEC struct spec s = { 0 };
		build(&text, rows[i].process, rows[i].top, rows[i].linux_);
		parse_ok(buf_str(&text), text.len, &s);
		check_ok(&s);
	}
}

static void test_parse_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer;
	} rows[] = {
		{ "{'process':{'user':{'uid':4294967295}}}", "/process/user/uid" },
		{ "{'process':{'user':{'umask':512}}}", "/process/user/umask" },
		{ "{'process':{'rlimits':[{'type':'RLIMIT_CATS','soft':1,'hard':1}]}}",
		  "/process/rlimits/0/type" },
		{ "{'process':{'rlimits':[{'type':'RLIMIT_CPU','soft':1}]}}",
		  "/process/rlimits/0" },
		{ "{'process':{'oomScoreAdj':1001}}", "/process/oomScoreAdj" },
		{ "{'mounts':[{'type':'proc'}]}", "/mounts/0" },
		{ "{'hooks':{'poststop':[{'path':'/a','timeout':0}]}}",
		  "/hooks/poststop/0/timeout" },
		{ "{'linux':{'namespaces':[{'type':'net'}]}}", "/linux/namespaces/0/type" },
		{ "{'linux':{'timeOffsets':{'realtime':{}}}}", "/linux/timeOffsets/realtime" },
		{ "{'linux':{'timeOffsets':{'boottime':{'nanosecs':1000000000}}}}",
		  "/linux/timeOffsets/boottime/nanosecs" },
		{ "{'linux':{'uidMappings':[{'containerID':0,'hostID':0,'size':0}]}}",
		  "/linux/uidMappings/0/size" },
		{ "{'linux':{'devices':[{'type':'d','path':'/a'}]}}", "/linux/devices/0/type" },
		{ "{'linux':{'resources':{'memory':{'limit':-2}}}}",
		  "/linux/resources/memory/limit" },
		{ "{'linux':{'resources':{'memory':{'limit':1.0}}}}",
		  "/linux/resources/memory/limit" },
		{ "{'linux':{'resources':{'devices':[{'access':'r'}]}}}",
		  "/linux/resources/devices/0" },
		{ "{'linux':{'sysctl':{'net.a':1}}}", "/linux/sysctl/net.a" },
		{ "{'linux':{'seccomp':{}}}", "/linux/seccomp" },
		{ "{'linux':{'seccomp':{'defaultAction':'KILL'}}}",
		  "/linux/seccomp/defaultAction" },
		{ "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_LOG','syscalls':"
		  "[{'names':[],'action':'SCMP_ACT_LOG'}]}}}",
		  "/linux/seccomp/syscalls/0" },
		{ "{'linux':{'personality':{'domain':'BSD'}}}", "/linux/personality/domain" },
		{ "{'contexe':{'restart':'maybe'}}", "/contexe/restart" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		struct spec s;
		struct error err = ERROR_INIT;
		put_json(&text, rows[i].text);
		if (spec_parse(buf_str(&text), text.len, &s, &err) != -EINVAL)
			fail_msg("%s was taken", rows[i].text);
		assert_string_equal(err.object, rows[i].pointer);
	}
}

static void test_sysctl_path(void **state)
{
	(void)state;
	static const struct {
		const char *key, *path; /* NULL: refused */
	} rows[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/1.mtu", "net/ipv4/conf/eth0.1/mtu" },
		{ "net/ipv4/conf/eth0.1/mtu", "net/ipv4/conf/eth0.1/mtu" },
		{ "net/../kernel/core_pattern", NULL },
		{ "net.//.kernel.core_pattern", NULL }, /* "net/../kernel/..." */
		{ "net./.a", NULL },
		{ "net..a", NULL },
		{ ".net", NULL },
		{ "net.", NULL },
		{ "/proc", NULL },
		{ "net", NULL },
		{ "", NULL },
	};
	char path[64];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = spec_sysctl_path(rows[i].key, path, sizeof(path));
		if (r != (rows[i].path ? 0 : -EINVAL))
			fail_msg("%s: %d", rows[i].key, r);
		if (rows[i].path)
			assert_string_equal(path, rows[i].path);
	}
	assert_int_equal(spec_sysctl_path("net.ipv4", path, 8), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_field_is_used),
		cmocka_unit_test(test_what_was_read),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_of_the_top),
		cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_sysctl_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
