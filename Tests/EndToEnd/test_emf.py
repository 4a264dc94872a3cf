"""Documents with metrics that programs send to the agent's port: what was received is delivered, whatever happens."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from support import BINARY, Scratch, eventually, free_port

DIRECTIVES = [{"Namespace": "Test", "Dimensions": [["service"]], "Metrics": [{"Name": "number", "Unit": "Count"}]}]


def document(number, more=None, **metadata):
    now = int(time.time() * 1000)
    return {"_aws": {"Timestamp": now, "CloudWatchMetrics": DIRECTIVES, **metadata}, "service": "shop",
            "number": number, **(more or {})}


def line(*arguments, **metadata):
    return json.dumps(document(*arguments, **metadata)).encode() + b"\n"


def connected(port):
    """A connection to the port, when somebody listens there."""
    def attempt():
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            return None
    return eventually(attempt, 20, f"somebody listens at port {port}")


class EMF(Scratch):
    def settings(self, output, **options):
        self.port = free_port()
        address = f"127.0.0.1:{self.port}"
        return {
            "inputs": {"app": {"type": "emf", "tcp": address, "udp": address, **options}},
            "outputs": {"out": output},
            "routes": [{"from": "app", "to": "out"}],
        }

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def count(self, agent, reason):
        series = f'vitals_input_events_total{{input="app",output="out",reason="{reason}"}}'
        return int(agent.metric(series) or 0)

    def numbers(self, receiver):
        with receiver.lock:
            return [record.get("number") for record in receiver.records]

    def wait_for(self, agent, receiver, numbers, within=30):
        eventually(lambda: set(numbers) <= set(self.numbers(receiver)), within,
                   f"{len(numbers)} documents, {len(self.numbers(receiver))} came\n{agent.log()}")

    def test_documents_come_by_tcp_and_udp_and_bad_ones_are_counted(self):
        receiver = self.receiver()
        agent = self.agent(self.settings({"type": "http", "url": receiver.url})).start()
        stream = self.connect()
        stream.sendall(line(1) + b"\n" + line(2).replace(b"\n", b"\r\n") + b"no document\n")
        stream.sendall(b'{"_aws":{}}\n' + line(3, {"number": "three"}) + line(4)[:-1])
        stream.shutdown(socket.SHUT_WR)
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        for datagram in (line(5) + line(6), line(7)[:-1], b"[]"):
            sender.sendto(datagram, ("127.0.0.1", self.port))
        # What is wrong by the specification goes on: the service decides.
        stream = self.connect()
        stream.sendall(line(8, {"number": {"Max": 3, "Min": 1, "Count": 2, "Sum": 4}}))
        without = json.loads(line(9))
        del without["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        stream.sendall(json.dumps(without).encode() + b"\n")
        wanted = [1, 2, 4, 5, 6, 7, 9, "three", {"Max": 3, "Min": 1, "Count": 2, "Sum": 4}]
        eventually(lambda: all(number in self.numbers(receiver) for number in wanted), 30, agent.log)
        eventually(lambda: self.count(agent, "bad_document_not_an_object") == 2, 10, agent.log())
        self.assertEqual(self.count(agent, "bad_document_timestamp"), 1)
        self.assertEqual(self.count(agent, "bad_document_metric_value"), 1)
        # The one without a number is that whose `_aws` is empty.
        self.assertEqual(self.count(agent, "document_received"), len(wanted) + 1)
        self.assertIn("a document with metrics is dropped", agent.log())
        self.assertEqual(agent.log().count("a document with metrics has a fault"), 2)
        self.assertEqual(agent.stop(), 0)

    def test_what_was_received_a_second_before_a_kill_is_delivered_after_it(self):
        receiver = self.receiver(answer=lambda records: 503)
        agent = self.agent(self.settings({"type": "http", "url": receiver.url})).start()
        stream = self.connect()
        sent, stop = [], threading.Event()

        def send():
            number = 0
            while not stop.is_set():
                try:
                    stream.sendall(line(number))
                except OSError:
                    return
                sent.append((time.monotonic(), number))
                number += 1
                time.sleep(0.001)

        thread = threading.Thread(target=send)
        thread.start()
        eventually(lambda: len(sent) > 1000, 60, "documents are sent")
        time.sleep(1)  # Some are to be older than a second: this is the time itself.
        killed = time.monotonic()
        agent.kill()
        stop.set()
        thread.join()
        safe = [number for at, number in sent if at < killed - 1]
        self.assertGreater(len(safe), 500)
        receiver.answer = lambda records: 200
        agent.start()
        self.wait_for(agent, receiver, safe)
        # In the order in which they came, and none twice: nothing of them had been acknowledged.
        numbers = self.numbers(receiver)
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(agent.stop(), 0)

    def test_a_full_spool_drops_the_oldest_and_counts_every_one(self):
        receiver = self.receiver(answer=lambda records: 503)
        agent = self.agent(self.settings({"type": "http", "url": receiver.url}, spool_bytes="8MiB")).start()
        stream = self.connect()
        total = 16_000
        filler = {"filler": "x" * 1000}
        for number in range(total):
            stream.sendall(line(number, filler))
        eventually(lambda: self.count(agent, "document_received") == total, 60, agent.log())
        eventually(lambda: self.count(agent, "spool_dropped") > 0, 30, "the spool is full")
        on_disk = sum(path.stat().st_size for path in (agent.state / "spool").rglob("*.spool"))
        self.assertLessEqual(on_disk, 8 << 20)
        receiver.answer = lambda records: 200
        eventually(lambda: len(self.numbers(receiver)) + self.count(agent, "spool_dropped") >= total, 90, agent.log())
        numbers = self.numbers(receiver)
        self.assertEqual(len(numbers), len(set(numbers)), "none came twice")
        self.assertEqual(len(numbers) + self.count(agent, "spool_dropped"), total)
        self.assertEqual(max(numbers), total - 1)
        self.assertEqual(self.count(agent, "spool_dropped_unstored"), 0)
        self.assertEqual(agent.stop(), 0)

    def test_a_stop_in_an_outage_loses_nothing(self):
        receiver = self.receiver()
        agent = self.agent({**self.settings({"type": "http", "url": receiver.url}), "drain_timeout": "1s"}).start()
        stream = self.connect()
        receiver.stop()
        for number in range(500):
            stream.sendall(line(number))
        eventually(lambda: self.count(agent, "document_received") == 500, 20, agent.log())
        self.assertEqual(agent.stop(), 0)
        receiver.start()
        agent.start()
        self.wait_for(agent, receiver, range(500))
        self.assertEqual(self.numbers(receiver), list(range(500)))
        self.assertEqual(agent.stop(), 0)

    def fill(self, stream, first):
        """Sends documents as long as the kernel takes them, 5000 at the most; returns the numbers of those that it took."""
        stream.setblocking(False)
        for number in range(first, first + 5000):
            text = line(number, {"filler": "x" * 2000})
            try:
                if stream.send(text) < len(text):
                    return range(first, number)
            except BlockingIOError:
                return range(first, number)
        return range(first, first + 5000)

    def test_a_stop_takes_what_the_kernel_has(self):
        """Of a client that is gone, and of one that stays and that nobody has accepted yet; and datagrams."""
        receiver = self.receiver()
        agent = self.agent(self.settings({"type": "http", "url": receiver.url})).start()
        streams = [self.connect()]
        streams[0].sendall(line(0))
        self.wait_for(agent, receiver, [0])
        # It reads nothing: what is sent now stays with the kernel.
        agent.process.send_signal(signal.SIGSTOP)
        streams.append(self.connect())
        taken = [number for index, stream in enumerate(streams) for number in self.fill(stream, 10_000 * (index + 1))]
        self.assertGreater(len(taken), 2 * 400)
        streams[0].close()
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        datagrams = range(1_000_000, 1_000_050)
        for number in datagrams:
            sender.sendto(line(number), ("127.0.0.1", self.port))
        agent.process.send_signal(signal.SIGTERM)
        agent.process.send_signal(signal.SIGCONT)
        self.assertEqual(agent.process.wait(20), 0, agent.log())
        agent.start()
        self.wait_for(agent, receiver, [0, *taken, *datagrams])
        self.assertEqual(agent.stop(), 0)

    def test_a_client_that_never_ends_does_not_hold_the_stop_up(self):
        receiver = self.receiver()
        agent = self.agent({**self.settings({"type": "http", "url": receiver.url}), "drain_timeout": "60s"}).start()
        # So much at a time that something is always on its way.
        stream, block = self.connect(), b"".join(line(number) for number in range(500))

        def send():
            try:
                while True:
                    stream.sendall(block)
            except OSError:
                pass  # The agent has closed: the client knows.

        thread = threading.Thread(target=send)
        thread.start()
        eventually(lambda: len(receiver.records) > 100, 30, agent.log)
        self.assertEqual(agent.stop(within=30), 0)
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertIn("still sends", agent.log())

    def test_the_port_is_open_when_the_agent_is_ready(self):
        """Ten starts: nothing is tried twice. The service manager is told when the sockets are there."""
        receiver = self.receiver()
        agent = self.agent(self.settings({"type": "http", "url": receiver.url}))
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notified.close)
        notified.bind(str(self.directory / "notify"))
        notified.settimeout(20)
        for number in range(0, 20, 2):
            with agent.errors.open("ab") as errors:
                agent.process = agent.popen(
                    [BINARY, "run", "--config", agent.config, "--state-directory", agent.state], stderr=errors,
                    stdout=subprocess.DEVNULL, env={**os.environ, "NOTIFY_SOCKET": str(self.directory / "notify")})
            while b"READY=1" not in notified.recv(4096):
                pass
            with socket.create_connection(("127.0.0.1", self.port)) as stream:
                stream.sendall(line(number))
            sender.sendto(line(number + 1), ("127.0.0.1", self.port))
            self.wait_for(agent, receiver, range(number + 2))
            self.assertEqual(agent.stop(), 0)

    def test_a_port_that_is_taken_holds_up_nothing(self):
        holder = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(holder.close)
        taken = holder.getsockname()[1]
        receiver = self.receiver()
        settings = self.settings({"type": "http", "url": receiver.url}, tcp=f"127.0.0.1:{taken}")
        agent = self.agent({**settings, "state_directory": str(self.directory / "agent-state")})
        self.assertIn(f"PROBLEM input app: 127.0.0.1:{taken} (TCP) is in use: another program receives there",
                      agent.command("check"))
        agent.start()
        # Said before the agent is ready; the other protocol works.
        said = agent.log()
        self.assertIn(f"127.0.0.1:{taken} (TCP) is in use: another program receives there", said[:said.index("ready")])
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        sender.sendto(line(1), ("127.0.0.1", self.port))
        self.wait_for(agent, receiver, [1])
        self.assertIn("is in use", agent.command("status"))
        holder.close()
        with connected(taken) as stream:
            stream.sendall(line(2))
        self.wait_for(agent, receiver, [1, 2])
        # Now it has the port itself, which is no problem.
        checked = agent.command("check")
        self.assertNotIn("another program", checked)
        self.assertIn(f"input app: 127.0.0.1:{taken} (TCP) is in use", checked)
        self.assertEqual(agent.stop(), 0)

    def test_documents_in_a_log_go_as_they_are(self):
        path = self.directory / "app.log"
        path.write_bytes(b"plain\n" + line(1, LogGroupName="/shop") + b'{"_aws":{}, "level":"info"}\n')
        receiver = self.receiver()
        agent = self.agent({
            "inputs": {"log": {"type": "file", "paths": [str(path)]},
                       "parsed": {"type": "file", "paths": [str(path)], "parse": "json"},
                       "without": {"type": "file", "paths": [str(path)], "emf": False}},
            "outputs": {"out": {"type": "http", "url": receiver.url}},
            "routes": [{"from": name, "to": "out"} for name in ("log", "parsed", "without")],
        }).start()
        eventually(lambda: len(receiver.records) == 9, 20, agent.log())
        documents = [record for record in receiver.records if "_aws" in record and "host" not in record]
        self.assertEqual([record["number"] for record in documents], [1, 1])
        self.assertEqual(
            sum(record.get("message", "").startswith('{"_aws": {"Timestamp') for record in receiver.records), 1)
        self.assertEqual(agent.stop(), 0)

    def test_one_agent_sends_to_another(self):
        receiver = self.receiver()
        central = self.agent(self.settings({"type": "http", "url": receiver.url}), name="central").start()
        host = self.agent({
            "inputs": {"host": {"type": "host_metrics", "interval": "1s", "metrics": ["mem_total", "cpu_usage_idle"]}},
            "outputs": {"central": {"type": "tcp", "address": f"localhost:{self.port}"}},
            "routes": [{"from": "host", "to": "central"}],
        }, name="host").start()

        def times():
            with receiver.lock:
                return sorted({r["_aws"]["Timestamp"] for r in receiver.records if "mem_total" in r})

        eventually(lambda: len(times()) >= 2, 30, host.log() + central.log())
        # The central one is away for a while.
        self.assertEqual(central.stop(), 0)
        time.sleep(2)  # The outage itself, not a wait for something to be right.
        central.start()
        stopped = len(times())
        eventually(lambda: len(times()) >= stopped + 4, 60, host.log() + central.log())
        gaps = [(after - before) / 1000 for before, after in zip(times(), times()[1:])]
        self.assertLess(max(gaps), 1.9, "no interval is missing")
        self.assertEqual(host.stop(), 0)
        self.assertEqual(central.stop(), 0)
        self.assertEqual(self.count_bad(central), 0)

    def count_bad(self, agent):
        return agent.log().count("a document with metrics is dropped")
