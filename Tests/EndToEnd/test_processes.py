"""Processes and control groups that this test makes, as the built agent sees them: process_groups, top, cgroup."""

import json
import os
import re
import subprocess
import sys
from support import BINARY, Scratch, end, eventually, require_programs, require_root

# Uses a CPU until it is ended; the argument tells it from all others.
BURN = "while True: sum(range(10000))"


class Processes(Scratch):
    def burner(self, marker):
        return self.program([sys.executable, "-c", BURN, marker])

    def settings(self, marker):
        return {"collectors": {
            "enable": ["process_groups", "top"], "top": {"count": 3},
            "process_groups": {"groups": {"burner": {"pattern": f" {marker}$"}, "none": {"command": ["nobody"]}}}}}

    def test_a_counter_goes_on_when_members_end_and_others_begin(self):
        marker = f"vitals-marker-{os.getpid()}"
        agent = self.agent(self.settings(marker)).start()
        group = "vitals_process_group_"

        def value(name):
            return agent.metric(f'{group}{name}')

        def used():
            return value('cpu_seconds_total{group="burner",mode="user"}')

        self.assertEqual(value('processes{group="burner"}'), 0)
        first = self.burner(marker)
        eventually(lambda: used() > 0.2, 20, "the first burner used a CPU")
        self.assertEqual(value('processes{group="burner"}'), 1)
        self.assertGreater(value('resident_memory_bytes{group="burner"}'), 1_000_000)
        self.assertGreater(value('open_files{group="burner"}'), 0)
        end(first)
        after_the_first = used()
        self.assertEqual(value('processes{group="burner"}'), 0)
        self.assertEqual(used(), after_the_first)
        second = self.burner(marker)
        eventually(lambda: used() > after_the_first + 0.2, 20, "the second burner is counted on top of the first")
        self.assertEqual(value('processes{group="none"}'), 0)
        self.assertEqual(value("left_out"), 0)
        # The other collector sees the same process by itself.
        pattern = rf'vitals_top_cpu_ratio{{command="[^"]+",pid="{second.pid}"}} (\S+)'
        found = eventually(lambda: re.search(pattern, agent.metrics()), 20, "the burner is among the top")
        self.assertGreater(float(found[1]), 0)
        end(second)

    def test_a_process_may_call_itself_what_it_likes(self):
        marker = f"vitals-marker-{os.getpid()}"
        settings = self.settings(marker)
        settings["collectors"]["enable"] += ["processes"]
        settings["collectors"]["process_groups"]["groups"]["odd"] = {"command": ["a\nb) R"]}
        settings["collectors"]["top"] = {"count": 100, "by": ["memory"]}
        agent = self.agent(settings).start()
        # PR_SET_NAME is 15. A line end, and what looks like the end of the name.
        rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'a\\nb) R', 0, 0, 0); print(flush=True)"
        child = self.program(
            [sys.executable, "-c", f"{rename}; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        served = agent.metrics()
        self.assertIn('vitals_process_group_processes{group="odd"} 1\n', served)
        self.assertIn(f'vitals_top_memory_bytes{{command="a\\nb) R",pid="{child.pid}"}} ', served)
        self.assertRegex(served, r'node_processes_pids \d')
        for collector in "processes", "process_groups", "top":
            self.assertIn(f'node_scrape_collector_success{{collector="{collector}"}} 1\n', served)
            self.assertIn(f'vitals_collector_rows_skipped_total{{collector="{collector}"}} 0\n', served)
        end(child)
        child.stdin.close()
        child.stdout.close()

    def test_what_may_not_be_read_is_counted_and_not_served(self):
        require_root()
        require_programs("setpriv")
        marker = f"vitals-marker-{os.getpid()}"
        burner = self.burner(marker)
        config = self.directory / "unprivileged.json"
        config.write_text(json.dumps(self.settings(marker)))
        self.directory.chmod(0o755)

        def once(*capabilities):
            wanted = ",".join(f"+{name}" for name in capabilities) or "-all"
            ran = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={wanted}",
                 f"--ambient-caps={wanted}", BINARY, "once", "--config", config, "--collect", "process_groups"],
                stdout=subprocess.PIPE, text=True, timeout=30, check=True)
            return ran.stdout

        denied = once("dac_read_search")
        self.assertIn('vitals_process_group_unreadable{file="io",group="burner"} 1\n', denied)
        self.assertIn('vitals_process_group_unreadable{file="fd",group="burner"} 0\n', denied)
        self.assertNotIn('vitals_process_group_read_bytes_total{group="burner"}', denied)
        self.assertIn('vitals_process_group_processes{group="burner"} 1\n', denied)
        allowed = once("dac_read_search", "sys_ptrace")
        self.assertIn('vitals_process_group_unreadable{file="io",group="burner"} 0\n', allowed)
        self.assertIn('vitals_process_group_read_bytes_total{group="burner"} 0\n', allowed)
        end(burner)


# In a namespace of its own: before Linux 5.8 the option held for all mounts of a namespace's /proc. Process 1 belongs to
# root, the agent does not.
HIDDEN = r"""
set -e
mkdir -p proc
mount -t proc -o "hidepid=$HIDEPID" proc proc
sleep 60 &
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --ambient-caps=-all \
    "$VITALS" once --config hidden.json --collect processes --collect process_groups --collect top
kill $!
"""


class HiddenProcesses(Scratch):
    def once(self, hidepid):
        require_root()
        require_programs("unshare", "setpriv")
        self.directory.chmod(0o755)
        (self.directory / "hidden.json").write_text(json.dumps({
            "host": {"proc": f"{self.directory}/proc"},
            "collectors": {"enable": ["processes", "process_groups", "top"],
                           "process_groups": {"groups": {"agent": {"command": ["vitals"]}}}}}))
        ran = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", HIDDEN],
            cwd=self.directory, env={**os.environ, "VITALS": str(BINARY), "HIDEPID": str(hidepid)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in ran.stdout.splitlines() if not line.startswith("#")}, ran.stderr

    def test_own_processes_are_served_and_those_that_may_not_be_read_are_counted(self):
        served, said = self.once(1)
        self.assertEqual(served["node_processes_pids"], 1)
        self.assertGreaterEqual(served["node_processes_threads"], 1)
        self.assertGreater(served["node_processes_max_processes"], 0)
        # What is served is not the whole, as with node_exporter, which serves nothing then.
        self.assertEqual(served['node_scrape_collector_success{collector="processes"}'], 0)
        self.assertRegex(said, r"2 of 3 processes in \S+ may not be read")
        self.assertEqual(served['vitals_process_group_processes{group="agent"}'], 1)
        self.assertEqual(served["vitals_process_group_left_out"], 2)
        self.assertEqual(served["vitals_process_group_unmatched"], 0)
        self.assertEqual(served['node_scrape_collector_success{collector="process_groups"}'], 1)
        self.assertEqual(served["vitals_top_unreadable"], 2)

    def test_what_is_not_even_listed_is_not_there(self):
        served, _ = self.once(2)
        self.assertEqual(served["node_processes_pids"], 1)
        self.assertEqual(served['node_scrape_collector_success{collector="processes"}'], 1)
        self.assertEqual(served["vitals_process_group_left_out"], 0)

    def test_nothing_is_hidden_without_the_option(self):
        served, _ = self.once(0)
        self.assertEqual(served["node_processes_pids"], 3)
        self.assertEqual(served["vitals_process_group_left_out"], 0)
        self.assertEqual(served["vitals_process_group_unmatched"], 2)


# In a private mount namespace: the host may have version 1 at the usual place. What it makes there it removes.
GROUP = r"""
set -e
mkdir -p sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
group="sys/fs/cgroup/vitals-test-$$"
mkdir "$group" "$group/below"
trap 'rmdir "$group/below" "$group"' EXIT
sh -c 'echo $$ > "$1/cgroup.procs"; i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done' sh "$group/below"
"$VITALS" once --config cgroup.json --collect cgroup
echo "GROUP /vitals-test-$$"
cat "$group/below/cpu.stat"
"""


class Cgroups(Scratch):
    def test_a_group_of_this_kernel(self):
        require_root()
        require_programs("unshare")
        (self.directory / "cgroup.json").write_text(json.dumps({
            "host": {"sys": f"{self.directory}/sys"},
            "collectors": {"enable": ["cgroup"], "cgroup": {"include": "^/vitals-test-"}}}))
        ran = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", GROUP], cwd=self.directory,
            env={**os.environ, "VITALS": str(BINARY)}, stdout=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0)
        served, rest = ran.stdout.split("GROUP ")
        group, *stat = rest.splitlines()
        stat = dict(line.split() for line in stat)
        for part in ("usage", "user", "system"):
            found = re.search(
                rf'^vitals_cgroup_cpu_{part}_seconds_total{{cgroup="{group}/below"}} (\S+)$', served, re.MULTILINE)
            # Nothing runs in it any more: to the last digit.
            self.assertEqual(float(found[1]), int(stat[f"{part}_usec"]) / 1_000_000)
        self.assertGreater(int(stat["usage_usec"]), 0)
        self.assertIn(f'vitals_cgroup_pressure_waiting_seconds_total{{cgroup="{group}",resource="cpu"}} ', served)
        self.assertIn("vitals_cgroup_left_out 0\n", served)
