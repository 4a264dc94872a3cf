"""A file system that does not answer, in each place where the agent has files: what lies elsewhere goes on, the old is used
where there is some, and SIGTERM ends the agent in time."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from certificates import Certificates
from dead_mount import DeadMount
from support import BINARY, Scratch, eventually, free_port, get, require_programs, require_root
from test_endpoint_security import OTHER, PASSWORD, QUICK, login


class Dead(Certificates, Scratch):
    def setUp(self):
        super().setUp()
        require_root()
        require_programs("unshare")
        if not os.path.exists("/dev/fuse"):
            self.skipTest("needs /dev/fuse")
        self.dead = self.directory / "dead"

    def mount(self, **files):
        mount = DeadMount(self.dead, {name.replace("_", "."): content for name, content in files.items()})
        self.addCleanup(mount.close)
        return mount

    def certificates(self):
        require_programs("openssl")
        self.make_authority("ca")
        self.make_certificate("server", "subjectAltName=IP:127.0.0.1")
        return self.mount(server_pem=(self.directory / "server.pem").read_bytes(),
                          server_key=(self.directory / "server.key").read_bytes())

    def stops(self, agent, within):
        began = time.monotonic()
        agent.stop(within=within + 10)
        self.assertLess(time.monotonic() - began, within, agent.log())

    def shipping(self, receiver, mount, **output):
        (self.directory / "app.log").write_text("seq=0 first\n")
        return self.agent({
            "inputs": {"app": {"type": "file", "paths": [f"{self.directory}/app.log"]}},
            "outputs": {"central": {"type": "http", "url": receiver.url, **output}},
            "routes": [{"from": "app", "to": "central"}]}, popen=mount.popen)

    def add(self, line):
        with (self.directory / "app.log").open("a") as log:
            log.write(line + "\n")

    def test_certificates_of_the_endpoint(self):
        mount = self.certificates()
        agent = self.agent({}, popen=mount.popen)
        secure = free_port()
        path = self.directory / "v.sock"
        agent.config.write_text(json.dumps({"endpoint": {
            "listen": [f"127.0.0.1:{secure}", f"unix:{path}"],
            "tls": {"certificate": f"{self.dead}/server.pem", "key": f"{self.dead}/server.key"}}}))

        def asks():
            return subprocess.run(
                ["curl", "-sk", "-m", "10", f"https://127.0.0.1:{secure}/-/healthy"], capture_output=True).stdout == b"healthy\n"

        agent.is_ready = asks
        agent.start()
        mount.hang()
        began = time.monotonic()
        eventually(lambda: asks() and "hangs, the old one is served" in agent.log(), 20, agent.log)
        self.assertTrue(asks())
        self.assertLess(time.monotonic() - began, 10)
        mount.write("server.pem", mount.files["server.pem"] + b"\n")
        mount.wake()
        eventually(lambda: asks() and "the TLS certificate was read again" in agent.log(), 20, agent.log)
        self.assertEqual(agent.log().count("the TLS certificate can be read again"), 1, agent.log())
        mount.hang()
        self.assertTrue(asks())
        self.stops(agent, 5)

    def test_passwords_of_the_endpoint(self):
        mount = self.mount(hash=QUICK.encode())
        agent = self.agent({}, popen=mount.popen)
        port = free_port()
        agent.config.write_text(json.dumps({"endpoint": {
            "listen": [f"127.0.0.1:{port}"], "users": {"prometheus": f"${{file:{self.dead}/hash}}"}}}))

        def status(password):
            return get(port, "/-/healthy", login("prometheus", password))[0]

        def is_ready():
            with contextlib.suppress(OSError):
                return status(PASSWORD) == 200

        agent.is_ready = is_ready
        agent.start()
        mount.hang()
        began = time.monotonic()
        eventually(lambda: status(PASSWORD) == 200 and "endpoint.users hangs" in agent.log(), 20, agent.log)
        self.assertEqual((status(PASSWORD), status("other horse")), (200, 401))
        self.assertLess(time.monotonic() - began, 10)
        mount.write("hash", OTHER.encode())
        mount.wake()
        eventually(lambda: status("other horse") == 200, 20, agent.log)
        self.assertEqual(status(PASSWORD), 401)
        self.assertEqual(agent.log().count("the files of endpoint.users can be read again"), 1, agent.log())
        mount.hang()
        self.assertEqual(status("other horse"), 200)
        self.stops(agent, 5)

    def test_a_certificate_that_hangs_at_the_start(self):
        mount = self.certificates()
        mount.hang()
        agent = self.agent({}, popen=mount.popen)
        plain, secure = self.directory / "v.sock", free_port()
        agent.config.write_text(json.dumps({"endpoint": {
            "listen": [f"127.0.0.1:{secure}", f"unix:{plain}"],
            "tls": {"certificate": f"{self.dead}/server.pem", "key": f"{self.dead}/server.key"}}}))

        def status():
            return subprocess.run(
                [BINARY, "status", "--listen", f"unix:{plain}"], capture_output=True, text=True, timeout=20).stdout

        agent.is_ready = lambda: "reading the certificate hangs" in status()
        agent.start(ready_within=20)
        mount.wake()
        eventually(lambda: "reading the certificate hangs" not in status(), 20, agent.log)
        self.assertIn("protocol=https", agent.log())
        mount.hang()
        self.stops(agent, 5)

    def test_a_token(self):
        mount = self.mount(token=b"old\n")
        receiver = self.receiver()
        tokens = []
        taken = receiver.take

        def take(body, headers):
            tokens.append(headers.get("authorization"))
            return taken(body, headers)

        receiver.take = take
        agent = self.shipping(receiver, mount, headers={"Authorization": f"Bearer ${{file:{self.dead}/token}}"})
        agent.start()
        eventually(lambda: len(receiver.records) == 1, 20, agent.log)
        mount.hang()
        for number in range(1, 4):
            self.add(f"seq={number} later")
            eventually(lambda: len(receiver.records) == number + 1, 10, agent.log)
        self.assertEqual(set(tokens), {"Bearer old"})
        self.assertIn("reading hangs: ", agent.log())
        mount.write("token", b"new\n")
        mount.wake()
        self.add("seq=4 last")
        eventually(lambda: len(receiver.records) == 5, 10, agent.log)
        self.add("seq=5 after it")
        eventually(lambda: len(receiver.records) == 6 and tokens[-1] == "Bearer new", 10, agent.log)
        self.assertEqual(agent.log().count("can be read again"), 1, agent.log())
        mount.hang()
        self.stops(agent, 5)

    def test_the_start(self):
        """Whatever hangs at the start: a stop is heard."""
        for name, change in [
                ("state", lambda settings: settings.update(state_directory=f"{self.dead}/state")),
                ("settings", None)]:
            mount = self.mount(settings_json=b"{}")
            mount.hang()
            with self.subTest(name=name):
                agent = self.agent({
                    "inputs": {"app": {"type": "file", "paths": [f"{self.directory}/app.log"]}},
                    "outputs": {"out": {"type": "file", "path": f"{self.directory}/out"}},
                    "routes": [{"from": "app", "to": "out"}]}, name=name)
                config = agent.config
                if change:
                    settings = json.loads(config.read_text())
                    change(settings)
                    config.write_text(json.dumps(settings))
                else:
                    config = f"{self.dead}/settings.json"
                with agent.errors.open("ab") as errors:
                    agent.process = mount.popen([BINARY, "run", "--config", config], stderr=errors)
                self.addCleanup(agent.end)
                eventually(lambda: self.waits(agent.process.pid), 20, agent.log)
                began = time.monotonic()
                agent.process.send_signal(signal.SIGTERM)
                self.assertEqual(agent.process.wait(20), 1, agent.log())
                self.assertLess(time.monotonic() - began, 8)
                self.assertIn("stopped while the start hung", agent.log())
            mount.close()

    @staticmethod
    def waits(process):
        """Its main thread waits for the file system."""
        try:
            with open(f"/proc/{process}/comm") as name, open(f"/proc/{process}/wchan") as place:
                return name.read() == "vitals\n" and re.search("fuse|request_wait", place.read()) is not None
        except OSError:
            return False

    def test_text_files(self):
        mount = self.mount(a_prom=b"dead_metric 1\n")
        agent = self.agent(
            {"collectors": {"timeout": "1s", "textfile": {"directories": [str(self.dead), str(self.directory / "alive")]}}},
            popen=mount.popen)
        (self.directory / "alive").mkdir()
        (self.directory / "alive" / "b.prom").write_text("alive_metric 1\n")
        agent.start()
        self.assertIn("\ndead_metric 1\n", agent.metrics())
        mount.hang()
        for _ in range(3):
            text = agent.metrics()
            self.assertIn("\nnode_load1 ", text)
            self.assertIn('\nnode_scrape_collector_success{collector="textfile"} 0\n', text)
        mount.wake()
        eventually(lambda: agent.metric("dead_metric") == 1 and agent.metric("alive_metric") == 1, 20, agent.log)
        mount.hang()
        self.stops(agent, 5)

    def test_logs(self):
        """Two inputs: the one that hangs holds up neither the other nor the stop."""
        mount = self.mount(a_log=b"one\n")
        receiver = self.receiver()
        agent = self.shipping(receiver, mount)
        settings = json.loads(agent.config.read_text())
        settings["inputs"]["dead"] = {"type": "file", "paths": [f"{self.dead}/*.log"]}
        settings["routes"].append({"from": "dead", "to": "central"})
        agent.config.write_text(json.dumps(settings))
        agent.start()
        eventually(lambda: len(receiver.records) == 2, 20, agent.log)
        mount.hang()
        self.add("seq=1 later")
        eventually(lambda: len(receiver.records) == 3, 20, agent.log)
        self.assertEqual(get(agent.port, "/api/v1/status")[0], 200)
        self.assertIn("\nnode_load1 ", agent.metrics())
        self.stops(agent, 12)
