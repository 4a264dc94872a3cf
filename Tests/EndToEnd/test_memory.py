"""The batches of all routes together stay under `memory_limit`, whatever the number of routes: resident memory is read."""

from pathlib import Path
from support import Scratch, eventually

ROUTES = 100
LIMIT = 64 << 20


class Memory(Scratch):
    def settings(self, receiver, **options):
        names = [f"in{n}" for n in range(ROUTES)]
        return {
            "inputs": {name: {"type": "file", "paths": [str(self.directory / f"{name}.log")], **options} for name in names},
            "outputs": {"central": {"type": "http", "url": receiver.url, "compression": "none"}},
            "routes": [{"from": name, "to": "central"} for name in names],
        }

    def resident(self, agent, field="VmRSS"):
        for line in Path(f"/proc/{agent.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
        raise AssertionError(f"no {field}")

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
        base = self.resident(agent)
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
        down, held = self.resident(agent), self.held(agent)
        receiver.start()
        eventually(lambda: len(receiver.records) >= ROUTES * count, 150, lambda: f"all lines\n{agent.log()[-3000:]}")
        peak = self.resident(agent, "VmHWM")
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
        down = self.resident(agent)
        receiver.start()
        eventually(lambda: len(receiver.records) >= ROUTES * count, 150, lambda: f"all lines\n{agent.log()[-3000:]}")
        eventually(lambda: agent.metric('vitals_route_batches_in_flight{input="in0",output="central"}') == 0, 30, "rest")
        held = eventually(lambda: (value := self.held(agent)) <= LIMIT and value, 30, lambda: f"{self.held(agent)} held")
        print(f"\n1 MiB lines: base {base >> 20} MiB, down {down >> 20} MiB, held in the end {held / 2**20:.1f} MiB, "
              f"peak {self.resident(agent, 'VmHWM') >> 20} MiB, in the end {self.resident(agent) >> 20} MiB")
        self.assertEqual(agent.stop(within=20), 0)
        self.assertEqual(set(receiver.sequences()), set(range(ROUTES * count)))
