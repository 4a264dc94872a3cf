"""The collectors that ask by netlink, held against Debian's own node_exporter in a network namespace with something of
everything: Tests/Support/netlink_world.sh."""

import ctypes
import errno
import json
import os
import platform
import re
import socket
import struct
import subprocess
import sys
import unittest
from node_exporter import parse
from support import BINARY, ROOT, Scratch, eventually, free_port, require_programs, require_root

WORLD = ROOT / "Tests/Support/netlink_world.sh"
COLLECTORS = ["arp", "ethtool", "netclass", "network_route", "qdisc", "tcpstat"]

# Newer than the peer (1.5.0).
NEWER_LABELS = {"node_network_info": "adminstate"}
NEWER_NAMES = {"node_network_altnames_info"}

# Where the two see different things: the connections of the one that asks, and packets that pass between the two.
VARYING = re.compile(r"node_(scrape_collector_duration_seconds|qdisc_(bytes|packets)_total)$")
STATES_OF_THE_ASKER = {"established", "time_wait", "close_wait", "fin_wait1", "fin_wait2", "last_ack", "closing"}

# Runs in the namespace: opens sockets, says so, and keeps them until its input ends.
SOCKETS = f"""
import sys
sys.path.insert(0, {str(ROOT / "Tests/Support")!r})
import capture_netlink
kept = capture_netlink.sockets()
print("open", flush=True)
sys.stdin.read()
"""


# Of seccomp(2): the number of socket(2), and that of this architecture for its check.
SOCKET_CALLS = {"x86_64": 41, "aarch64": 198}


def forbid_netlink():
    """socket(AF_NETLINK) fails with EPERM from here on, in this process and those that it becomes."""
    load, equal, give = 0x20, 0x15, 0x06
    program = b"".join(struct.pack("=HBBI", *line) for line in [
        (load, 0, 0, 0),  # the number of the call
        (equal, 0, 3, SOCKET_CALLS[platform.machine()]),
        (load, 0, 0, 16),  # its first argument
        (equal, 0, 1, socket.AF_NETLINK),
        (give, 0, 0, 0x50000 | errno.EPERM),
        (give, 0, 0, 0x7FFF0000),
    ])
    lines = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(filter, len(filter)), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class WithoutNetlink(Scratch):
    def test_files_take_its_place(self):
        if platform.machine() not in SOCKET_CALLS:
            raise unittest.SkipTest(f"needs the number of socket(2) on {platform.machine()}")
        config = self.directory / "agent.json"
        config.write_text(json.dumps({"collectors": {"enable": COLLECTORS}}))
        answers = []
        for before in (None, forbid_netlink):
            ran = subprocess.run(
                [BINARY, "once", "--config", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                timeout=30, preexec_fn=before)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            _, series = parse(ran.stdout)
            answers.append(series)
        with_netlink, without = answers
        for name in ("node_network_info", "node_network_mtu_bytes", "node_network_speed_bytes", "node_arp_entries"):
            self.assertEqual({key: value for key, value in without.items() if key[0] == name},
                             {key: value for key, value in with_netlink.items() if key[0] == name})
        success = {dict(labels)["collector"]: value for (name, labels), value in without.items()
                   if name == "node_scrape_collector_success"}
        self.assertEqual([success[name] for name in ("netdev", "netclass", "arp", "tcpstat")], [1, 1, 1, 0])


def require_namespaces():
    require_root()
    require_programs("ip", "tc", "unshare", "nsenter", "curl")
    if subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        raise unittest.SkipTest("needs network namespaces of its own")
    ran = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"],
        stderr=subprocess.DEVNULL)
    if ran.returncode:
        raise unittest.SkipTest("needs interfaces of the kind veth")


class Namespace(Scratch):
    def setUp(self):
        super().setUp()
        require_namespaces()
        # It lives as long as this process does.
        self.keeper = self.program(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", "echo made; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(self.keeper.stdout.readline(), b"made\n")
        made = self.run_inside(["sh", str(WORLD)])
        self.assertEqual(made.returncode, 0, made.stderr)
        print(made.stderr, end=" ", flush=True)

    def inside(self, arguments):
        return ["nsenter", f"--target={self.keeper.pid}", "--net", "--mount", *map(str, arguments)]

    def run_inside(self, arguments):
        return subprocess.run(
            self.inside(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)

    def ours(self, settings=None, collectors=COLLECTORS):
        config = self.directory / "agent.json"
        config.write_text(json.dumps({"collectors": {"enable": COLLECTORS, **(settings or {})}}))
        only = [word for name in collectors for word in ("--collect", name)]
        ran = self.run_inside([BINARY, "once", "--config", config, *only])
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def theirs(self, options=()):
        require_programs("prometheus-node-exporter")
        port = free_port()
        log = (self.directory / "peer.log").open("wb")
        self.addCleanup(log.close)
        self.program(
            self.inside(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}",
                         "--collector.disable-defaults", *[f"--collector.{name}" for name in COLLECTORS], *options]),
            stdout=log, stderr=log)

        def answer():
            ran = self.run_inside(["curl", "-s", "--max-time", "10", f"http://127.0.0.1:{port}/metrics"])
            return ran.stdout if ran.returncode == 0 else None

        return eventually(answer, 20, "node_exporter answers")

    def hold_sockets(self):
        holder = self.program(
            self.inside([sys.executable, "-c", SOCKETS]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"open\n")

    def series(self, text):
        """Types and values of what these collectors serve, without labels that are newer than the peer."""
        types, series = parse(text)
        is_ours = re.compile(r"node_(arp|ethtool|network|qdisc|tcp|scrape)_")
        series = {
            (name, tuple(label for label in labels if label[0] != NEWER_LABELS.get(name))): value
            for (name, labels), value in series.items() if is_ours.match(name) and name not in NEWER_NAMES}
        return {name: kind for name, kind in types.items() if is_ours.match(name)}, series

    def compare(self, ours, theirs):
        types, ours = self.series(ours)
        peer_types, theirs = self.series(theirs)
        self.assertEqual({name: types.get(name) for name in peer_types}, peer_types)
        self.assertGreater(len(theirs), 100)

        def steady(series):
            return {
                key: None if VARYING.match(key[0]) or dict(key[1]).get("state") in STATES_OF_THE_ASKER else value
                for key, value in series.items()}

        ours, theirs = steady(ours), steady(theirs)
        # A connection of the one that asks may be the only one in its state.
        def is_alike(key):
            return ours.get(key, "none") == theirs.get(key, "none") or dict(key[1]).get("state") in STATES_OF_THE_ASKER

        different = [(key, ours.get(key, "none"), theirs.get(key, "none"))
                     for key in sorted({*ours, *theirs}) if not is_alike(key)]
        self.assertEqual(different, [], "series, ours, theirs")

    def test_every_series_of_node_exporter_is_served_and_no_other(self):
        self.hold_sockets()
        # The peer first: while it runs, its listening socket is one of those that are counted.
        theirs = self.theirs()
        self.compare(self.ours(), theirs)

    def test_the_files_say_the_same(self):
        """/proc and /sys under other paths are read as files."""
        link = self.directory / "host"
        link.mkdir()
        (link / "sys").symlink_to("/sys")
        (link / "proc").symlink_to("/proc/self")
        types, by_netlink = self.series(self.ours(collectors=["netclass", "arp"]))
        config = self.directory / "files.json"
        config.write_text(json.dumps({"host": {"sys": str(link / "sys"), "proc": str(link / "proc")}}))
        ran = self.run_inside([BINARY, "once", "--config", config, "--collect", "netclass", "--collect", "arp"])
        _, by_file = self.series(ran.stdout)

        def values(series):
            return {key: value for key, value in series.items() if not key[0].startswith("node_scrape_")}

        self.assertGreater(len(values(by_file)), 50)
        self.assertEqual(values(by_netlink), values(by_file))

    def test_an_interface_with_more_names_than_fit_into_a_usual_answer(self):
        """Its message alone has 64 KiB."""
        names = [f"n{number:03}{'x' * 120}" for number in range(480)]
        # More than this in one of its requests `ip` has no room for.
        for start in range(0, len(names), 6):
            words = [word for name in names[start:start + 6] for word in ("altname", name)]
            ran = self.run_inside(["ip", "link", "property", "add", "dev", "v0", *words])
            if ran.returncode:
                raise unittest.SkipTest(f"needs other names of interfaces: {ran.stderr.strip()}")
        _, series = parse(self.ours())
        found = [dict(labels)["altname"] for name, labels in series if name == "node_network_altnames_info"]
        self.assertEqual(len(set(names) - set(found)), 0)
        for (name, labels), value in series.items():
            if name == "node_scrape_collector_success":
                self.assertEqual(value, 1, labels)
            if name == "vitals_collector_rows_skipped_total":
                self.assertEqual(value, 0, labels)

    def test_names_are_bytes(self):
        """Where two look the same once they are repaired, the first is served."""
        for name in (b"caf\xe9", b"caf\xe8", "caf\u00e9".encode()):
            command = [*map(os.fsencode, self.inside(["ip", "link", "add"])), name, b"type", b"bridge"]
            self.assertEqual(subprocess.run(command).returncode, 0)
        _, series = parse(self.ours({"netdev": {"address_info": True}}, [*COLLECTORS, "netdev"]))
        for family in ("node_network_up", "node_network_name_assign_type", "node_network_receive_bytes_total"):
            devices = [dict(labels)["device"] for name, labels in series if name == family]
            self.assertEqual(sorted(device for device in devices if device.startswith("caf")),
                             ["caf\u00e9", "caf\ufffd"], family)

    def test_filters_and_names_that_come_and_go(self):
        config = {"netclass": {"ignored_devices": "^(lo|v1)$"}, "qdisc": {"device_include": "^br0$"},
                  "arp": {"device_exclude": "^br"}, "ethtool": {"device_include": "^v0$", "metrics_include": "^peer"}}
        for rename in (False, True):
            if rename:
                # An interface that is up cannot be renamed before Linux 6.2; its routes and neighbours go with it.
                self.run_inside(["ip", "link", "set", "br0", "down"])
                self.assertEqual(self.run_inside(["ip", "link", "set", "br0", "name", "away"]).returncode, 0)
            _, series = self.series(self.ours(config))
            names = {name: {dict(labels).get("device") for key, labels in series if key == name} for name, _ in series}
            self.assertNotIn("v1", names["node_network_up"])
            self.assertIn("away" if rename else "br0", names["node_network_up"])
            self.assertEqual(names.get("node_qdisc_bytes_total"), None if rename else {"br0"})
            self.assertEqual(names["node_arp_entries"], {"v0"})
            self.assertEqual(names["node_ethtool_info"], {"v0"})
            self.assertEqual([name for name in names if name.startswith("node_ethtool_") and "info" not in name],
                             ["node_ethtool_peer_ifindex"])
