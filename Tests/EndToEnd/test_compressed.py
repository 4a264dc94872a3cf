"""Rotated files that gzip, xz, zstd and bzip2 compressed, cut short and damaged ones among them, with the built agent."""

import os
import subprocess
import time

from support import eventually, require_programs, side_by_side
from test_rotation import GRACE, Rotating

PROGRAMS = {"gzip": ".gz", "xz": ".xz", "zstd": ".zst", "bzip2": ".bz2"}


class Compressed(Rotating):
    def setUp(self):
        super().setUp()
        require_programs(*PROGRAMS)

    def compress(self, program, name, *options):
        """As logrotate does it: to standard output, with the time of the original, which is then removed."""
        source, target = self.logs / name, self.logs / (name + PROGRAMS[program])
        status = source.stat()
        with open(source, "rb") as text, open(target, "wb") as packed:
            subprocess.run([program, *options], stdin=text, stdout=packed, check=True)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        source.unlink()
        return target

    def stopped_in_an_outage(self):
        """A thousand lines arrived; of the others, in `app.log.1` and `app.log.2`, few or none did."""
        agent = self.make_agent(output={"batch_bytes": "64KiB", "in_flight": 1}).start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.wait_until_saved(agent, self.log)
        self.is_down = True
        self.write("1000..9000", "4000:shift", "6000:shift")
        self.let_it_look(agent)
        return agent

    def in_an_outage(self, program, crash):
        agent = self.stopped_in_an_outage()
        if crash:
            getattr(agent, crash)()
        for name in ["app.log.2", "app.log.1"]:
            self.compress(program, name)
        self.come_back()
        if crash:
            agent.start()
        self.assert_each_once(9_000, agent)

    def test_each_program_in_an_outage(self):
        side_by_side(self, "in_an_outage", [(program, crash) for program in PROGRAMS for crash in [None, "stop", "kill"]])

    def killed_in_the_middle(self, program):
        """A kill while the text in a compressed file is being sent: it goes on at the offset of the text."""
        agent = self.stopped_in_an_outage()
        self.assertEqual(agent.stop(), 0)
        for name in ["app.log.2", "app.log.1"]:
            self.compress(program, name)
        self.come_back()
        taken = len(self.receive.records)
        agent.start()
        eventually(lambda: len(self.receive.records) > taken, 20, "something of it")
        agent.kill()
        agent.start()
        self.wait_for(9_000)
        self.wait_until_settled(agent)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(set(self.receive.sequences())), list(range(9_000)))

    def test_killed_in_the_middle(self):
        side_by_side(self, "killed_in_the_middle", [(program,) for program in PROGRAMS])

    def cut_short(self, program):
        """Its writer was killed: what is there comes, the lag ends, it is counted and said once, and nothing comes again."""
        agent = self.make_agent().start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.assertEqual(agent.stop(), 0)
        self.write("1000..9000", "8999:shift")
        options = {"xz": ["--block-size=50KiB"], "bzip2": ["-1"], "zstd": ["-1"]}.get(program, [])
        target = self.compress(program, "app.log.1", *options)
        whole = target.read_bytes()
        target.write_bytes(whole[:len(whole) * 3 // 4])
        self.write("9000..9001")
        agent.start()
        self.wait_until_counted(agent, "file_damaged", 1)
        eventually(lambda: self.value(agent, "lag_bytes") == 0, 10, "the lag ends")
        self.assertIn("ends in the middle", agent.command("status"))
        self.assertEqual(agent.log().count("ends in the middle"), 1)
        came = self.receive.sequences()
        self.assertGreater(len(came), 2_000)
        self.assertEqual(len(came), len(set(came)))
        for crash in ["stop", "kill"]:
            self.wait_until_saved(agent, self.log)
            getattr(agent, crash)()
            agent.start()
            self.wait_until_counted(agent, "file_damaged", 1)
            eventually(lambda: self.value(agent, "lag_bytes") == 0, 10, "the lag ends")
            self.assertEqual(sorted(self.receive.sequences()), sorted(came))

        # It goes on when the rest is written after all.
        with open(target, "ab") as file:
            file.write(whole[len(whole) * 3 // 4:])
        self.wait_for(9_001)
        self.assertEqual(sorted(self.receive.sequences()), list(range(9_001)))
        eventually(lambda: "ends in the middle" not in agent.command("status"), 5, "it is whole")
        self.assertEqual(agent.stop(), 0)

    def test_cut_short(self):
        side_by_side(self, "cut_short", [(program,) for program in PROGRAMS])

    def test_without_the_libraries(self):
        """Where a host lacks a library, that is said once, and what is not read is not taken for lost."""
        agent = self.make_agent().start()
        self.write("0..1000")
        self.wait_for(1_000)
        self.assertEqual(agent.stop(), 0)
        self.write("1000..3000", "2000:shift")
        self.compress("xz", "app.log.1")
        hidden = self.directory / "hidden"
        hidden.mkdir()
        (hidden / "liblzma.so.5").write_text("")
        agent.start(environment={"LD_LIBRARY_PATH": str(hidden)})
        self.wait_until_counted(agent, "file_compressed", 1)
        self.wait_for(1_999)
        later = time.monotonic() + GRACE * 2
        eventually(lambda: time.monotonic() > later, 10, "the grace is over")
        self.assertIn("install the package liblzma5", agent.command("status"))
        self.assertEqual(agent.log().count("install the package liblzma5"), 1)
        self.assertEqual(self.counted(agent, "bytes_lost_deleted"), 0)
        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.wait_for(3_000)
        self.wait_until_settled(agent)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sorted(self.receive.sequences()), list(range(3_000)))
