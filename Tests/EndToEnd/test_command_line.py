"""The commands as a user types them: what they print, and how they end."""

import json
import os
import socket
import subprocess
from support import BINARY, ROOT, Scratch, eventually, free_port, get, start_writer


class CommandLine(Scratch):
    def vitals(self, *arguments, environment=None, cwd=None):
        return subprocess.run(
            [BINARY, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd,
            env={**os.environ, **(environment or {})})

    def settings(self, text):
        path = self.directory / "agent.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    def test_help_and_version(self):
        self.assertEqual(self.vitals("--help").returncode, 0)
        for command in ["run", "check", "once", "collectors", "status", "cursors", "version"]:
            self.assertIn(command, self.vitals("--help").stdout)
            help = self.vitals(command, "--help")
            self.assertEqual((help.returncode, help.stderr), (0, ""))
            self.assertIn(command, help.stdout)
        self.assertRegex(self.vitals("version").stdout, r"\d+\.\d+\.\d+")

    def test_usage_errors_end_with_2(self):
        for arguments in [["fly"], ["run", "--fly"], ["run", "--config"], [], ["run", "--listen", "foo"],
                          ["once", "--collect", "nope"], ["once", "--exclude", "nope"],
                          ["once", "--collect", "cpu", "--exclude", "stat"]]:
            result = self.vitals(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertNotEqual(result.stderr, "")
            # In the words of the command line: no place in a file, no parameter of a scrape.
            self.assertNotRegex(result.stderr, r":1:1|\[\]")

    def test_a_misspelt_key_is_named_with_its_place_and_the_nearest_key(self):
        path = self.settings('{\n  "endpoint": {\n    "lisen": ["127.0.0.1:0"]\n  }\n}\n')
        for command in ["run", "check", "once"]:
            result = self.vitals(command, "--config", path)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"{path}:3:5: endpoint.lisen: unknown key", result.stderr)
            self.assertIn('"listen"', result.stderr)

    def test_what_check_finds(self):
        log = self.directory / "one.log"
        log.write_text("a line\n")
        good = {
            "state_directory": str(self.directory / "state"), "endpoint": {"listen": [f"127.0.0.1:{free_port()}"]},
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "*.log")]}},
            "outputs": {"out": {"type": "file", "path": str(self.directory / "out.ndjson")}},
            "routes": [{"from": "app", "to": "out"}]}
        result = self.vitals("check", "--config", self.settings(good))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn(str(log), result.stdout)

        for change, words in [
            ({"collectors": {"vmstat": {"fields": "("}}}, "agent.json:1:"),
            ({"routes": [{"from": "ap", "to": "out"}]}, '"app"'),
            ({"outputs": {"out": {"type": "file", "path": str(log / "out.ndjson")}}}, f"{log}"),
            ({"inputs": {"app": {"type": "file", "paths": ["relative.log"]}}}, "inputs.app.paths[0]: "),
            ({"outputs": {"out": {"type": "file", "path": "/proc/x/out.ndjson"}}}, "/proc"),
            ({"host": {"proc": "/nowhere"}}, "host.proc: /nowhere"),
            ({"endpoint": {"listen": [f"unix:{log}"]}}, "no socket"),
            ({"endpoint": {"listen": ["127.0.0.1:9", "127.0.0.1:9"]}}, "endpoint.listen[1]: 127.0.0.1:9 stands twice"),
        ]:
            result = self.vitals("check", "--config", self.settings({**good, **change}))
            self.assertEqual(result.returncode, 1, f"{change}\n{result.stdout}{result.stderr}")
            self.assertIn(words, result.stdout + result.stderr)

    def test_an_input_that_reads_its_own_output_is_refused(self):
        path = self.settings({
            "state_directory": str(self.directory / "state"), "endpoint": {"listen": []},
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "*.log")]}},
            "outputs": {"out": {"type": "file", "path": str(self.directory / "out.log")}},
            "routes": [{"from": "app", "to": "out"}]})
        for command in ["check", "run"]:
            result = self.vitals(command, "--config", path)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn("routes[0]: input app reads", result.stderr)
            self.assertIn("out.log", result.stderr)
        self.assertEqual([entry.name for entry in self.directory.iterdir()], ["agent.json"])

    def test_once_prints_one_scrape(self):
        result = self.vitals("once", "--config", self.settings("{}"), "--collect", "loadavg", "--collect", "cpu")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("\nnode_load1 ", result.stdout)
        self.assertIn("node_cpu_seconds_total{", result.stdout)
        self.assertNotIn("node_memory_", result.stdout)

    def test_collectors_lists_all(self):
        result = self.vitals("collectors", "--config", self.settings("{}"))
        for name in "cpu meminfo filesystem diskstats netdev stat loadavg uname time vmstat netstat sockstat".split():
            self.assertRegex(result.stdout, rf"(?m)^{name}\s+enabled")

    def test_a_port_in_use_is_said_and_ends_with_1(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            path = self.settings({"state_directory": str(self.directory / "state"), "endpoint": {"listen": [address]}})
            result = self.vitals("run", "--config", path)
            checked = self.vitals("check", "--config", path)
        self.assertEqual(result.returncode, 1)
        self.assertIn(address, result.stderr)
        self.assertIn("in use", result.stderr)
        self.assertEqual(checked.returncode, 1)
        self.assertIn(f"PROBLEM endpoint: {address} is in use", checked.stdout)

    def test_status_and_cursors_of_a_running_agent(self):
        receiver = self.receiver()
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "app.log")]}},
            "outputs": {"central": {"type": "http", "url": receiver.url}},
            "routes": [{"from": "app", "to": "central"}]}).start()
        start_writer(self, self.directory / "app.log", 1000)
        eventually(lambda: len(receiver.records) == 1000, 20, "the lines")
        def status():
            return self.vitals("status", "--config", agent.config)

        # What an input says of itself is up to a second old.
        eventually(lambda: status().returncode == 0, 10, lambda: status().stdout)
        status = status()
        self.assertEqual((status.stderr, get(agent.port, "/-/healthy?full")[::2]), ("", (200, b"ok\n")))
        self.assertRegex(status.stdout, r"app.*central")
        # The address is in use, by the very agent.
        check = self.vitals("check", "--config", agent.config)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        self.assertIn("is in use by an agent that runs", check.stdout)
        # A receiver that is down shows as the route's last error.
        receiver.stop()
        (self.directory / "app.log").open("a").write("seq=1000 one more\n")
        eventually(lambda: "refused" in self.vitals("status", "--config", agent.config).stdout.lower(), 20,
                   "the last error in the table")
        down = self.vitals("status", "--config", agent.config)
        self.assertEqual(down.returncode, 1, "scripts see that something is wrong")
        self.assertIn("\nNOT OK: route app to central: retrying: ", down.stdout)
        self.assertRegex(
            down.stdout, r"app -> central: sends to http://127\.0\.0\.1:\d+/ingest; last success: 20\S+; next try: 20")
        code, _, body = get(agent.port, "/-/healthy?full")
        self.assertEqual((code, get(agent.port, "/-/healthy")[0]), (503, 200))
        self.assertIn(b"route app to central: retrying", body)
        agent.stop()
        cursors = self.vitals("cursors", "--state-directory", agent.state)
        self.assertEqual(cursors.returncode, 0, cursors.stderr)
        log = self.directory / "app.log"
        # All of the file is acknowledged but the line that came when the receiver was down.
        position = log.stat().st_size - len("seq=1000 one more\n")
        self.assertRegex(cursors.stdout, rf"(?m)^app +central +{log} +\d+:\d+ +{position} +\d+ +18 B +live$")
        raw = self.vitals("cursors", "--state-directory", agent.state, "--json")
        self.assertEqual(json.loads(raw.stdout)[0]["cursor"]["files"][0]["path"], str(log))
        relative = self.vitals("cursors", "--state-directory", agent.state.name, cwd=agent.state.parent)
        self.assertEqual(relative.stdout, cursors.stdout)
        saved = agent.state / "cursors/app~central.cursor"
        saved.write_text(saved.read_text() + "no line\n")
        damaged = self.vitals("cursors", "--state-directory", agent.state)
        self.assertEqual((damaged.returncode, damaged.stdout), (1, cursors.stdout))
        self.assertIn("app~central.cursor: damaged lines: 1", damaged.stderr)
        saved.with_name("app~central.cursor.old").unlink(missing_ok=True)
        saved.write_text("{\n")
        damaged = self.vitals("cursors", "--state-directory", agent.state)
        self.assertEqual((damaged.returncode, damaged.stdout), (1, ""))
        self.assertIn("app~central.cursor", damaged.stderr)
        gone = self.vitals("status", "--config", agent.config)
        self.assertEqual(gone.returncode, 1)
        self.assertNotEqual(gone.stderr, "")

    def test_status_without_the_secrets_of_the_agent(self):
        # Whoever asks may be another user, without the agent's environment.
        secret = self.directory / "secret"
        secret.write_text("s3cret")
        receiver = self.receiver()
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "app.log")], "start_at": "beginning"}},
            "outputs": {"central": {"type": "http", "url": receiver.url, "headers": {"X-Token": f"${{file:{secret}}}"}}},
            "routes": [{"from": "app", "to": "central"}]}).start()
        (self.directory / "app.log").write_text("seq=0 one\n")
        eventually(lambda: len(receiver.records) == 1, 20, "the line")
        secret.unlink()
        answer = self.vitals("status", "--config", agent.config)
        self.assertEqual(answer.stderr, "")
        self.assertRegex(answer.stdout, "app +central")
        # The settings of this agent name no state directory, so that there may be none.
        self.assertNotIn(str(secret), self.vitals("cursors", "--config", agent.config).stderr)
        # What needs them says so.
        self.assertIn(f"{secret}: No such file", self.vitals("check", "--config", agent.config).stderr)

    def test_two_agents_do_not_share_a_state_directory(self):
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "app.log")]}},
            "outputs": {"out": {"type": "stdout"}}, "routes": [{"from": "app", "to": "out"}]}).start()
        second = self.vitals(
            "run", "--config", agent.config, "--state-directory", agent.state, "--listen", f"127.0.0.1:{free_port()}")
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(agent.state), second.stderr)
        self.assertIn("--state-directory", second.stderr)

    def test_the_settings_of_the_repository_run_as_they_are(self):
        port, state = free_port(), self.directory / "state"
        environment = {"VITALS_LISTEN": f"127.0.0.1:{port}", "VITALS_STATE": str(state)}
        process = self.program(
            [BINARY, "run", "--config", ROOT / "agent.json", "--state-directory", state],
            env={**os.environ, **environment}, stderr=subprocess.PIPE)

        def ready():
            self.assertIsNone(process.poll(), process.stderr.read() if process.poll() is not None else "")
            try:
                return get(port, "/-/ready")[0] == 200
            except OSError:
                return False
        eventually(ready, 10, "ready")
        self.assertIn(b"node_load1 ", get(port, "/metrics")[2])
