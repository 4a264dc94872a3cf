"""A disk that is full: what cannot be read again, and what is put aside, while there is no room for it, and after."""

import json
import re

from support import Scratch, eventually, fill, free_port
from test_delivery import Delivering
from test_emf import connected, line


class FullDiskOfASpool(Scratch):
    """Documents with a number in them, of some 1.2 kB, and a disk with room for 2 MiB of them."""

    def setUp(self):
        super().setUp()
        self.receiver_is_down = True
        self.sink = self.receiver(answer=lambda records: 503 if self.receiver_is_down else 200)
        port = free_port()
        self.made = self.agent({
            "inputs": {"app": {"type": "emf", "tcp": f"127.0.0.1:{port}", "udp": ""}},
            "outputs": {"out": {"type": "http", "url": self.sink.url}},
            "routes": [{"from": "app", "to": "out"}]})
        self.on_small_disk(self.made, self.made.state, "2m")
        self.made.start()
        self.stream = connected(port)
        self.addCleanup(self.stream.close)

    def count(self, reason):
        return int(self.made.metric(f'vitals_input_events_total{{input="app",output="out",reason="{reason}"}}') or 0)

    def numbers(self):
        with self.sink.lock:
            return [record["number"] for record in self.sink.records]

    def send(self, numbers):
        for number in numbers:
            self.stream.sendall(line(number, {"filler": "x" * 1000}))
        eventually(lambda: self.count("document_received") == max(numbers) + 1, 60, self.made.log)

    def lost(self):
        return self.count("spool_dropped_unstored")

    def check(self, total):
        """All that was not counted as lost comes, once."""
        self.receiver_is_down = False
        eventually(lambda: len(set(self.numbers())) + self.lost() >= total, 60, self.made.log)
        numbers = self.numbers()
        self.assertEqual(len(numbers), len(set(numbers)), "none came twice")
        self.assertEqual(len(numbers) + self.lost(), total)
        self.assertEqual(max(numbers), total - 1, "the newest are kept")

    def test_what_has_no_room_is_lost_counted_and_said(self):
        self.send(range(8_000))
        # Two of them fit on the disk, and four into memory.
        eventually(lambda: self.lost() > 1_000, 20, self.made.log)
        self.assertIn("No space left on device", self.made.log())
        eventually(lambda: "the disk takes nothing and memory is full: records are dropped" in self.made.log(), 20,
                   self.made.log)
        status = self.made.command("status")
        self.assertIn("problem: spool: the disk fails, records live in memory: No space left on device", status)
        self.assertIn(f"lost: {self.lost()} spool_dropped_unstored", status)
        self.check(8_000)
        # As soon as the acknowledged segments have made room.
        eventually(lambda: "the disk of a spool works again" in self.made.log(), 20, self.made.log)
        self.send(range(8_000, 8_100))
        self.check(8_100)
        self.assertEqual(self.made.stop(), 0)

    def test_what_waits_in_memory_goes_to_the_disk_when_there_is_room(self):
        self.send(range(100))
        filler = fill(self.made.seen(self.made.state))
        self.send(range(100, 1_000))
        eventually(lambda: "the disk of a spool fails" in self.made.log(), 20, self.made.log)
        filler.unlink()
        eventually(lambda: "the disk of a spool works again" in self.made.log(), 20, self.made.log)
        self.assertEqual(self.lost(), 0)
        stored = self.made.seen(self.made.state / "spool")

        def is_stored():
            return sum(path.stat().st_size for path in stored.rglob("*.spool")) > 1_000 * 1_000
        eventually(is_stored, 20, "all is on the disk")
        self.check(1_000)
        self.assertEqual(self.lost(), 0)
        self.assertEqual(self.made.stop(), 0)

    def test_what_only_memory_has_at_the_stop_is_lost_and_said(self):
        self.send(range(3_000))
        eventually(lambda: "the disk of a spool fails" in self.made.log(), 20, self.made.log)
        self.assertEqual(self.made.stop(), 0)
        said = re.search(r"before the stop: records are lost\" spool=app~out records=(\d+)", self.made.log())
        self.assertTrue(said, self.made.log())
        self.assertIn(int(said[1]), range(500, 3_000))


class FullDiskOfWhatIsPutAside(Delivering):
    def test_what_has_no_room_is_counted_and_leaves_no_torn_line(self):
        receiver = self.receiver(
            answer=lambda records: 200 if all(self.number(record) % 10 == 0 for record in records) else 400)
        agent = self.agent(self.settings({"central": {"type": "http", "url": receiver.url}}, lines=1_000))
        self.on_small_disk(agent, agent.state, "64k")
        agent.start()
        eventually(lambda: self.value(agent, "records_rejected_total") == 900, 40, agent.log)
        lost = self.value(agent, "records_dropped_total", reason="rejected_store_failed")
        self.assertIn("rejected record cannot be kept", agent.log())
        self.assertIn(f"lost: {lost:.0f} rejected_store_failed", agent.command("status"))
        directory = agent.seen(agent.state / "rejected/central")
        kept = b"".join(path.read_bytes() for path in directory.iterdir())
        self.assertTrue(kept.endswith(b"}\n"), kept[-200:])
        self.assertEqual([json.loads(text)["reason"] for text in kept.splitlines()], ["HTTP 400"] * (900 - int(lost)))
        self.assertEqual(agent.stop(), 0)
