"""Random rotations, kills, stops and outages under load, for as long as asked; not one of the tests that always run.

Usage: stress_rotation.py [--binary PATH] [--seconds N] [--seed N]
Each round is a new directory, a writer, a style of rotation and an agent, all chosen by the seed of the round. A lost line,
or one that came twice though nothing was killed, is printed with that seed; the directory is kept.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

STYLES = ["shift", "shiftcopy", "mixed", "move", "rename", "none"]
GLOBS = ["app.log", "app.log*", "*.log", "**"]


def plan_for(style, lines, chance, glob):
    steps, number = [], 0
    while True:
        number += chance.randint(lines // 40, lines // 6)
        if number > lines - lines // 20:
            return steps
        step = chance.choice(["shift", "shiftcopy"]) if style == "mixed" else style
        if step == "none":
            return steps
        steps.append(f"{number}:{step}")
        if step == "move":
            number += chance.randint(100, lines // 40)
            steps.append(f"{number}:reopen")


def one_round(seed):
    from support import Agent, Receiver, ranges
    chance = random.Random(seed)
    directory = Path(tempfile.mkdtemp(prefix="vitals-stress-"))
    logs = directory / "logs"
    logs.mkdir()
    style, glob = chance.choice(STYLES), chance.choice(GLOBS)
    per_second = chance.choice([5_000, 20_000, 50_000])
    lines = per_second * chance.randint(4, 10)
    kills = chance.random() < 0.6
    grace = chance.choice(["1s", "3s"])
    output = {"batch_bytes": chance.choice(["64KiB", "512KiB", "1MiB"]), "in_flight": chance.choice([1, 2, 4]),
              "compression": chance.choice(["gzip", "none"])}
    plan = plan_for(style, lines, chance, glob)
    what = f"seed {seed}: {style} {glob} {lines} lines at {per_second}/s, {len(plan)} steps, grace {grace}"
    is_down = [False]
    receiver = Receiver(answer=lambda records: 503 if is_down[0] else 200)
    agent = Agent(directory, {
        "inputs": {"app": {"type": "file", "paths": [f"{logs}/{glob}"], "rotation_grace": grace,
                           "rescan_interval": chance.choice(["500ms", "10s", "60s"])}},
        "outputs": {"central": {"type": "http", "url": receiver.url, **output}},
        "routes": [{"from": "app", "to": "central"}]})
    agent.start()
    writer = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("writer.py"), str(logs / "app.log"), str(lines), str(per_second), *plan])
    events, killed, stopped = [], 0, 0
    began = time.monotonic()
    while writer.poll() is None:
        time.sleep(chance.uniform(0.05, 1.0))
        event = chance.choice(["outage", "outage", "kill", "stop", "stay down", "stay up"])
        if event in ("kill", "stay down") and not kills:
            event = "stop"
        at = f"{time.monotonic() - began:.2f}"
        if event == "outage":
            is_down[0] = True
            time.sleep(chance.uniform(0.1, 1.5))
            if not (kills and chance.random() < 0.3):
                is_down[0] = False
                events.append(f"{at} outage")
                continue
            agent.kill()
            killed += 1
            agent.start()
            is_down[0] = False
            events.append(f"{at} kill in an outage")
        elif event in ("kill", "stay down"):
            agent.kill()
            killed += 1
            if event == "stay down":
                time.sleep(chance.uniform(0.1, 1.5))
            agent.start()
        elif event == "stop":
            agent.stop()
            stopped += 1
            time.sleep(chance.uniform(0, 0.8))
            agent.start()
        events.append(f"{at} {event}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(set(receiver.sequences())) < lines:
        time.sleep(0.2)
    time.sleep(float(grace[:-1]) * 2 + 0.5)
    losses = [line for line in agent.metrics().splitlines() if line.startswith("vitals_input_events_total") and "lost" in line]
    agent.stop()
    receiver.stop()
    counts = Counter(receiver.sequences())
    lost = sorted(set(range(lines)) - set(counts))
    doubled = sorted(number for number, count in counts.items() if count > 1)
    bound = killed * (per_second * 1.3 + 6 * 8000) if killed else 0
    bad = lost or len(receiver.records) - len(counts) > bound
    print(f"{'BAD ' if bad else 'ok  '} {what}; {killed} kills {stopped} stops; lost {len(lost)} {ranges(lost)}, doubled "
          f"{len(doubled)} {ranges(doubled)} {losses}", flush=True)
    if bad:
        print(f"     plan {plan}\n     events {events}\n     {directory}", flush=True)
        (directory / "received").write_text("\n".join(f"{r['message'].split(' ')[0]} {r.get('file')}" for r in receiver.records))
    else:
        shutil.rmtree(directory)
    return not bad


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", default=".build/vitals")
    arguments.add_argument("--seconds", type=float, default=600)
    arguments.add_argument("--seed", type=int)
    options = arguments.parse_args()
    os.environ["VITALS_BINARY"] = str(Path(options.binary).resolve())
    sys.path.insert(0, str(Path(__file__).parent))
    if options.seed is not None:
        return 0 if one_round(options.seed) else 1
    end, seed, bad = time.monotonic() + options.seconds, random.randrange(1 << 30), 0
    while time.monotonic() < end:
        bad += not one_round(seed)
        seed += 1
    print(f"{bad} bad rounds")
    return 1 if bad else 0


sys.exit(main())
