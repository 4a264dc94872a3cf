"""What the end-to-end tests share: the agent as a user starts it, receivers that can fail, and waiting for conditions."""

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("VITALS_BINARY", ROOT / ".build/vitals"))

# Collectors that ask the machine by system calls, whatever `host` says.
ASK_THE_KERNEL = ["filesystem", "time", "timex", "uname"]

# Options with which collectors serve more, whatever the host.
EVERYTHING = {
    "bcache": {"priorityStats": True}, "cpu": {"info": True}, "interrupts": {"include_zeros": True},
    "netdev": {"address_info": True, "label_ifalias": True}, "stat": {"softirq": True},
    "process_groups": {"groups": {"python": {"pattern": "python"}, "kernel": {"pattern": "^\\["}}},
    "systemd": {"enable_task_metrics": True, "enable_restarts_metrics": True, "enable_start_time_metrics": True},
}


def eventually(condition, within, what):
    """Waits until `condition()` is true and returns its value; fails with `what`, or what it returns then, after `within`
    seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def require_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")


def require_programs(*names):
    for name in names:
        if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin:/lib/systemd"):
            raise unittest.SkipTest(f"needs the program {name} (make test-deps)")


def listen(listener, serve):
    """Has `serve(connection)` run for each connection that comes, each on a thread of its own, until the listener is closed
    by `stop_listening`."""
    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def stop_listening(listener):
    """Without `shutdown` the thread that accepts would hold the port until another connection comes."""
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def fill(directory):
    """Takes all the room that is left there; the file that has it."""
    filler = directory / "filler"
    with filler.open("ab", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 4096)
        except OSError:
            return filler


PORTS = set()


def free_port():
    """One that is free now, and that this process has given to nobody else."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in PORTS:
            PORTS.add(port)
            return port


def get(port, path, headers=None, timeout=10):
    """One GET; returns status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def all_collectors():
    """The names of all that the agent has."""
    listed = subprocess.run([BINARY, "collectors"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [row.split()[0] for row in listed.splitlines()[1:]]


class Scratch(unittest.TestCase):
    """A test with a directory of its own, and processes that end with it."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="vitals-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def agent(self, settings, name="agent", popen=subprocess.Popen):
        agent = Agent(self.directory, settings, name, popen)
        self.addCleanup(agent.end)
        return agent

    def receiver(self, **options):
        receiver = Receiver(**options)
        self.addCleanup(receiver.stop)
        return receiver

    def own_hosts(self):
        """A file of hosts, and what starts a program that has it for /etc/hosts, in a mount namespace."""
        hosts = self.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")

        def popen(arguments, **options):
            script = f'mount --bind {hosts} /etc/hosts && exec "$@"'
            return subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", *arguments], **options)

        return hosts, popen

    def on_small_disk(self, agent, directory, size):
        """The agent is to have a disk of its own at `directory`, of `size` and no more, which nobody else sees."""
        require_root()
        require_programs("unshare")

        def popen(arguments, **options):
            script = f'mkdir -p {directory} && mount -t tmpfs -o size={size} tmpfs {directory} && exec "$@"'
            return subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *map(str, arguments)], **options)

        agent.popen = popen

    def program(self, arguments, **options):
        """Starts a program that is ended with the test."""
        process = subprocess.Popen(arguments, **options)
        self.addCleanup(end, process)
        return process


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Agent:
    """The built program with settings of its own, `vitals run`; `popen` starts it, where another namespace is wanted."""

    def __init__(self, directory, settings, name="agent", popen=subprocess.Popen):
        self.popen = popen
        self.port = free_port()
        self.directory = directory
        self.state = directory / f"{name}-state"
        self.config = directory / f"{name}.json"
        self.errors = directory / f"{name}.log"
        self.process = None
        settings = {"endpoint": {"listen": [f"127.0.0.1:{self.port}"]}, **settings}
        self.config.write_text(json.dumps(settings, indent=2))

    def start(self, ready_within=10, environment=None):
        with self.errors.open("ab") as errors:
            self.process = self.popen(
                [BINARY, "run", "--config", self.config, "--state-directory", self.state],
                stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **(environment or {})})
        eventually(self.is_ready, ready_within, lambda: f"the agent is ready\n{self.log()}")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}\n{self.log()}")
        try:
            return get(self.port, "/-/ready")[0] == 200
        except OSError:
            return False

    def command(self, name):
        """What `vitals NAME` prints with this agent's settings."""
        ran = self.popen(
            [BINARY, name, "--config", self.config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return ran.communicate(timeout=20)[0]

    def log(self):
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def seen(self, path):
        """A path as this agent sees it, which may have mounts of its own."""
        return Path(f"/proc/{self.process.pid}/root{path}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, within=10):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not stopped within {within} s of SIGTERM\n{self.log()}")

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()

    def metrics(self, query=""):
        status, _, body = get(self.port, "/metrics" + query)
        if status != 200:
            raise AssertionError(f"/metrics answered {status}")
        return body.decode()

    def metric(self, series):
        """The value of one series, written as in the exposition; None when it is not there."""
        for line in self.metrics().splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return None


class Receiver:
    """An HTTP receiver of newline-delimited JSON that keeps what it acknowledged, and can be told to fail."""

    address = "127.0.0.1"

    def __init__(self, answer=None):
        # (body lines) -> status, or None for 200; called for each request.
        self.answer = answer or (lambda lines: 200)
        self.records = []
        self.requests = 0
        self.lock = threading.Lock()
        self.port = 0  # chosen at the first start
        self.listener = None
        self.connections = set()
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/ingest"

    def start(self):
        self.listener = socket.create_server((self.address, self.port))
        self.port = self.listener.getsockname()[1]
        listen(self.listener, self.begin)

    def stop(self):
        """Refuses connections, and breaks those that are open."""
        listener, self.listener = self.listener, None
        if listener:
            stop_listening(listener)
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def begin(self, connection):
        with self.lock:
            self.connections.add(connection)
        self.serve(connection)

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while request := stream.readline():
                headers = {}
                while (line := stream.readline().strip()):
                    name, value = line.decode().split(":", 1)
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0)))
                status = self.take(body, headers)
                connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    def parse(self, body, headers):
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return [json.loads(line) for line in body.splitlines()]

    def take(self, body, headers):
        records = self.parse(body, headers)
        with self.lock:
            self.requests += 1
            status = self.answer(records)
            if 200 <= status < 300:
                self.records += records
        return status

    def sequences(self):
        """The numbers of the lines that `writer.py` wrote, in the order in which they came."""
        with self.lock:
            return [self.sequence(record) for record in self.records]

    @staticmethod
    def sequence(record):
        return int(record["message"].split(" ", 1)[0].removeprefix("seq="))


def start_writer(test, path, lines, *plan, per_second=0):
    """Another process that writes numbered lines, and rotates its own file as `plan` says: see writer.py."""
    return test.program(
        [sys.executable, Path(__file__).with_name("writer.py"), str(path), str(lines), str(per_second), *plan])


def side_by_side(test, method, cases):
    """`method` of a test with each of the `cases`, in a directory of its own, with an agent and a receiver of its own: most of
    their time is waiting."""
    def run(arguments):
        own = type(test)(test._testMethodName)
        own.setUp()
        try:
            getattr(own, method)(*arguments)
        finally:
            own.doCleanups()
    with ThreadPoolExecutor(6) as pool:
        started = [(arguments, pool.submit(run, arguments)) for arguments in cases]
    for arguments, future in started:
        with test.subTest(arguments):
            future.result()


def ranges(numbers):
    """The first few runs of numbers that follow one another, for people: `["3-7", "9-9"]`."""
    found = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [f"{a}-{b}" for a, b in found[:6]]
