"""Debian's own Prometheus scrapes the agent, and promtool reads what it serves."""

import json
import subprocess
import urllib.parse
from support import Scratch, eventually, free_port, get, require_programs


class Prometheus(Scratch):
    def query(self, port, expression):
        status, _, body = get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return json.loads(body)["data"]["result"] if status == 200 else []

    def test_a_real_server_scrapes_and_answers(self):
        require_programs("prometheus")
        agent = self.agent({}).start()
        port = free_port()
        config = self.directory / "prometheus.yml"
        config.write_text(
            "global: { scrape_interval: 1s }\n"
            "scrape_configs:\n"
            "  - job_name: vitals\n"
            f"    static_configs: [ {{ targets: ['127.0.0.1:{agent.port}'] }} ]\n")
        with (self.directory / "prometheus.log").open("wb") as log:
            self.program(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

        def answers(expression):
            try:
                return self.query(port, expression)
            except OSError:
                return []

        up = eventually(lambda: answers('up{job="vitals"} == 1'), 30, "the target is up")
        self.assertEqual(len(up), 1)
        load = eventually(lambda: answers("node_load1"), 30, "node_load1 has a value")
        self.assertGreaterEqual(float(load[0]["value"][1]), 0)
        cpu = eventually(lambda: answers("node_cpu_seconds_total"), 30, "node_cpu_seconds_total has values")
        self.assertEqual({"cpu", "mode"} - set(cpu[0]["metric"]), set())
        self.assertIn("idle", {series["metric"]["mode"] for series in cpu})
        # A counter that moves, as the server sees it.
        eventually(lambda: answers("rate(node_cpu_seconds_total[10s])"), 30, "a rate over two scrapes")

    def test_promtool_finds_nothing_to_complain_about(self):
        require_programs("promtool")
        agent = self.agent({}).start()
        result = subprocess.run(
            ["promtool", "check", "metrics"], input=agent.metrics(), capture_output=True, text=True)
        # node_exporter's names carry the kernel's field names (node_memory_MemTotal_bytes) and units (bits of entropy):
        # those stay as they are.
        complaints = [
            line for line in (result.stdout + result.stderr).splitlines()
            if not (line.startswith(("node_memory_", "node_netstat_", "node_sockstat_")) and "camelCase" in line)
            and not (line.startswith("node_entropy_") and '"bits"' in line)]
        self.assertEqual(complaints, [])
