"""What the host takes from the agent, and what clients do to it: addresses, threads, descriptors, /proc. The rest goes on, and
SIGTERM ends it in time."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import threading
import time
import unittest
from certificates import Certificates
from support import BINARY, ROOT, Scratch, eventually, free_port, get, listen, require_programs, require_root, stop_listening

# Of "correct horse", with cost 10.
SLOW = "$2b$10$pewzyEnWhxmEtLGh.oj4W.d.Mzg9Jrmw0h8wEfYx50LxT4CgDJtLe"


class Up(Certificates, Scratch):
    def shipping(self, endpoint=None, name="agent", **more):
        """An agent that ships a log to a file, with an endpoint of its own."""
        logs = self.directory / f"{name}-logs"
        logs.mkdir()
        (logs / "a.log").write_text("one\n")
        self.shipped = self.directory / f"{name}.ndjson"
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [f"{logs}/*.log"]}},
            "outputs": {"local": {"type": "file", "path": str(self.shipped)}},
            "routes": [{"from": "app", "to": "local"}], **more}, name=name)
        if endpoint is not None:
            settings = json.loads(agent.config.read_text())
            settings["endpoint"] = {"listen": [f"127.0.0.1:{agent.port}"], **endpoint}
            agent.config.write_text(json.dumps(settings))
        return agent

    def ships(self):
        eventually(lambda: self.shipped.exists() and "one" in self.shipped.read_text(), 20, "the line arrives")

    def status(self, port):
        return json.loads(get(port, "/api/v1/status")[2])

    def started(self, agent, what="msg=ready", **options):
        """Without asking the endpoint, which may not be there."""
        with agent.errors.open("ab") as errors:
            agent.process = subprocess.Popen(
                [BINARY, "run", "--config", agent.config, "--state-directory", agent.state],
                stdout=subprocess.DEVNULL, stderr=errors, **options)
        eventually(lambda: what in agent.log() or agent.process.poll() is not None, 20, agent.log)
        return agent


class Addresses(Up):
    def test_an_address_that_is_taken_is_tried_again_while_the_rest_runs(self):
        other = free_port()
        path = self.directory / "run" / "v.sock"
        agent = self.shipping({})
        settings = json.loads(agent.config.read_text())
        settings["endpoint"]["listen"] += [f"127.0.0.1:{other}", f"unix:{path}", "192.0.2.7:9100"]
        agent.config.write_text(json.dumps(settings))
        holders = [socket.create_server(("127.0.0.1", port)) for port in [agent.port, other]]
        self.started(agent)
        self.ships()
        self.assertIsNone(agent.process.poll())
        self.assertIn(f"127.0.0.1:{agent.port} is in use", agent.log())
        self.assertIn("cannot listen at 192.0.2.7:9100: Cannot assign requested address", agent.log())
        holders[0].close()
        eventually(lambda: f"listening address=127.0.0.1:{agent.port}" in agent.log(), 20, agent.log)
        problems = self.status(agent.port)["problems"]
        self.assertEqual(len(problems), 3, problems)
        ran = subprocess.run(
            [BINARY, "status", "--listen", f"127.0.0.1:{agent.port}"], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 1, "something is wrong")
        self.assertIn(f"problem: endpoint: 127.0.0.1:{other} is in use", ran.stdout)
        self.assertEqual(agent.metric(f'vitals_http_listening{{address="127.0.0.1:{other}"}}'), 0)
        holders[1].close()
        path.parent.mkdir()
        eventually(lambda: len(self.status(agent.port)["problems"]) == 1, 40, agent.log)
        self.assertEqual(get(other, "/-/healthy")[0], 200)
        self.assertTrue(path.is_socket())
        # One line when it begins and one when it ends, however often it was tried.
        self.assertEqual(agent.log().count(f"127.0.0.1:{other}"), 2, agent.log())
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(path.exists())

    def test_ipv6_and_a_certificate_that_comes_later(self):
        require_programs("openssl")
        self.make_authority("ca")
        agent = self.shipping({"tls": {"certificate": str(self.directory / "server.pem"),
                                       "key": str(self.directory / "server.key")}})
        self.started(agent)
        self.ships()
        self.assertIn("endpoint.tls: the certificate", agent.log())
        self.make_certificate("server", "subjectAltName=IP:127.0.0.1")
        eventually(lambda: "protocol=https" in agent.log(), 20, agent.log)
        self.assertEqual(agent.stop(), 0)

    def test_without_anything_else_to_do_it_ends(self):
        agent = self.agent({})
        with socket.create_server(("127.0.0.1", agent.port)):
            ran = subprocess.run(
                [BINARY, "run", "--config", agent.config], capture_output=True, text=True, timeout=20)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("is in use: another program listens there", ran.stderr)

    def test_the_stop_waits_for_no_address(self):
        agent = self.shipping({"listen": ["192.0.2.7:9100"]})
        self.started(agent)
        began = time.monotonic()
        self.assertEqual(agent.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)


def limited_groups(test, limit, depth):
    """Control groups in one another, of which the first may have `limit` tasks; removed when the test is over."""
    require_root()
    roots = [line.split()[4] for line in open("/proc/self/mountinfo")
             if re.search(r" - cgroup \S+ \S*\bpids\b| - cgroup2 ", line)]
    # Version 1, where it has the controller, before version 2.
    roots.sort(key=lambda root: not root.endswith("/pids"))
    group, groups = pathlib.Path(roots[0] if roots else "/sys/fs/cgroup"), []
    if not group.name == "pids" and "pids" not in (group / "cgroup.subtree_control").read_text().split():
        raise unittest.SkipTest("needs the controller pids of control groups")
    for number in range(depth):
        group = group / f"vitals-test-{os.getpid()}-{test.id().rpartition('.')[2][:20]}{depth}{number}"
        group.mkdir()
        test.addCleanup(group.rmdir)
        groups.append(group)
    (groups[0] / "pids.max").write_text(limit)
    return groups


class Threads(Up):
    def limited(self, agent, processes=None, space=None):
        """As another user, whose limit counts: root has none."""
        require_root()
        self.directory.chmod(0o777)
        for path in self.directory.iterdir():
            path.chmod(0o777)
        user = 50_000 + os.getpid() % 10_000

        def limit():
            if space:
                resource.setrlimit(resource.RLIMIT_AS, (space, space))
            if processes:
                resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        return self.started(agent, preexec_fn=limit)

    def test_too_few_threads_end_the_start_and_name_the_limit(self):
        for name, limits, words in [
                ("four", {"processes": 4}, "RLIMIT_NPROC"), ("space", {"space": 64 << 20}, "RLIMIT_AS")]:
            agent = self.limited(self.agent({}, name=name), **limits)
            self.assertEqual(agent.process.wait(20), 1)
            self.assertIn("too few threads", agent.log())
            self.assertIn(words, agent.log())

    def test_a_control_group_with_few_tasks_is_named(self):
        """The limit of the group itself, and that of the group above it."""
        for name, depth in [("own", 1), ("above", 2)]:
            groups = limited_groups(self, "12", depth)
            agent = self.shipping({}, name=name)
            self.started(agent, preexec_fn=lambda: (groups[-1] / "cgroup.procs").write_text("0"))
            self.assertIn("raise the limit", agent.log())
            self.assertIn(f"the tasks of the control group {'/' + '/'.join(groups[0].parts[-1:])}, 12 (pids.max, TasksMax=)",
                          agent.log())
            self.ships()
            self.assertEqual(agent.stop(), 0)

    def test_check_says_which_limit_is_too_low(self):
        """By prlimit, as an operator would try it: root has no such limit, so as another user."""
        require_root()
        require_programs("prlimit", "setpriv")
        self.directory.chmod(0o777)
        logs = self.directory / "logs"
        logs.mkdir()
        logs.chmod(0o777)
        outputs = {f"o{number}": {"type": "http", "url": "http://127.0.0.1:9/"} for number in range(5)}
        agent = self.agent({
            "state_directory": f"{self.directory}/state",
            "inputs": {"app": {"type": "file", "paths": [f"{logs}/*.log"]}}, "outputs": outputs,
            "routes": [{"from": "app", "to": name} for name in outputs]})
        agent.config.chmod(0o644)
        user = str(40_000 + os.getpid() % 10_000)

        def check(limit):
            ran = subprocess.run(
                ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "prlimit", f"--nproc={limit}", BINARY,
                 "check", "--config", agent.config], capture_output=True, text=True, timeout=30)
            return ran.returncode, [line for line in ran.stdout.splitlines() if "threads" in line], ran.stdout

        code, lines, text = check(10)
        self.assertEqual(code, 1, text)
        self.assertRegex(lines[0], r"^PROBLEM threads: the settings need up to [0-9]+, and [0-9] can be had; raise the limit, "
                                   r"which is the processes and threads of this user, 10 \(RLIMIT_NPROC, LimitNPROC=\)$")
        needed = int(re.search(r"up to ([0-9]+),", lines[0])[1])
        # Exactly so many, and the one that asks.
        code, lines, text = check(needed + 1)
        self.assertEqual((code, lines), (0, []), text)
        code, lines, text = check(needed)
        self.assertEqual((code, len(lines)), (1, 1), text)

    def test_slow_routes_leave_the_scrape_and_the_stop_their_threads(self):
        held = []
        receiver = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.addCleanup(stop_listening, receiver)
        # Never answers.
        listen(receiver, held.append)
        (self.directory / "a.log").write_text("".join(f"line {number} {'x' * 200}\n" for number in range(2_000)))
        url = f"http://127.0.0.1:{receiver.getsockname()[1]}/"
        outputs = {f"slow{number}": {"type": "http", "url": url, "batch_bytes": "4KiB"} for number in range(30)}
        agent = self.limited(self.agent({
            "inputs": {"app": {"type": "file", "paths": [f"{self.directory}/a.log"]}}, "outputs": outputs,
            "routes": [{"from": "app", "to": name} for name in outputs]}), processes=20)
        self.assertIn("raise the limit", agent.log())
        eventually(lambda: len(held) >= 5, 20, agent.log)
        for _ in range(5):
            self.assertIn("\nnode_load1 ", agent.metrics())
        self.assertIn("RLIMIT_NPROC", "".join(self.status(agent.port)["problems"]))
        began = time.monotonic()
        agent.stop(within=12)
        self.assertLess(time.monotonic() - began, 12)

    def test_threads_keep_the_nice_value_of_the_administrator(self):
        agent = self.agent({}, popen=lambda arguments, **options: subprocess.Popen(
            ["nice", "-n", "5", *map(str, arguments)], **options)).start()
        agent.metrics()
        nice = [open(f"/proc/{agent.process.pid}/task/{thread}/stat").read().rpartition(")")[2].split()[16]
                for thread in os.listdir(f"/proc/{agent.process.pid}/task")]
        self.assertGreater(len(nice), 2)
        self.assertEqual(set(nice), {"5"})


class Sandbox(Up):
    def test_the_unit_starts_it_again_however_often(self):
        section, found = None, {}
        for line in (ROOT / "systemd/vitals.service").read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line and not line.startswith("#"):
                name, _, value = line.partition("=")
                found.setdefault((section, name), []).append(value)
        self.assertEqual(found["Service", "Restart"], ["always"])
        self.assertEqual(found["Service", "RestartSec"], ["5"])
        self.assertEqual(found["Unit", "StartLimitIntervalSec"], ["0"])
        self.assertEqual(found["Unit", "Wants"], ["network-online.target"])
        self.assertIn("network-online.target", found["Unit", "After"][0])

    def test_closed_standard_descriptors_become_nothing_else(self):
        """Lines of the log would go to whatever got the number."""
        for number, closed in enumerate(["0<&- 1>&- 2>&-", "2>&-", "1>&-"]):
            agent = self.shipping({}, name=f"closed{number}")
            agent.process = subprocess.Popen(
                ["sh", "-c", f"exec {BINARY} run --config {agent.config} --state-directory {agent.state} {closed}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            eventually(agent.is_ready, 20, "the agent is ready")
            self.ships()
            for descriptor in range(3):
                self.assertEqual(os.readlink(f"/proc/{agent.process.pid}/fd/{descriptor}"), "/dev/null")
            self.assertEqual(agent.stop(), 0)
        ran = subprocess.run(
            ["sh", "-c", f"exec {BINARY} version >&-"], stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("cannot write to standard output", ran.stderr)

    def test_words_of_the_command_line_need_no_proc(self):
        require_root()
        ran = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /proc && exec {BINARY} version"],
            capture_output=True, text=True, timeout=20)
        self.assertEqual((ran.returncode, ran.stdout.split()[0]), (0, "vitals"), ran.stderr)

    def test_what_ends_it_is_an_error_in_the_journal(self):
        agent = self.agent({})
        agent.config.write_text('{\n"endpoint": {"listne": []}\n}')
        own, theirs = socket.socketpair()
        with own, theirs:
            status = os.fstat(theirs.fileno())
            ran = subprocess.run(
                [BINARY, "run", "--config", agent.config], stderr=theirs, timeout=20,
                env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
            self.assertEqual(ran.returncode, 1)
            text = own.recv(65536).decode()
        lines = text.splitlines()
        self.assertTrue(lines and all(line.startswith("<3>") for line in lines), text)

    def test_what_the_service_manager_is_told(self):
        path = self.directory / "notify"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.bind(str(path))
        notify.settimeout(20)
        agent = self.shipping({"listen": [f"127.0.0.1:{free_port()}", f"unix:{self.directory}/none/v.sock"]})
        agent.is_ready = lambda: "msg=ready" in agent.log()
        agent.start(environment={"NOTIFY_SOCKET": str(path)})
        self.ships()
        ready = notify.recv(65536).decode()
        self.assertRegex(ready, r"^READY=1\nSTATUS=127\.0\.0\.1:[0-9]+; not ok: endpoint: cannot listen at unix:")
        (self.directory / "none").mkdir()
        told = [notify.recv(65536).decode()]
        self.assertRegex(told[0], rf"^STATUS=\S+, unix:{self.directory}/none/v\.sock; [0-9]+ collectors; 1 route\n$")
        self.assertEqual(agent.stop(), 0)
        while not told[-1].startswith("STOPPING=1"):
            told.append(notify.recv(65536).decode())
        # That nothing was read yet at the start is no problem, and nothing is told twice.
        self.assertEqual(len(told), 2, told)

    def test_no_descriptors_left_is_said_and_passes(self):
        agent = self.agent({})
        agent.config.write_text(json.dumps({"endpoint": {"listen": [f"127.0.0.1:{agent.port}"], "max_connections": 500}}))
        self.started(agent, "msg=ready", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)))
        held = [socket.create_connection(("127.0.0.1", agent.port)) for _ in range(200)]
        eventually(lambda: "cannot accept connections" in agent.log(), 20, agent.log)
        self.assertIn("RLIMIT_NOFILE", agent.log())
        for connection in held:
            connection.close()
        eventually(lambda: "connections are accepted again" in agent.log(), 20, agent.log)
        self.assertIn("\nnode_load1 ", agent.metrics())

    def test_a_log_that_nobody_reads_holds_nothing_up(self):
        agent = self.agent({})
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        agent.process = subprocess.Popen([BINARY, "run", "--config", agent.config], stderr=writing)
        os.close(writing)
        eventually(agent.is_ready, 20, "the agent is ready")
        self.assertIn("\nnode_load1 ", agent.metrics())
        os.read(reading, 1 << 20)
        # The next line says what is missing.
        self.assertEqual(agent.stop(), 0)
        text = b""
        while chunk := os.read(reading, 1 << 16):
            text += chunk
        self.assertRegex(text.decode(), r"lines of this log were lost: nobody took them\" lines=[1-9]")

    def test_debug_says_which_files_are_followed(self):
        agent = self.shipping({}, log={"level": "debug"})
        settings = json.loads(agent.config.read_text())
        logs = self.directory / "agent-logs"
        (logs / "b.log").write_text("two\n")
        (logs / "c.log").mkdir()
        settings["inputs"]["app"]["exclude"] = [f"{logs}/b.log"]
        agent.config.write_text(json.dumps(settings))
        agent.start()
        self.ships()
        log = agent.log()
        self.assertRegex(log, r'msg="follows a log file" path=\S*/a\.log from_byte=0')
        self.assertRegex(log, r'msg="does not follow a log file" path=\S*/b\.log reason="it is excluded"')
        self.assertRegex(log, r'msg="does not follow a log file" path=\S*/c\.log reason="it is no regular file"')


class Clients(Up):
    def idle(self, port, path, count, headers=None):
        """Connections that have had an answer, and are kept."""
        kept = []
        for _ in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            self.addCleanup(connection.close)
            connection.request("GET", path, headers=headers or {})
            connection.getresponse().read()
            kept.append(connection)
        return kept

    def guarded(self, **endpoint):
        path = self.directory / "v.sock"
        agent = self.agent({})
        agent.config.write_text(json.dumps(
            {"endpoint": {"listen": [f"127.0.0.1:{agent.port}", f"unix:{path}"], **endpoint}}))
        return self.started(agent), path

    def test_idle_connections_keep_no_scrape_out(self):
        agent, path = self.guarded(users={"prometheus": SLOW})
        login = {"Authorization": "Basic " + base64.b64encode(b"prometheus:correct horse").decode()}
        known = self.idle(agent.port, "/-/healthy", 1, login)[0]
        idle = self.idle(agent.port, "/", 50)
        self.assertEqual(get(agent.port, "/-/healthy", login)[0], 200)
        # The one that is known was kept.
        known.auto_open = False
        known.request("GET", "/-/healthy", headers=login)
        self.assertEqual(known.getresponse().status, 200)
        ran = subprocess.run([BINARY, "status", "--listen", f"unix:{path}"], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(len(idle), 50)

    def test_guesses_from_many_addresses_do_not_hold_up_the_right_login(self):
        agent, _ = self.guarded(users={"prometheus": SLOW.replace("$10$", "$12$"), "you": SLOW})
        stop = threading.Event()
        answers = []

        def guess(number):
            count = 0
            while not stop.is_set():
                count += 1
                password = base64.b64encode(f"prometheus:{number} {count}".encode()).decode()
                with contextlib.suppress(OSError, http.client.HTTPException):
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", agent.port, timeout=30, source_address=(f"127.0.1.{number}", 0))
                    connection.request("GET", "/-/healthy", headers={"Authorization": "Basic " + password})
                    answers.append(connection.getresponse().status)
                    connection.close()

        threads = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(1, 21)]
        for thread in threads:
            thread.start()
        self.addCleanup(stop.set)
        eventually(lambda: answers.count(401) > 3 and 429 in answers, 30, "the guesses are under way")
        right = {"Authorization": "Basic " + base64.b64encode(b"you:correct horse").decode()}
        began = time.monotonic()
        self.assertEqual(get(agent.port, "/-/healthy", right, timeout=30)[0], 200)
        took = time.monotonic() - began
        stop.set()
        self.assertLess(took, 5)

    def test_a_fifo_in_the_place_of_the_certificate_hangs_nobody(self):
        require_programs("openssl")
        self.make_authority("ca")
        self.make_certificate("server", "subjectAltName=IP:127.0.0.1")
        for name in ["server.pem", "server.key", "ca.pem"]:
            agent, path = self.guarded(tls={
                "certificate": str(self.directory / "server.pem"), "key": str(self.directory / "server.key"),
                "client_ca": str(self.directory / "ca.pem"), "client_auth": "verify_if_given"})
            kept = (self.directory / name).read_bytes()
            (self.directory / name).unlink()
            os.mkfifo(self.directory / name)

            def answers():
                return subprocess.run(
                    ["curl", "-sk", "-m", "5", f"https://127.0.0.1:{agent.port}/-/healthy"], capture_output=True).stdout

            eventually(lambda: answers() == b"healthy\n" and "no regular file" in agent.log(), 20, agent.log)
            self.assertEqual(answers(), b"healthy\n")
            ran = subprocess.run([BINARY, "status", "--listen", f"unix:{path}"], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            checked = subprocess.run([BINARY, "check", "--config", agent.config], capture_output=True, text=True, timeout=20)
            self.assertIn("no regular file", checked.stdout)
            began = time.monotonic()
            self.assertEqual(agent.stop(), 0)
            self.assertLess(time.monotonic() - began, 5)
            (self.directory / name).unlink()
            (self.directory / name).write_bytes(kept)
            agent.errors.unlink()

    def test_a_fifo_in_the_place_of_a_client_certificate_hangs_no_route(self):
        """libcurl opens it for each connection, and would wait for a writer for ever."""
        require_programs("openssl")
        self.make_authority("ca")
        self.make_certificate("client", "subjectAltName=DNS:client")
        for name in ["client.pem", "client.key", "ca.pem"]:
            with self.subTest(name=name):
                path = self.directory / name
                kept = path.read_bytes()
                path.unlink()
                os.mkfifo(path)
                agent = self.agent({
                    "inputs": {"app": {"type": "file", "paths": [f"{self.directory}/app.log"]}},
                    "outputs": {"central": {
                        "type": "http", "url": f"https://127.0.0.1:{free_port()}/",
                        "ca_file": str(self.directory / "ca.pem"), "client_key": str(self.directory / "client.key"),
                        "client_certificate": str(self.directory / "client.pem")}},
                    "routes": [{"from": "app", "to": "central"}]}, name=f"with-{name}")
                (self.directory / "app.log").write_text("one\n")
                agent.start()

                def error():
                    return (self.status(agent.port)["routes"][0]["last_error"] or {}).get("message", "")

                eventually(lambda: f"{path} is no regular file" in error(), 20, agent.log)
                path.unlink()
                path.write_bytes(kept)
                eventually(lambda: "connect" in error(), 20, lambda: error() + agent.log())
                began = time.monotonic()
                agent.stop(within=15)
                self.assertLess(time.monotonic() - began, 8.5)

    def test_names_under_which_browsers_may_ask(self):
        agent, path = self.guarded()
        browser = {"Host": "attacker.example", "User-Agent": "Mozilla/5.0 (X11)", "Accept-Language": "en"}
        for page, expected in [("/metrics", 200), ("/", 403), ("/api/v1/status", 403)]:
            self.assertEqual(get(agent.port, page, browser)[0], expected, page)
            self.assertEqual(get(agent.port, page, {**browser, "Host": "localhost:9100"})[0], 200)
            self.assertEqual(get(agent.port, page, {"Host": "monitored.example"})[0], 200)
        self.assertEqual(agent.metric('vitals_http_refused_total{reason="host"}'), 2)
        settings = json.loads(agent.config.read_text())
        settings["endpoint"]["allowed_hosts"] = ["metrics.example"]
        self.assertEqual(agent.stop(), 0)
        agent.config.write_text(json.dumps(settings))
        agent.start()
        for host, expected in [("metrics.example:9100", 200), ("other.example", 403), ("127.0.0.1", 200)]:
            self.assertEqual(get(agent.port, "/metrics", {"Host": host})[0], expected, host)
        ran = subprocess.run([BINARY, "status", "--listen", f"unix:{path}"], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
