"""The Debian package in a booted system: installed, enabled, scraped, stopped, removed, purged."""

import subprocess
import sys
from booted import BootedSystem
from support import ROOT, Scratch, eventually, require_programs, require_root

PACKAGE = ROOT / ".build/vitals.deb"
ALLOWED = {"libc6", "libstdc++6", "libgcc-s1", "zlib1g", "libpcre2-8-0"}


class Service(Scratch):
    def field(self, name):
        return subprocess.run(
            ["dpkg-deb", "--field", PACKAGE, name], capture_output=True, text=True, check=True).stdout.strip()

    def test_the_package_needs_only_what_every_systemd_host_has(self):
        self.assertTrue(PACKAGE.exists(), "no package: make deb")
        depends = {part.split("(")[0].strip() for part in self.field("Depends").split(",")}
        self.assertEqual(depends, ALLOWED)
        recommends = {part.strip() for part in self.field("Recommends").split(",")}
        self.assertEqual(recommends, {"libsystemd0", "libcurl4", "libssl3", "tzdata"})
        listing = subprocess.run(
            ["dpkg-deb", "--contents", PACKAGE], capture_output=True, text=True, check=True).stdout
        for path in ["./usr/bin/vitals", "./etc/vitals/agent.json", "./usr/lib/systemd/system/vitals.service"]:
            self.assertIn(path, listing)

    def test_the_binary_links_only_what_the_package_depends_on(self):
        needed = subprocess.run(
            ["objdump", "-p", ROOT / ".build/vitals"], capture_output=True, text=True, check=True).stdout
        libraries = {line.split()[1] for line in needed.splitlines() if "NEEDED" in line}
        known = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libpcre2-8.so.0",
                 "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "ld-linux-x86-64.so.2",
                 "ld-linux-aarch64.so.1"}
        self.assertEqual(libraries - known, set())

    def test_the_unit_is_sandboxed(self):
        require_programs("systemd-analyze")
        result = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=25", ROOT / "systemd/vitals.service"],
            capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout[-500:])

    def test_from_installation_to_purge(self):
        require_root()
        system = BootedSystem(self.directory, PACKAGE)
        self.addCleanup(system.stop)

        system.run("dpkg", "-i", "/root/vitals.deb", check=True)
        active = system.run("systemctl", "is-active", "vitals")
        self.assertEqual(active.stdout.strip(), "active", system.run("journalctl", "-u", "vitals").stdout)
        self.assertEqual(system.run("systemctl", "is-enabled", "vitals").stdout.strip(), "enabled")
        self.assertEqual(system.run("systemctl", "show", "-P", "User", "vitals").stdout.strip(), "vitals")

        exposition = eventually(lambda: system.get("http://127.0.0.1:9100/metrics"), 10, "a scrape")
        self.assertIn("\nnode_load1 ", exposition)
        self.assertIn('node_scrape_collector_success{collector="cpu"} 1', exposition)
        # The sandbox lets the clock be asked.
        self.assertIn('node_scrape_collector_success{collector="timex"} 1', exposition)

        # Groups by unit, and control groups, where systemd made them: the host's own hierarchies may be others.
        units = """{"collectors": {"enable": ["cgroup", "process_groups"],
                    "process_groups": {"groups": {"journal": {"unit": "systemd-journald"}}}}}"""
        system.run("sh", "-c", f"echo '{units}' > /root/units.json", check=True)
        served = "".join(
            system.run("vitals", "once", "--config", "/root/units.json", "--collect", name, check=True).stdout
            for name in ["cgroup", "process_groups"])
        self.assertIn('vitals_process_group_processes{group="journal"} 1\n', served)
        self.assertRegex(
            served, r'vitals_cgroup_cpu_usage_seconds_total\{cgroup="/system.slice/vitals.service"\} [0-9.]*[1-9]')

        # The package ships nothing, and makes no directory full of copied logs, until somebody says so.
        self.assertEqual(system.run("sh", "-c", "find /var/lib/vitals -type f").stdout, "")
        self.assertEqual(system.run("vitals", "status").returncode, 0)
        examples = "/usr/share/doc/vitals/examples"
        self.assertEqual(
            system.run("ls", examples).stdout.split(), ["cloudwatch.json", "http.json", "to-a-local-file.json"])
        system.run("cp", f"{examples}/to-a-local-file.json", "/etc/vitals/agent.json", check=True)
        system.run("systemctl", "restart", "vitals", check=True)
        eventually(lambda: system.get("http://127.0.0.1:9100/-/ready"), 10, "ready with the example's settings")

        # What that example ships really arrives: a line of the guest's journal in the local file.
        system.run("systemd-cat", "-t", "proof", "echo", "a line for the agent", check=True)
        eventually(
            lambda: "a line for the agent" in system.run("sh", "-c", "cat /var/lib/vitals/shipped.ndjson").stdout, 20,
            "the journal's line in the shipped file\n" + system.run("journalctl", "-u", "vitals").stdout)
        status = system.run("vitals", "status", check=True).stdout
        self.assertIn("journal", status)
        check = system.run("vitals", "check")
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)

        # One capability and nothing more, as the kernel sees it.
        pid = system.run("systemctl", "show", "-P", "MainPID", "vitals").stdout.strip()
        capabilities = system.run("sh", "-c", f"grep ^Cap /proc/{pid}/status").stdout
        self.assertIn("CapEff:\t0000000000000004", capabilities)
        self.assertIn("CapBnd:\t0000000000000004", capabilities)

        system.run("systemctl", "restart", "vitals", check=True)
        eventually(lambda: system.get("http://127.0.0.1:9100/-/ready"), 10, "ready after a restart")
        # The stop is clean: systemd keeps the result of the last run.
        system.run("systemctl", "stop", "vitals", check=True)
        self.assertEqual(system.run("systemctl", "show", "-P", "Result", "vitals").stdout.strip(), "success")
        self.assertIsNone(system.get("http://127.0.0.1:9100/metrics"))
        self.assertIn("cursors", system.run("ls", "/var/lib/vitals").stdout)

        # With a socket of systemd's the first scrape starts the agent, and a restart refuses none.
        for path, lines in [
            ("vitals.socket", ["[Socket]", "ListenStream=127.0.0.1:9200", "ListenStream=/run/vitals-passed.sock"]),
            ("vitals.service.d/s.conf", ["[Service]", "Environment=VITALS_LISTEN=systemd"]),
        ]:
            system.run("sh", "-c", f"cd /run/systemd/system && mkdir -p vitals.service.d && printf '%s\\n' \"$@\" > {path}",
                       "sh", *lines, check=True)
        system.run("systemctl", "daemon-reload", check=True)
        system.run("systemctl", "start", "vitals.socket", check=True)
        self.assertEqual(system.run("systemctl", "is-active", "vitals").stdout.strip(), "inactive")
        self.assertIn("\nnode_load1 ", system.get("http://127.0.0.1:9200/metrics") or "")
        system.run("systemctl", "restart", "--no-block", "vitals", check=True)
        for _ in range(20):
            self.assertEqual(system.get("http://127.0.0.1:9200/-/healthy"), "healthy\n")
        log = system.run("journalctl", "-u", "vitals").stdout
        self.assertIn("unix:/run/vitals-passed.sock", log)
        system.run("systemctl", "stop", "vitals.socket", "vitals", check=True)

        # A unix socket for a group, which status takes by itself.
        system.run("sh", "-c", "cd /run/systemd/system/vitals.service.d && printf '[Service]\\n%s\\n%s\\n' \"$@\" > s.conf",
                   "sh", "SupplementaryGroups=adm", "Environment=VITALS_LISTEN=unix:/run/vitals/vitals.sock", check=True)
        system.run("sed", "-i", 's/"endpoint": {/&"socket_group": "adm",/', "/etc/vitals/agent.json", check=True)
        system.run("systemctl", "daemon-reload", check=True)
        system.run("systemctl", "start", "vitals", check=True)
        self.assertEqual(
            system.run("stat", "-c", "%U %G %a", "/run/vitals/vitals.sock").stdout.strip(), "vitals adm 660")
        self.assertIn("journal", system.run("vitals", "status", "--listen", "unix:/run/vitals/vitals.sock").stdout)
        system.run("systemctl", "stop", "vitals", check=True)
        system.run("rm", "-r", "/run/systemd/system/vitals.socket", "/run/systemd/system/vitals.service.d", check=True)
        system.run("systemctl", "daemon-reload", check=True)

        # A hung agent is killed by the watchdog and comes back; here it is stopped to hang.
        system.run("systemctl", "start", "vitals", check=True)
        system.run("mkdir", "-p", "/run/systemd/system/vitals.service.d", check=True)
        system.run("sh", "-c", "printf '[Service]\\nWatchdogSec=2\\n' > /run/systemd/system/vitals.service.d/w.conf")
        system.run("systemctl", "daemon-reload", check=True)
        system.run("systemctl", "restart", "vitals", check=True)
        pid = system.run("systemctl", "show", "-P", "MainPID", "vitals").stdout.strip()
        system.run("systemctl", "kill", "-s", "STOP", "vitals", check=True)
        eventually(
            lambda: system.run("systemctl", "show", "-P", "MainPID", "vitals").stdout.strip() not in (pid, "0"), 30,
            "another process after the watchdog")
        eventually(lambda: system.get("http://127.0.0.1:9100/-/ready"), 10, "ready after the watchdog")

        system.run("dpkg", "--remove", "vitals", check=True)
        self.assertIsNone(system.get("http://127.0.0.1:9100/metrics"))
        self.assertEqual(system.run("test", "-d", "/var/lib/vitals").returncode, 0, "removing keeps the state")
        system.run("dpkg", "--purge", "vitals", check=True)
        left = system.run("sh", "-c", "ls -d /var/lib/vitals /etc/vitals /usr/bin/vitals 2>/dev/null").stdout
        self.assertEqual(left, "")
        self.assertEqual(system.run("systemctl", "cat", "vitals").returncode, 1, "the unit is gone")

    def test_the_sandbox_lets_the_outputs_and_inputs_work(self):
        """Requests, a program for credentials, the spool, what is put aside, and the ports for documents."""
        require_root()
        system = BootedSystem(self.directory, PACKAGE)
        self.addCleanup(system.stop)
        system.run("dpkg", "-i", "/root/vitals.deb", check=True)
        system.run("systemctl", "stop", "vitals", check=True)
        for path, text in {
            "/etc/vitals/agent.json": SHIPPING, "/etc/vitals/aws-config": PROFILE, "/usr/local/bin/get-keys": KEYS,
            "/run/systemd/system/vitals.service.d/aws.conf":
                "[Service]\nEnvironment=AWS_CONFIG_FILE=/etc/vitals/aws-config AWS_EC2_METADATA_DISABLED=true\n",
        }.items():
            system.run("sh", "-c", f"mkdir -p $(dirname {path}) && printf '%s' \"$1\" > {path} && chmod 755 {path}", "sh",
                       text, check=True)
        system.run("systemctl", "daemon-reload", check=True)
        # In the guest's network: a receiver that refuses one of two.
        refusing = self.program(["nsenter", "-t", str(system.leader), "-n", "--", sys.executable, "-c", REFUSING])
        system.run("systemctl", "start", "vitals", check=True)

        def journal():
            return system.run("journalctl", "-u", "vitals").stdout

        eventually(lambda: "will retry" in journal() and "AWS credentials found" in journal(), 30, journal)
        self.assertIn("credential_process", journal())
        self.assertNotIn("MARKER", journal())
        sender = ["nsenter", "-t", str(system.leader), "-n", "--", sys.executable, "-c", SENDING]
        subprocess.run(sender, check=True, timeout=30)

        eventually(lambda: 'reason="document_received"} 2\n' in system.get("http://127.0.0.1:9100/metrics"), 20, journal)
        self.assertIn("00000001.spool", system.run("ls", "/var/lib/vitals/spool/app~nowhere").stdout)
        eventually(lambda: "refused by the test" in system.run(
            "sh", "-c", "cat /var/lib/vitals/rejected/refusing/*").stdout, 20, journal)
        self.assertIsNone(refusing.poll())
        system.run("systemctl", "stop", "vitals", check=True)
        self.assertEqual(system.run("systemctl", "show", "-P", "Result", "vitals").stdout.strip(), "success")


SHIPPING = """{
  "endpoint": {"listen": ["127.0.0.1:9100"]},
  "inputs": {"app": {"type": "emf"}, "log": {"type": "file", "paths": ["/var/log/dpkg.log"]}},
  "outputs": {
    "nowhere": {"type": "http", "url": "http://127.0.0.1:9"},
    "refusing": {"type": "http", "url": "http://127.0.0.1:8080"},
    "aws": {"type": "cloudwatch_logs", "log_group": "/x", "endpoint": "http://127.0.0.1:9"}
  },
  "routes": [
    {"from": "app", "to": "nowhere"}, {"from": "app", "to": "refusing"}, {"from": "log", "to": "aws"}
  ]
}
"""

PROFILE = "[default]\nregion = eu-west-1\ncredential_process = /usr/local/bin/get-keys\n"

KEYS = """#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "MARKER"}'
"""

REFUSING = """
import gzip, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(400 if b'"m":1' in body.replace(b" ", b"") else 200)
        self.send_header("Content-Length", "19")
        self.end_headers()
        self.wfile.write(b"refused by the test")
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""

SENDING = """
import json, socket, time
metric = {"Namespace": "a", "Dimensions": [[]], "Metrics": [{"Name": "m"}]}
document = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}, "m": 1}
with socket.create_connection(("127.0.0.1", 25888)) as connection:
    connection.sendall(json.dumps(document).encode() + b"\\n")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
    datagrams.sendto(json.dumps(document | {"m": 2}).encode(), ("127.0.0.1", 25888))
"""
