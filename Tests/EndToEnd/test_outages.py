"""Outages and crashes together: a receiver that is down while files are rotated, an agent that is killed or stopped in the
middle of it, a disk that is full. Nothing is lost, and nothing comes twice."""

import threading
import time

from support import eventually, fill, require_programs, side_by_side, start_writer
from test_rotation import Rotating, saved_files

PER_SECOND = 1_000
OUTAGE_SECONDS = 30
ROTATE_SECONDS = 3


class Outages(Rotating):
    def through_an_outage(self, step, glob, crash):
        """Half a minute without a receiver, a rotation every three seconds, and a crash in the middle."""
        agent = self.make_agent(glob).start()
        lines = (OUTAGE_SECONDS + 6) * PER_SECOND
        steps = [f"{n}:{step}" for n in range(ROTATE_SECONDS * PER_SECOND, lines, ROTATE_SECONDS * PER_SECOND)]
        writer = start_writer(self, self.log, lines, *steps, per_second=PER_SECOND)
        self.wait_for(2 * PER_SECOND)
        self.is_down = True
        began = time.monotonic()
        # What was acknowledged until now is saved within a second: none of it comes again.
        self.pause_until(began + OUTAGE_SECONDS / 2)
        if crash:
            getattr(agent, crash)()
            # Rotated while nobody looks, too.
            self.pause_until(began + OUTAGE_SECONDS / 2 + ROTATE_SECONDS + 1)
            agent.start()
        self.pause_until(began + OUTAGE_SECONDS)
        self.assertLess(len(self.receive.records), 5 * PER_SECOND + 5_000, "this was no outage")
        self.is_down = False
        self.assertEqual(writer.wait(60), 0)
        # After so long, the next attempt comes within a minute, by chance.
        self.wait_for(lines, within=90)
        self.assert_each_once(lines, agent)

    @staticmethod
    def pause_until(moment):
        time.sleep(max(0, moment - time.monotonic()))

    def test_down_for_half_a_minute_and_rotated_every_three_seconds(self):
        side_by_side(self, "through_an_outage", [
            ("shift", "app.log", None), ("shift", "app.log*", "kill"), ("shift", "app.log", "stop"),
            ("shiftcopy", "app.log", None), ("shiftcopy", "app.log", "kill"), ("shiftcopy", "app.log*", "stop")])

    def test_deleted_while_unread_and_stopped_is_counted(self):
        """A stop lets go of what is deleted: what stands in no file any more is lost, to the byte, and said."""
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..100")
        self.wait_for(100)
        self.wait_until_saved(agent, self.log)
        self.is_down = True
        self.write("100..5000")
        self.wait_until_saved(agent, self.log, acknowledged=False)
        unread = self.log.stat().st_size - sum(len(self.line(n)) for n in range(100))
        self.assertEqual(agent.stop(), 0)
        self.log.unlink()
        self.write("5000..5100")
        self.is_down = False
        agent.start()
        self.wait_for(200)
        self.assertEqual(self.wait_until_counted(agent, "bytes_lost_deleted", 1), unread)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.receive.sequences(), [*range(100), *range(5_000, 5_100)])

    @staticmethod
    def line(number):
        return f"seq={number} a line of the log with some text {'x' * 120}\n"

    def test_a_full_disk_for_the_state_holds_up_no_line(self):
        agent = self.make_agent("*.log")
        full = agent.state / "cursors"
        self.on_small_disk(agent, full, "64k")
        agent.start()
        self.write("0..1000")
        self.wait_for(1_000)
        seen = agent.seen(full)
        eventually(lambda: any(seen.glob("*.cursor")), 5, "the cursor is saved")
        filler = fill(seen)
        self.write("1000..4000", "2000:shift")
        # The block of the disk that the log has already takes what is said of some files.
        for number in range(4_000, 4_060):
            (self.logs / f"other{number}.log").write_text(self.line(number))
        self.wait_for(4_060)
        eventually(lambda: "cursor cannot be saved" in agent.log(), 10, "the full disk is said")
        failures = 'vitals_route_cursor_save_failures_total{input="app",output="central"}'
        eventually(lambda: (agent.metric(failures) or 0) >= 1, 10, "and counted")
        filler.unlink()
        offset = len(self.log.read_bytes())

        def caught_up():
            return offset in [file["offset"] for file in saved_files(agent.seen(agent.state)) if file["path"] == str(self.log)]
        eventually(caught_up, 10, "the cursor is saved as soon as there is room")
        self.assertRegex(agent.log(), r'msg="cursor cannot be saved; trying again.*" input=app output=central '
                                      rf'path={full}/\S+ reason="No space left on device"')
        eventually(lambda: 'msg="cursor is saved again" input=app output=central' in agent.log(), 10, agent.log)
        self.assertLess(agent.log().count("cursor cannot be saved"), 20)
        # Between files there is no order.
        self.assert_each_once(4_060, agent, ordered=False)
