"""The batches of all routes together stay under `memory_limit`, whatever the number of routes: resident memory is read."""

import threading
import time
from pathlib import Path
from support import Scratch, eventually

ROUTES = 100
LIMIT = 64 << 20
# Threads, a connection, and the input's own tables: what a route has beside its batches.
ROUTE_BYTES = 256 << 10


def resident(agent, field="VmRSS"):
    for line in Path(f"/proc/{agent.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no {field}")


class Memory(Scratch):
    def settings(self, receiver, **options):
        names = [f"in{n}" for n in range(ROUTES)]
        return {
            "inputs": {name: {"type": "file", "paths": [str(self.directory / f"{name}.log")], **options} for name in names},
            "outputs": {"central": {"type": "http", "url": receiver.url, "compression": "none"}},
            "routes": [{"from": name, "to": "central"} for name in names],
        }

    def held(self, agent):
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in agent.metrics("?collect[]=loadavg").splitlines()
            if line.startswith("vitals_route_memory_bytes{"))

    def each_has_failed(self, agent):
        return agent.metrics("?collect[]=loadavg").count("\nvitals_route_last_error_timestamp_seconds{") == ROUTES

    def idle(self, receiver, **options):
        """What an agent with as many routes and nothing to send takes."""
        agent = self.agent(self.settings(receiver, **options), name="idle").start(ready_within=60)
        eventually(lambda: self.held(agent) >= 0 and agent.metric("vitals_delivery_memory_limit_bytes") == LIMIT, 30, "metrics")
        base = resident(agent)
        agent.stop(within=20)
        return base

    def write(self, line, count):
        """`count` numbered lines into each file."""
        for n in range(ROUTES):
            with (self.directory / f"in{n}.log").open("w") as file:
                for number in range(count):
                    file.write(f"seq={n * count + number} {line}\n")

    def test_a_hundred_routes_with_a_backlog_and_a_receiver_that_is_down(self):
        receiver = self.receiver()
        base = self.idle(receiver)
        receiver.stop()
        count = 5_000
        self.write("x" * 150, count)
        agent = self.agent(self.settings(receiver)).start(ready_within=60)
        eventually(lambda: self.each_has_failed(agent), 60, "all routes are in trouble")
        down, held = resident(agent), self.held(agent)
        receiver.start()
        eventually(lambda: len(receiver.records) >= ROUTES * count, 150, lambda: f"all lines\n{agent.log()[-3000:]}")
        peak = resident(agent, "VmHWM")
        print(f"\n{ROUTES} routes: base {base >> 20} MiB, down {down >> 20} MiB, held {held / 2**20:.1f} MiB, "
              f"peak {peak >> 20} MiB")
        self.assertEqual(agent.stop(within=20), 0)
        self.assertEqual(set(receiver.sequences()), set(range(ROUTES * count)))
        self.assertLessEqual(held, LIMIT)
        self.assertLessEqual(peak, base + LIMIT)

    def test_lines_of_a_megabyte_are_held_one_at_a_time_and_given_back(self):
        receiver = self.receiver()
        options = {"line_limit": "2MiB"}
        base = self.idle(receiver, **options)
        receiver.stop()
        count = 4
        self.write("y" * (1 << 20), count)
        agent = self.agent(self.settings(receiver, **options)).start(ready_within=60)
        eventually(lambda: self.each_has_failed(agent), 60, "all routes are in trouble")
        down = resident(agent)
        receiver.start()
        eventually(lambda: len(receiver.records) >= ROUTES * count, 150, lambda: f"all lines\n{agent.log()[-3000:]}")
        eventually(lambda: agent.metric('vitals_route_batches_in_flight{input="in0",output="central"}') == 0, 30, "rest")
        held = eventually(lambda: (value := self.held(agent)) <= LIMIT and value, 30, lambda: f"{self.held(agent)} held")
        peak = resident(agent, "VmHWM")
        print(f"\n1 MiB lines: base {base >> 20} MiB, down {down >> 20} MiB, held in the end {held / 2**20:.1f} MiB, "
              f"peak {peak >> 20} MiB, in the end {resident(agent) >> 20} MiB")
        self.assertEqual(agent.stop(within=20), 0)
        self.assertEqual(set(receiver.sequences()), set(range(ROUTES * count)))
        self.assertLessEqual(peak, base + LIMIT)


class LargeRecords(Scratch):
    """Lines far larger than the share of a route, many inputs, and outputs of which most are in trouble."""

    INPUTS = 20
    LINES = 6

    def setUp(self):
        super().setUp()
        self.mends = threading.Event()
        self.receivers = {
            "works": self.receiver(), "refused": self.receiver(),
            "answers503": self.receiver(answer=lambda lines: 200 if self.mends.is_set() else 503),
            "silent": self.receiver(answer=lambda lines: self.mends.wait() and 200),
        }
        self.addCleanup(self.mends.set)

    def settings(self, limit, inputs, names, **options):
        # What waits for an answer for longer than that has failed.
        http = {"type": "http", "compression": "gzip", "timeout": "3s"}
        return {
            "delivery": {"memory_limit": f"{limit >> 20}MiB"},
            "inputs": {f"in{n}": {"type": "file", "paths": [str(self.directory / f"in{n}.log")], **options}
                       for n in range(inputs)},
            "outputs": {name: {**http, "url": self.receivers[name].url} for name in names},
            "routes": [{"from": f"in{n}", "to": name} for n in range(inputs) for name in names],
        }

    def idle(self, **options):
        """What one route and nothing to send takes."""
        agent = self.agent(self.settings(64 << 20, 1, ["works"], **options), name="idle").start()
        eventually(lambda: agent.metric("vitals_delivery_memory_limit_bytes"), 30, "metrics")
        base = resident(agent)
        agent.stop(within=20)
        return base

    def write(self, text):
        for n in range(self.INPUTS):
            with (self.directory / f"in{n}.log").open("w") as file:
                for number in range(self.LINES):
                    file.write(f"seq={n * self.LINES + number} {text}\n")

    def deliver(self, limit, text, **options):
        count = self.INPUTS * self.LINES
        routes = self.INPUTS * len(self.receivers)
        base = self.idle(**options)
        self.receivers["refused"].stop()
        self.write(text)
        agent = self.agent(self.settings(limit, self.INPUTS, list(self.receivers), **options)).start(ready_within=60)
        begun = time.monotonic()
        eventually(
            lambda: len(self.receivers["works"].records) >= count, 120, lambda: f"the healthy one\n{agent.log()[-3000:]}")
        healthy = time.monotonic() - begun
        down = resident(agent)
        self.mends.set()
        self.receivers["refused"].start()
        for name, receiver in self.receivers.items():
            eventually(lambda: len(set(receiver.sequences())) >= count, 240, lambda: f"{name}\n{agent.log()[-3000:]}")
        peak = resident(agent, "VmHWM")
        failed = [line for line in agent.metrics("?collect[]=loadavg").splitlines()
                  if line.startswith(("vitals_route_records_rejected_total{", "vitals_route_records_dropped_total{"))
                  and not line.endswith(" 0")]
        print(f"\n{routes} routes, {len(text) >> 10} KiB lines, limit {limit >> 20} MiB: base {base >> 20} MiB, "
              f"down {down >> 20} MiB, peak {peak >> 20} MiB; the healthy routes had all after {healthy:.1f} s")
        self.assertEqual(agent.stop(within=20), 0)
        self.assertEqual(failed, [])
        for name, receiver in self.receivers.items():
            self.assertEqual(set(receiver.sequences()), set(range(count)), name)
            for record in receiver.records:
                self.assertEqual(record["message"].split(" ", 1)[1], text)
        self.assertLessEqual(peak, base + limit + routes * ROUTE_BYTES)

    def test_eighty_routes_of_which_three_in_four_are_in_trouble(self):
        self.deliver(64 << 20, "z" * (1 << 20), line_limit="2MiB")

    def test_a_small_limit_and_lines_that_grow_when_they_are_encoded(self):
        # Each of these is six bytes in JSON, or two.
        self.deliver(24 << 20, "\x1b\x01\"\\" * (64 << 10), line_limit="1MiB")

    def test_lines_that_stages_take_apart(self):
        self.deliver(
            64 << 20, "w" * (512 << 10), line_limit="1MiB",
            multiline={"start": "^seq="}, filters=[{"exclude": "^never"}])
