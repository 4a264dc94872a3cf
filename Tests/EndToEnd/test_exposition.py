"""Strict readers of what the agent serves: promtool, and the parser of OpenMetrics in Prometheus' own Python client;
with everything enabled, on this machine and on all fixture hosts."""

import re
import subprocess
from support import ASK_THE_KERNEL, EVERYTHING, ROOT, Scratch, all_collectors, get, require_programs
from unittest import SkipTest

# Debian's package is one of Debian's own interpreter.
DEBIAN_PYTHON = "/usr/bin/python3"

# Prints the names of the families, or fails with what is wrong.
STRICT_PARSER = """
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    print(family.name)
"""

# What promtool would have otherwise in node_exporter's names, which stay as they are; each with its reason.
NAMES_THAT_STAY = {
    r"node_(memory|netstat)_\S+ metric names should be written in 'snake_case' not 'camelCase'":
        "they carry the kernel's names of its fields",
    r'node_entropy_(available|pool_size)_bits use base unit "bytes" instead of "bits"':
        "entropy is told in bits",
    r"node_power_supply_charge_counter metric name should not include type 'counter'":
        "it is the kernel's name of the attribute",
}


class Exposition(Scratch):
    def lint(self, text):
        """What promtool complains about; what it cannot read fails the test."""
        ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        # 3 is for findings of style.
        self.assertIn(ran.returncode, (0, 3), ran.stderr)
        return (ran.stdout + ran.stderr).splitlines()

    def test_promtool_finds_nothing_to_complain_about(self):
        require_programs("promtool")
        agent = self.agent({"collectors": {**EVERYTHING, "enable": all_collectors()}}).start()
        self.expect_names_that_stay(self.lint(agent.metrics()))

    def expect_names_that_stay(self, complaints):
        self.assertEqual(
            [line for line in complaints if not any(re.fullmatch(pattern, line) for pattern in NAMES_THAT_STAY)], [])

    def check_openmetrics(self, settings, name):
        agent = self.agent(settings, name).start()
        status, headers, body = get(agent.port, "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertEqual(status, 200)
        self.assertIn("application/openmetrics-text", headers["Content-Type"])
        ran = subprocess.run([DEBIAN_PYTHON, "-c", STRICT_PARSER], input=body, capture_output=True)
        self.assertEqual(ran.returncode, 0, f"{name}: {ran.stderr.decode()[-1000:]}")
        families = ran.stdout.decode().split()
        self.assertGreater(len(families), 40, name)
        self.assertEqual(len(families), len(set(families)), name)
        # The text format has the same families. What `top` serves depends on the time since it was last asked.
        text = agent.metrics()
        listed = {line.split(" ")[2].removesuffix("_total") for line in text.splitlines() if line.startswith("# TYPE ")}
        different = {family for family in listed ^ set(families) if not family.startswith("vitals_top_")}
        self.assertEqual(different, set(), name)
        agent.end()
        return text

    def require_parser(self):
        if subprocess.run([DEBIAN_PYTHON, "-c", "import prometheus_client"], stderr=subprocess.DEVNULL).returncode:
            raise SkipTest("needs the Debian package python3-prometheus-client (make test-deps)")

    def test_openmetrics_is_valid_to_the_letter(self):
        self.require_parser()
        self.check_openmetrics({"collectors": {**EVERYTHING, "enable": all_collectors()}}, "here")

    def test_both_formats_of_all_fixture_hosts_are_valid(self):
        self.require_parser()
        require_programs("promtool")
        hosts = [path for path in sorted((ROOT / "Tests/Fixtures/hosts").iterdir()) if path.is_dir()]
        self.assertGreater(len(hosts), 10)
        complaints = []
        enabled = [name for name in all_collectors() if name not in ASK_THE_KERNEL]
        for root in hosts:
            text = self.check_openmetrics({
                "host": {"proc": f"{root}/proc", "sys": f"{root}/sys", "udev": f"{root}/udev", "root": str(root)},
                "collectors": {**EVERYTHING, "enable": enabled, "disable": ASK_THE_KERNEL, "textfile": {
                    "directory": [f"{root}/textfile", f"{root}/textfile/apps/*"]}}}, root.name)
            found = self.lint(text)
            # The names in there are of other programs.
            if root.name != "composed-textfile":
                complaints += found
        self.expect_names_that_stay(complaints)
        for pattern in NAMES_THAT_STAY:
            self.assertTrue(any(re.fullmatch(pattern, line) for line in complaints), f"nothing is {pattern}")
