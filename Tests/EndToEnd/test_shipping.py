"""Numbered lines of another process arrive at an HTTP receiver: none lost, and none twice unless the agent was killed."""

import json
import time
from support import Scratch, eventually, start_writer

LINES = 100_000


class Shipping(Scratch):
    def settings(self, receiver, **output):
        return {
            "inputs": {"app": {"type": "file", "paths": [str(self.directory / "app.log")]}},
            "outputs": {"central": {"type": "http", "url": receiver.url, **output}},
            "routes": [{"from": "app", "to": "central"}],
        }

    def wait_for_all(self, receiver, agent, within=60):
        eventually(
            lambda: len(receiver.records) >= LINES and len(set(receiver.sequences())) == LINES, within,
            f"all {LINES} lines; the agent said:\n{agent.log()}")

    def test_three_renames_and_a_copytruncate_lose_and_double_nothing(self):
        receiver = self.receiver()
        agent = self.agent(self.settings(receiver)).start()
        writer = start_writer(
            self, self.directory / "app.log", LINES, "20000:rename", "40000:rename", "60000:copytruncate",
            "80000:rename")
        self.wait_for_all(receiver, agent)
        self.assertEqual(writer.wait(), 0)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(receiver.sequences()), list(range(LINES)))

    def test_two_kills_lose_nothing_and_double_only_what_was_in_flight(self):
        receiver = self.receiver()
        per_second = 25_000
        agent = self.agent(self.settings(receiver, batch_records=1000, in_flight=2))
        agent.start()
        start_writer(
            self, self.directory / "app.log", LINES, "20000:rename", "50000:rename", "80000:rename",
            per_second=per_second)
        for threshold in [LINES // 4, LINES // 2]:
            eventually(lambda: len(receiver.records) > threshold, 30, f"{threshold} lines before the kill")
            agent.kill()
            agent.start()
        self.wait_for_all(receiver, agent)
        agent.stop()
        sequences = receiver.sequences()
        self.assertEqual(set(sequences), set(range(LINES)))
        # The cursor is written once a second; what came after it, and two batches in flight, come again.
        doubled = len(sequences) - LINES
        self.assertLessEqual(doubled, 2 * (2 * per_second + 3 * 1000))

    def test_a_receiver_that_is_down_for_ten_seconds_loses_nothing(self):
        receiver = self.receiver()
        agent = self.agent(self.settings(receiver)).start()
        start_writer(self, self.directory / "app.log", LINES, "30000:rename", "60000:rename", per_second=10_000)
        eventually(lambda: len(receiver.records) > 10_000, 30, "a beginning")
        receiver.stop()
        time.sleep(10)  # The outage itself, not a wait for something to be right.
        receiver.start()
        self.wait_for_all(receiver, agent, within=90)
        agent.stop()
        sequences = receiver.sequences()
        self.assertEqual(set(sequences), set(range(LINES)))
        # A connection that breaks after the receiver took a batch cannot be told from one that breaks before.
        self.assertLessEqual(len(sequences) - LINES, 2 * 10_000)

    def test_a_stop_and_a_start_double_nothing(self):
        receiver = self.receiver()
        agent = self.agent(self.settings(receiver)).start()
        start_writer(self, self.directory / "app.log", LINES, "50000:rename", per_second=50_000)
        eventually(lambda: len(receiver.records) > 20_000, 30, "a beginning")
        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.wait_for_all(receiver, agent)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(receiver.sequences()), list(range(LINES)))

    def test_a_record_that_is_refused_for_good_is_set_aside_and_the_rest_arrives(self):
        receiver = self.receiver(
            answer=lambda records: 400 if any("seq=777 " in record["message"] for record in records) else 200)
        agent = self.agent(self.settings(receiver)).start()
        start_writer(self, self.directory / "app.log", 2000)
        eventually(lambda: len(set(receiver.sequences())) == 1999, 30, "the other 1999 records")
        self.assertEqual(agent.metric('vitals_route_records_rejected_total{input="app",output="central"}'), 1)
        agent.stop()
        self.assertEqual(sorted(receiver.sequences()), [n for n in range(2000) if n != 777])
        rejected = "".join(path.read_text() for path in (agent.state / "rejected").rglob("*") if path.is_file())
        self.assertEqual(len(rejected.splitlines()), 1, rejected)
        # But for the text and its time it is what its neighbours were when they arrived.
        record = json.loads(rejected)["record"]
        self.assertTrue(record["message"].startswith("seq=777 "), record)
        own = {"message", "timestamp"}
        self.assertEqual(record | dict.fromkeys(own), receiver.records[0] | dict.fromkeys(own))

    def test_sigterm_in_an_outage_stops_in_time_and_leaves_a_true_cursor(self):
        receiver = self.receiver()
        agent = self.agent(self.settings(receiver)).start()
        start_writer(self, self.directory / "app.log", LINES, per_second=50_000)
        eventually(lambda: len(receiver.records) > 10_000, 30, "a beginning")
        receiver.stop()
        self.assertEqual(agent.stop(within=8), 0)  # drain_timeout is 5 s
        receiver.start()
        agent.start()
        self.wait_for_all(receiver, agent)
        agent.stop()
        self.assertEqual(set(receiver.sequences()), set(range(LINES)))
