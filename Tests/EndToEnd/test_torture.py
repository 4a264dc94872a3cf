"""`make torture` for three minutes: real programs rotate side by side while the agent is killed, held and cut off. The seed is
printed; VITALS_TORTURE_SECONDS and VITALS_TORTURE_SEED in the environment choose another length and another seed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import torture
from support import BINARY, Scratch, require_programs, require_root


class Torture(Scratch):
    def test_nothing_is_lost_and_nothing_comes_twice_but_after_kills(self):
        require_root()
        require_programs("unshare", *sorted({program for house in torture.HOUSES.values() for program in house.programs}))
        if not torture.FAKETIME:
            self.skipTest("needs the program faketime: without it no clock jumps")
        seconds = int(os.environ.get("VITALS_TORTURE_SECONDS", 150))
        seed = os.environ.get("VITALS_TORTURE_SEED", str(random.randrange(1 << 30)))
        ran = subprocess.run(
            [sys.executable, str(Path(torture.__file__)), "--binary", BINARY, "--seconds", str(seconds), "--seed", seed],
            capture_output=True, text=True, timeout=seconds * 2 + 300)
        print(ran.stdout[-400:] if ran.returncode == 0 else ran.stdout[-20_000:] + ran.stderr[-4_000:])
        # What failed stands in the reason: of a run elsewhere, often only that is to be had.
        faults = ran.stdout.rpartition("faults:")[2] or ran.stderr
        self.assertEqual(ran.returncode, 0, f"VITALS_TORTURE_SEED={seed} {faults[-1500:]}")
