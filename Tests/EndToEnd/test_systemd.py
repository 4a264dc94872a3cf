"""The collectors `systemd` and `logind` in a booted system, under the installed unit: held against Debian's
node_exporter inside, and against systemctl; with a manager that hangs and a bus that is started anew."""

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median
from booted import BootedSystem
from node_exporter import parse
from support import ROOT, Scratch, eventually, require_programs, require_root

PACKAGE = ROOT / ".build/vitals.deb"

UNITS = {
    # Fails at once, is started again twice, then is left alone.
    "flaky.service": "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1h\n"
                     "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=10ms\n",
    "steady.service": "[Service]\nType=exec\nExecStart=/bin/sleep infinity\nTasksMax=77\n",
    "tick.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "tick.timer": "[Timer]\nOnActiveSec=0\nAccuracySec=1ms\n",
    "talk.socket": "[Socket]\nListenStream=/run/talk\nAccept=yes\n",
    "talk@.service": "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n",
    "many@.service": "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n",
    "broken@.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
}

OPTIONS = {"enable_task_metrics": True, "enable_restarts_metrics": True, "enable_start_time_metrics": True}

SETTINGS = {
    "collectors": {"timeout": "5s", "enable": ["systemd", "logind"], "systemd": {**OPTIONS, "timeout": "1s"}},
}

# Of the peer's own unit and of the agent's the number of tasks changes between two answers.
BUSY = {"peer.service", "vitals.service"}


class Systemd(Scratch):
    def setUp(self):
        super().setUp()
        require_root()
        require_programs("prometheus-node-exporter")
        self.assertTrue(PACKAGE.exists(), "no package: make deb")
        self.system = BootedSystem(self.directory, PACKAGE)
        self.addCleanup(self.system.stop)
        self.root = Path(f"/proc/{self.system.leader}/root")

    def write_units(self):
        for name, text in UNITS.items():
            (self.root / "etc/systemd/system" / name).write_text(text)
        self.system.run("systemctl", "daemon-reload", check=True)

    def start_units(self):
        self.write_units()
        self.system.run("systemctl", "start", "--no-block", "flaky.service")
        self.system.run("systemctl", "start", "steady.service", "tick.timer", "talk.socket", check=True)
        eventually(lambda: self.show("flaky.service", "ActiveState") == "failed", 20, "flaky.service gave up")
        eventually(lambda: self.show("tick.timer", "LastTriggerUSec") not in ("", "n/a"), 20, "the timer elapsed")
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.root / "run/talk"))
        eventually(lambda: self.show("talk.socket", "NConnections") == "1", 20, "the socket has a connection")
        # A session as sshd's PAM module would make it, of a process that stays.
        self.system.run("systemd-run", "--unit=shell", "--slice=user.slice", "/bin/sleep", "infinity", check=True)
        self.system.run(
            "busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
            "CreateSession", "uusssssussbssa(sv)", "0", self.show("shell.service", "MainPID"), "test", "tty", "user", "",
            "", "0", "pts/9", "", "true", "", "far.example", "0", check=True)

    def show(self, unit, name):
        return self.system.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def install(self, settings=SETTINGS):
        (self.root / "etc/vitals").mkdir()
        (self.root / "etc/vitals/agent.json").write_text(json.dumps(settings))
        self.system.run("dpkg", "-i", "--force-confold", "/root/vitals.deb", check=True)
        eventually(lambda: self.scrape(), 20, f"a scrape\n{self.system.run('journalctl', '-u', 'vitals').stdout}")

    def start_peer(self):
        shutil.copy(shutil.which("prometheus-node-exporter"), self.root / "usr/local/bin/peer")
        self.system.run(
            "systemd-run", "--unit=peer", "/usr/local/bin/peer", "--web.listen-address=127.0.0.1:9191",
            "--collector.disable-defaults", "--collector.systemd", "--collector.logind",
            "--collector.systemd.enable-task-metrics", "--collector.systemd.enable-restarts-metrics",
            "--collector.systemd.enable-start-time-metrics",
            # The default of 1.12; Debian leaves out targets besides.
            "--collector.systemd.unit-exclude=.+\\.(automount|device|mount|scope|slice)", check=True)
        eventually(lambda: self.system.get("http://127.0.0.1:9191/"), 20, "the peer answers")

    def scrape(self):
        text = self.system.get("http://127.0.0.1:9100/metrics")
        return text and parse(text)

    def status(self, collector):
        return [dict(labels)["status"] for (name, labels) in self.scrape()[1]
                if name == "vitals_collector_status" and dict(labels)["collector"] == collector]

    def test_units_and_sessions_are_those_of_systemctl_and_of_node_exporter(self):
        self.start_units()
        self.start_peer()
        self.install()
        types, series = self.scrape()

        def value(metric, **labels):
            return series.get((metric, tuple(sorted(labels.items()))))

        # What systemctl says.
        self.assertEqual(value("node_systemd_unit_state", name="flaky.service", state="failed", type="simple"), 1)
        self.assertEqual(value("node_systemd_unit_state", name="steady.service", state="active", type="exec"), 1)
        self.assertEqual(value("node_systemd_unit_state", name="steady.service", state="failed", type="exec"), 0)
        restarts = float(self.show("flaky.service", "NRestarts"))
        self.assertGreater(restarts, 0)
        self.assertEqual(value("node_systemd_service_restart_total", name="flaky.service"), restarts)
        self.assertEqual(value("node_systemd_unit_tasks_max", name="steady.service"), 77)
        self.assertEqual(value("node_systemd_unit_start_time_seconds", name="flaky.service"), 0)
        self.assertEqual(value("node_systemd_socket_accepted_connections_total", name="talk.socket"), 1)
        self.assertEqual(value("node_systemd_socket_current_connections", name="talk.socket"), 1)
        for metric, unit in [("timer_last_trigger_seconds", "tick.timer"), ("unit_start_time_seconds", "tick.timer")]:
            self.assertLess(abs(value(f"node_systemd_{metric}", name=unit) - time.time()), 120)
        self.assertEqual(value("node_systemd_virtualization_info", virtualization_type="systemd-nspawn"), 1)
        self.assertEqual(value("node_logind_sessions", **{"class": "user"}, remote="true", seat="", type="tty"), 1)
        self.assertEqual(value("node_logind_sessions", **{"class": "user"}, remote="true", seat="", type="x11"), 0)

        # What node_exporter says, to the last digit.
        def differences():
            mine = self.scrape()
            peer = parse(self.system.get("http://127.0.0.1:9191/metrics"))
            wanted = {
                key: value for key, value in peer[1].items()
                if key[0].startswith(("node_systemd_", "node_logind_"))
                and not (key[0].startswith("node_systemd_unit_tasks_current") and dict(key[1])["name"] in BUSY)}
            self.assertGreater(len(wanted), 500)
            names = {key[0] for key in wanted}
            self.assertEqual({name: mine[0].get(name) for name in names}, {name: peer[0][name] for name in names})
            different = [(key, mine[1].get(key), wanted[key]) for key in wanted if mine[1].get(key) != wanted[key]]
            return different + [
                key for key in mine[1]
                if key[0] in names and key not in wanted and dict(key[1]).get("name") not in BUSY]

        # Units come and go while both are asked: the same at some moment.
        try:
            eventually(lambda: not differences(), 20, "the same as node_exporter")
        except AssertionError:
            self.assertEqual(differences()[:10], [])

        # The type of a unit is remembered, until units are loaded anew.
        (self.root / "etc/systemd/system/tick.service").write_text(UNITS["tick.service"].replace("oneshot", "exec"))
        self.system.run("systemctl", "daemon-reload", check=True)
        _, series = self.scrape()
        self.assertEqual(value("node_systemd_unit_state", name="tick.service", state="inactive", type="exec"), 1)

    def test_a_manager_that_hangs_holds_nobody_up(self):
        self.install()
        self.assertEqual(self.status("systemd"), ["ok"])
        os.kill(self.system.leader, signal.SIGSTOP)
        try:
            for _ in range(2):
                begin = time.monotonic()
                types, series = self.scrape()
                self.assertLess(time.monotonic() - begin, 4)
                self.assertIn("node_load1", types)
                self.assertNotIn("node_systemd_units", types)
                self.assertEqual(
                    series["node_scrape_collector_success", (("collector", "systemd"),)], 0)
                self.assertEqual(self.status("logind"), ["ok"])
        finally:
            os.kill(self.system.leader, signal.SIGCONT)
        eventually(lambda: self.status("systemd") == ["ok"], 20, "systemd is asked again")
        self.assertIn("node_systemd_units", self.scrape()[0])

        # A bus that is started anew is found at once; without one they are absent, and said so once.
        self.system.run("systemctl", "restart", "dbus.service", check=True)
        eventually(lambda: self.status("logind") == ["ok"], 30, "logind on the new bus")
        self.assertEqual(self.status("systemd"), ["ok"])
        self.system.run("systemctl", "stop", "dbus.socket", "dbus.service")
        for _ in range(3):
            self.assertEqual(self.status("systemd"), ["absent"])
        log = self.system.run("journalctl", "-u", "vitals", "-o", "cat").stdout
        said = [line for line in log.splitlines() if "collector=systemd" in line and "nothing to read here" in line]
        self.assertEqual(len(said), 1, log)

    def test_a_unit_that_fails_is_seen_by_the_next_scrape(self):
        self.write_units()
        self.install()
        self.system.run("systemctl", "start", "steady.service", check=True)

        def state():
            series = self.scrape()[1]
            return ([dict(labels)["state"] for (name, labels), value in series.items()
                     if name == "node_systemd_unit_state" and value == 1 and dict(labels)["name"] == "steady.service"],
                    series["node_systemd_units", (("state", "failed"),)])

        (active, failed_before) = state()
        self.assertEqual(active, ["active"])
        os.kill(self.pid_on_the_host("steady.service"), signal.SIGABRT)
        eventually(lambda: self.show("steady.service", "ActiveState") == "failed", 20, "systemd has seen it")
        self.assertEqual(state(), (["failed"], failed_before + 1))
        self.assertEqual(self.scrape()[1]["node_systemd_system_running", ()], 0)
        self.system.run("systemctl", "reset-failed", "steady.service", check=True)
        # It is not loaded any more when nobody wants it: no state, or that of one which is not active.
        self.assertIn(state(), [([], failed_before), (["inactive"], failed_before)])

    def test_five_hundred_units(self):
        self.write_units()
        self.system.run("systemctl", "start", *[f"many@{number}" for number in range(450)], check=True)
        self.system.run("systemctl", "start", *[f"broken@{number}" for number in range(50)])
        self.install({"collectors": {"enable": ["systemd"], "systemd": OPTIONS}})
        self.start_peer()

        # Every unit's state, and how many there are in each, as systemctl has it at some moment.
        def differences():
            series = self.scrape()[1]
            listed = json.loads(self.system.run("systemctl", "list-units", "--all", "--output=json").stdout)
            counts = Counter(unit["active"] for unit in listed)
            told = {dict(labels)["state"]: value for (name, labels), value in series.items()
                    if name == "node_systemd_units" and value > 0}
            states = {dict(labels)["name"]: dict(labels)["state"] for (name, labels), value in series.items()
                      if name == "node_systemd_unit_state" and value == 1}
            wanted = {unit["unit"]: unit["active"] for unit in listed if unit["load"] == "loaded"
                      and not unit["unit"].endswith((".automount", ".device", ".mount", ".scope", ".slice"))}
            self.assertGreater(len(wanted), 500)
            self.assertEqual(sum(state == "failed" for unit, state in states.items() if "broken@" in unit), 50)
            return (wanted.items() ^ states.items()) | (counts.items() ^ told.items())

        eventually(lambda: not differences(), 20, "the same as systemctl")
        series = self.scrape()[1]
        self.assertEqual(sum(name == "node_systemd_service_restart_total" and "many@" in dict(labels)["name"]
                             for name, labels in series), 450)

        # What it costs, printed; what is asserted is only that nothing runs away.
        pid = self.pid_on_the_host("vitals.service")
        rounds = 20
        used, manager = cpu_seconds(pid), cpu_seconds(self.system.leader)
        took = []
        for _ in range(rounds):
            series = self.scrape()[1]
            self.assertEqual(
                series["vitals_collector_status", (("collector", "systemd"), ("status", "ok"))], 1)
            took.append(series["node_scrape_collector_duration_seconds", (("collector", "systemd"),)])
        used, manager = (cpu_seconds(pid) - used) / rounds, (cpu_seconds(self.system.leader) - manager) / rounds
        peer_pid = self.pid_on_the_host("peer.service")
        peer_used, peer_took = cpu_seconds(peer_pid), []
        for _ in range(5):
            peer = parse(self.system.get("http://127.0.0.1:9191/metrics"))[1]
            peer_took.append(peer["node_scrape_collector_duration_seconds", (("collector", "systemd"),)])
        peer_used = (cpu_seconds(peer_pid) - peer_used) / 5
        print(f"500 units: {median(took) * 1000:.0f} ms, CPU {used * 1000:.0f} ms, of the manager"
              f" {manager * 1000:.0f} ms; node_exporter {median(peer_took) * 1000:.0f} ms,"
              f" CPU {peer_used * 1000:.0f} ms", end=" ", flush=True)
        self.assertLess(median(took), 1)
        self.assertLess(used, 0.25)
        memory = resident(pid)
        for _ in range(60):
            self.system.get("http://127.0.0.1:9100/metrics?collect[]=systemd")
        self.assertLess(resident(pid) - memory, 2 << 20, "the memory of the agent grows")

    def test_a_bus_that_is_started_anew_while_it_is_asked(self):
        self.install()
        pid = self.show("vitals.service", "MainPID")
        is_over, seen, trouble = threading.Event(), set(), []

        def scrape_on():
            while not is_over.is_set():
                try:
                    types, series = self.scrape()
                    seen.update(dict(labels)["status"] for name, labels in series if name == "vitals_collector_status"
                                and dict(labels)["collector"] in ("systemd", "logind"))
                    self.assertIn("node_load1", types)
                except Exception as error:
                    trouble.append(error)
                    return

        thread = threading.Thread(target=scrape_on)
        thread.start()
        try:
            for _ in range(3):
                self.system.run("systemctl", "restart", "dbus.service", check=True)
                eventually(lambda: self.status("logind") == ["ok"] and self.status("systemd") == ["ok"], 30,
                           "both on the new bus")
        finally:
            is_over.set()
            thread.join()
        self.assertEqual(trouble, [])
        self.assertLessEqual(seen, {"ok", "failed", "absent"})
        for _ in range(3):
            self.assertEqual((self.status("logind"), self.status("systemd")), (["ok"], ["ok"]))
        self.assertEqual(self.show("vitals.service", "MainPID"), pid)
        # Connections that the bus has closed are closed here, too.
        sockets = [link for link in self.links(f"/proc/{self.pid_on_the_host('vitals.service')}/fd")
                   if link.startswith("socket:")]
        self.assertLess(len(sockets), 12, sockets)

    def pid_on_the_host(self, unit):
        """The main process of a unit of the booted system, by its number outside."""
        inside = self.show(unit, "MainPID")
        for process in Path("/proc").glob("[0-9]*"):
            try:
                status = (process / "status").read_text()
                if (f"\nNSpid:\t{process.name}\t{inside}\n" in status
                        and os.readlink(process / "ns/pid") == os.readlink(f"/proc/{self.system.leader}/ns/pid")):
                    return int(process.name)
            except OSError:
                pass
        self.fail(f"no process of {unit}")

    @staticmethod
    def links(directory):
        return [os.readlink(link) for link in Path(directory).iterdir()]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
