"""What docs/delivery.md and docs/aws.md promise of the running agent: what is given up and put aside, outputs that are down
beside others, a stop while all wait, names and metadata that never answer, and secrets that nobody sees."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from cloudwatch_stand_in import CloudWatchStandIn
from support import BINARY, Scratch, eventually, free_port, get, require_root, start_writer

LINES = 2_000
# Starting takes a tenth of that; machines that run tests are busy.
READY_SECONDS = 5


class Delivering(Scratch):
    def settings(self, outputs, lines=LINES, **more):
        """An input, with lines that are there before the start, and a route to each of the outputs."""
        log = self.directory / "app.log"
        if not log.exists():
            self.assertEqual(start_writer(self, log, lines).wait(), 0)
        return {"inputs": {"app": {"type": "file", "paths": [str(log)]}}, "outputs": outputs,
                "routes": [{"from": "app", "to": name} for name in outputs], **more}

    def value(self, agent, name, output="central", **labels):
        labels = "".join(f',{key}="{label}"' for key, label in labels.items())
        return agent.metric(f'vitals_route_{name}{{input="app",output="{output}"{labels}}}')

    def run_it(self, agent, name, *words):
        ran = subprocess.run([BINARY, name, "--config", agent.config, "--state-directory", agent.state, *words],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return ran.returncode, ran.stdout

    @staticmethod
    def number(record):
        return int(record["message"].split(" ", 1)[0].removeprefix("seq="))

    def rejected(self, agent, output="central"):
        directory = agent.state / "rejected" / output
        return [json.loads(line) for path in sorted(directory.glob("*")) for line in path.read_text().splitlines()]


class Delivery(Delivering):
    def test_what_is_given_up_is_counted_and_can_be_replayed(self):
        receiver = self.receiver()
        receiver.stop()
        agent = self.agent(self.settings({"central": {"type": "http", "url": receiver.url, "give_up_after": "2s"}}))
        agent.start()
        eventually(lambda: self.value(agent, "records_dropped_total", reason="given_up") == LINES, 40, "it gives up")
        self.assertEqual(len(self.rejected(agent)), LINES)
        self.assertIn(f"records={LINES} kept={LINES} ", agent.log())
        code, said = self.run_it(agent, "replay")
        self.assertEqual((code, len(self.rejected(agent))), (1, LINES), said)
        receiver.start()
        self.assertEqual(self.run_it(agent, "replay"), (0, f"central: {LINES} sent\n"))
        self.assertEqual(sorted(receiver.sequences()), list(range(LINES)))
        # The cursor has moved: nothing of it is read again.
        self.assertEqual(agent.stop(), 0)
        agent.start()
        with (self.directory / "app.log").open("a") as log:
            log.write(f"seq={LINES} more\n")
        eventually(lambda: len(receiver.records) > LINES, 20, "what is new")
        self.assertEqual(sorted(receiver.sequences()), list(range(LINES + 1)))

    def test_what_is_put_aside_is_bounded_in_size_and_age(self):
        # It takes one now and then: one that takes nothing is at fault itself, and nothing is put aside.
        receiver = self.receiver(
            answer=lambda records: 200 if all(self.number(record) % 10 == 0 for record in records) else 400)
        agent = self.agent(self.settings({"central": {
            "type": "http", "url": receiver.url, "rejected_bytes": "16KiB", "rejected_age": "1d"}}, lines=200))
        directory = agent.state / "rejected/central"
        directory.mkdir(parents=True)
        old = directory / "2026-01-02-0001.ndjson"
        old.write_text("{}\n")
        agent.start()
        eventually(lambda: not old.exists(), 20, "the old file goes")
        eventually(lambda: self.value(agent, "records_rejected_total") == 180, 40, "all others are refused")
        kept = len(self.rejected(agent))
        self.assertEqual(self.value(agent, "records_dropped_total", reason="rejected_store_full"), 180 - kept)
        self.assertIn("rejected record is dropped: rejected/ is full", agent.log())
        self.assertGreater(kept, 10)
        self.assertLessEqual(sum(path.stat().st_size for path in directory.iterdir()), 16 << 10)

    def test_an_output_that_is_down_touches_no_other(self):
        up, down = self.receiver(), self.receiver()
        down.stop()
        agent = self.agent(self.settings({
            "up": {"type": "http", "url": up.url}, "down": {"type": "http", "url": down.url}}, lines=1)).start()
        start_writer(self, self.directory / "app.log", 10_000, per_second=1_000)
        slowest = 0
        while len(up.records) < 10_001:
            before = len(up.records)
            began = time.monotonic()
            eventually(lambda: len(up.records) > before, 20, f"more than {before}")
            slowest = max(slowest, time.monotonic() - began)
        self.assertLess(slowest, 3, "the other output waited")
        self.assertEqual((down.records, self.value(agent, "retrying", "down")), ([], 1))
        self.assertEqual(self.value(agent, "retries_total", "up"), 0)
        down.start()
        eventually(lambda: len(down.records) == 10_001, 60, "the one that was down has all")
        self.assertEqual(sorted(down.sequences()), sorted(up.sequences()))
        self.assertEqual(agent.stop(), 0)

    def test_a_stop_while_all_lanes_wait_leaves_a_true_cursor(self):
        for silent in (False, True):
            with self.subTest(silent=silent):
                receiver = self.receiver()
                release = threading.Event()
                self.addCleanup(release.set)
                taken = receiver.take
                if silent:
                    # Nothing is taken, and nobody answers.
                    receiver.take = lambda body, headers: release.wait(60) and 500
                else:
                    receiver.stop()
                agent = self.agent(self.settings({"central": {
                    "type": "http", "url": receiver.url, "in_flight": 4, "batch_records": 100}}, drain_timeout="1s"),
                    name=f"silent-{silent}").start()
                if silent:
                    eventually(lambda: len(receiver.connections) == 4, 20, "four lanes wait")
                else:
                    eventually(lambda: (self.value(agent, "retries_total") or 0) >= 4, 20, "it has tried")
                began = time.monotonic()
                self.assertEqual(agent.stop(within=8), 0)
                self.assertLess(time.monotonic() - began, 1 + READY_SECONDS)
                release.set()
                receiver.take = taken
                if not silent:
                    receiver.start()
                agent.start()
                eventually(lambda: len(receiver.records) >= LINES, 30, "all lines")
                self.assertEqual(agent.stop(), 0)
                self.assertEqual(sorted(receiver.sequences()), list(range(LINES)))

    def silence(self):
        """An address where connections are made and nobody ever answers."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def hang(self, aws, environment, popen=subprocess.Popen):
        """An output to AWS that cannot go on, beside one that can."""
        receiver = self.receiver()
        agent = self.agent(self.settings({
            "aws": {"type": "cloudwatch_logs", "log_group": "/x/{instance_type}/{region}", **aws},
            "central": {"type": "http", "url": receiver.url}}, lines=50_000, drain_timeout="2s"), popen=popen)
        clean = {name: "" for name in os.environ if name.startswith("AWS_")}
        began = time.monotonic()
        agent.start(ready_within=READY_SECONDS, environment=clean | environment)
        ready = time.monotonic() - began
        eventually(lambda: len(receiver.records) == 50_000, 20, "the other output has all")
        print(f"ready after {ready:.2f} s, all of the other output after {time.monotonic() - began:.2f} s",
              file=sys.stderr)
        self.assertEqual(self.value(agent, "records_acknowledged_total", "aws"), 0)
        began = time.monotonic()
        self.assertEqual(agent.stop(within=15), 0)
        print(f"stopped after {time.monotonic() - began:.2f} s", file=sys.stderr)
        self.assertLess(time.monotonic() - began, 2 + READY_SECONDS)

    def test_metadata_that_never_answers_holds_up_nothing(self):
        self.hang({}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.silence()})

    def test_an_endpoint_that_never_answers_holds_up_nothing(self):
        self.hang({"region": "eu-west-1", "endpoint": self.silence(), "access_key_id": "A", "secret_access_key": "B"},
                  {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.silence()})

    def test_a_program_for_credentials_that_hangs_holds_up_nothing(self):
        config = self.directory / "aws-config"
        config.write_text("[default]\nregion = eu-west-1\ncredential_process = /bin/sleep 1000\n")
        self.hang({"endpoint": self.silence()}, {"AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true"})

    def test_a_program_for_credentials_that_hangs_ends_with_the_agent(self):
        """Also what it has started itself, whatever the signals are that they ignore."""
        program, config, ids = (self.directory / name for name in ("get-keys", "aws-config", "ids"))
        program.write_text(f"#!/bin/sh\ntrap '' TERM HUP INT\nsleep 1000 &\necho $$ $! > {ids}\nwait\n")
        program.chmod(0o755)
        config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {program}\n")
        clean = {name: "" for name in os.environ if name.startswith("AWS_")}
        # The second signal of a stop asks for no delay at all.
        for signals in (1, 2):
            with self.subTest(signals=signals):
                ids.unlink(missing_ok=True)
                agent = self.agent(self.settings({
                    "aws": {"type": "cloudwatch_logs", "log_group": "/x", "endpoint": self.silence()}},
                    lines=10, drain_timeout="1s" if signals == 1 else "60s"), name=f"agent{signals}")
                agent.start(environment=clean | {"AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true"})
                eventually(lambda: ids.exists() and len(ids.read_text().split()) == 2, 20, agent.log)
                numbers = [int(number) for number in ids.read_text().split()]
                self.assertTrue(all(lives(number) for number in numbers))
                self.addCleanup(kill_all, numbers)
                if signals == 2:
                    agent.process.send_signal(signal.SIGTERM)
                    eventually(lambda: "stopping" in agent.log(), 10, agent.log)
                self.assertEqual(agent.stop(within=15), signals - 1)
                eventually(lambda: not any(lives(number) for number in numbers), 10, f"{numbers} have ended")

    def test_a_name_server_that_never_answers_holds_up_nothing(self):
        require_root()
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        # An address of the loopback network that nobody else has a name server at.
        server.bind(("127.77.3.9", 53))
        resolver = self.directory / "resolv.conf"
        resolver.write_text("nameserver 127.77.3.9\noptions timeout:30 attempts:3\n")

        def popen(arguments, **options):
            script = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
            return subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", *arguments], **options)

        self.hang({"region": "eu-west-1", "access_key_id": "A", "secret_access_key": "B"},
                  {"AWS_EC2_METADATA_DISABLED": "true"}, popen)
        server.setblocking(False)
        self.assertIn(b"\x09eu-west-1", server.recv(1000), "it was asked for the region's address")


def lives(process):
    """One that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill_all(processes):
    for process in filter(lives, processes):
        os.kill(process, signal.SIGKILL)


class Secrets(Delivering):
    """Each of those that are fed in has the word MARKER in it; the keys' ids are no secrets."""

    def test_no_secret_is_ever_shown(self):
        cloud = CloudWatchStandIn(session_token="MARKER-token")
        self.addCleanup(cloud.stop)
        receiver = self.receiver(
            answer=lambda records: 413 if len(records) > 1 else 400 if self.number(records[0]) % 10 else 200)
        config, secret = self.directory / "aws-config", self.directory / "secret"
        secret.write_text("MARKER-file\n")
        config.write_text("[profile keys]\naws_access_key_id = AKID\naws_secret_access_key = MARKER-profile\n"
                          "aws_session_token = MARKER-profile-token\nMARKER-line\n"
                          "[profile program]\ncredential_process = /bin/sh -c 'echo MARKER-output; echo MARKER-err >&2'\n")
        refused = f"127.0.0.1:{free_port()}"
        aws = {"type": "cloudwatch_logs", "log_group": "/x", "region": "us-east-1", "endpoint": cloud.url, "create": False}
        keys = {"access_key_id": "AKID", "secret_access_key": "MARKER-secret", "session_token": "MARKER-token"}
        outputs = {
            "denied": aws | keys,
            "from_file": aws | {"access_key_id": "AKID", "secret_access_key": f"${{file:{secret}}}"},
            "environment": aws,
            "profile": aws | {"profile": "keys"},
            "program": aws | {"profile": "program"},
            "role": aws | keys | {"role_arn": "arn:aws:iam::123456789012:role/x", "external_id": "MARKER-external"},
            "proxy": aws | keys | {"proxy": f"http://user:MARKER-proxy@{refused}"},
            "header": {"type": "http", "url": receiver.url, "headers": {"Authorization": "Bearer MARKER-bearer"}},
            "address": {"type": "http", "url": f"http://user:MARKER-password@{refused}/x?token=MARKER-query"},
            "by_proxy": {"type": "http", "url": receiver.url, "proxy": f"http://user:MARKER-proxy@{refused}"},
        }
        environment = {name: "" for name in os.environ if name.startswith("AWS_")} | {
            "AWS_CONFIG_FILE": str(config), "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "MARKER-environment",
            "AWS_SESSION_TOKEN": "MARKER-environment-token", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": cloud.url}
        agent = self.agent(self.settings(outputs, lines=20, log={"level": "debug"}))
        agent.start(environment=environment)
        for name in outputs:
            if name != "header":
                eventually(lambda: (self.value(agent, "retries_total", name) or 0) >= 1, 40,
                           lambda: f"{name} was tried\n{agent.log()}")
        eventually(lambda: self.value(agent, "records_rejected_total", "header") == 18, 20, "records are put aside")
        checked = subprocess.run([BINARY, "check", "--config", agent.config], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.STDOUT, env=os.environ | environment, timeout=60).stdout
        code, replayed = self.run_it(agent, "replay")
        for what, text in {
            "the log": agent.log(), "the metrics": agent.metrics(), "vitals check": checked, "vitals replay": replayed,
            "the status": agent.command("status"), "the status as JSON": get(agent.port, "/api/v1/status")[2].decode(),
            "what is put aside": json.dumps(self.rejected(agent, "header")),
        }.items():
            with self.subTest(what):
                self.assertGreater(len(text), 20)
                self.assertNotIn("MARKER", text)
        for path in agent.state.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"MARKER", path.read_bytes(), path)


    def test_no_password_of_an_address_is_ever_shown(self):
        """Neither of one that works, nor of one that is wrong, from whatever place it comes."""
        refused = f"127.0.0.1:{free_port()}"
        keys = {"access_key_id": "AKID", "secret_access_key": "MARKER-secret"}
        aws = {"type": "cloudwatch_logs", "log_group": "/x", "region": "us-east-1", **keys}
        wrong = [
            *({"type": "http", "url": url} for url in (
                "ftp://user:MARKER@host/", "http://user:MARKER@/", "http://user:MARKER@host:x/", "http://user:MARKER/x@host",
                "http://user:MARKER#x@host", "http://user:MARKER?x@host", "http://user:MARKER @host", "user:MARKER@host",
                "http://user:x@MARKER@host:x")),
            *({"type": "http", "url": "http://host", "proxy": proxy} for proxy in (
                "ftp://user:MARKER@host", "user:MARKER@host:x", "http://user:MARKER/x@host", "http://user:MARKER @host")),
            *({**aws, "endpoint": endpoint} for endpoint in (
                "https://user:MARKER@host", "user:MARKER@host", "https://user:MARKER/x@host", "https://host/?x=MARKER")),
            {**aws, "proxy": "user:MARKER@host:x"},
        ]
        for number, output in enumerate(wrong):
            with self.subTest(output):
                agent = self.agent(self.settings({"out": output}, lines=1), name=f"wrong{number}")
                for command in ("check", "run", "replay", "cursors"):
                    code, said = self.run_it(agent, command)
                    if command in ("check", "run"):
                        self.assertEqual(code, 1, said)
                    self.assertNotIn("MARKER", said)
                    self.assertIn("outputs.out", said) if command == "check" else None

        def redirect(records):
            return "307 X\r\nLocation: http://user:MARKER@elsewhere/x?token=MARKER"
        redirecting = self.receiver(answer=redirect)
        redirecting.take = lambda body, headers: redirect(body)
        config = self.directory / "aws-config"
        config.write_text("[profile place]\naws_access_key_id = AKID\naws_secret_access_key = MARKER-profile\n"
                          f"endpoint_url = http://user:MARKER@{refused}\n")
        outputs = {
            "user": {"type": "http", "url": f"http://MARKER@{refused}/"},
            "slash": {"type": "http", "url": f"http://user:1/MARKER@{refused}/"},
            "redirected": {"type": "http", "url": redirecting.url},
            "profile": {"type": "cloudwatch_logs", "log_group": "/x", "region": "us-east-1", "profile": "place"},
            "environment": {**aws, "proxy": ""},
            "proxy": {**aws, "endpoint": "http://receiver.invalid", "proxy": f"socks5h://user:MARKER@{refused}"},
            "proxy_of_environment": {"type": "http", "url": "http://receiver.invalid/"},
        }
        environment = {name: "" for name in os.environ if name.startswith("AWS_")} | {
            "AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": f"http://user:MARKER@{refused}",
            "http_proxy": f"http://user:MARKER@{refused}", "https_proxy": f"http://user:MARKER@{refused}",
            "no_proxy": "127.0.0.1"}
        agent = self.agent(self.settings(outputs, lines=20, log={"level": "debug"})).start(environment=environment)
        for name in outputs:
            eventually(lambda: (self.value(agent, "retries_total", name) or 0) >= 1, 40,
                       lambda: f"{name} was tried\n{agent.log()}")
        checked = subprocess.run([BINARY, "check", "--config", agent.config], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.STDOUT, env=os.environ | environment, timeout=60).stdout
        for what, text in {
            "the log": agent.log(), "the metrics": agent.metrics(), "vitals check": checked,
            "the status": agent.command("status"), "the status as JSON": get(agent.port, "/api/v1/status")[2].decode(),
        }.items():
            with self.subTest(what):
                self.assertGreater(len(text), 20)
                self.assertNotIn("MARKER", text)
