"""Debian's own Prometheus scrapes the agent, and promtool reads what it serves."""

import json
import subprocess
import urllib.parse
from support import Scratch, eventually, free_port, get, require_programs


class Server:
    def __init__(self, port):
        self.port = port

    def query(self, expression):
        """The series that answer; none as long as the server is not up."""
        try:
            status, _, body = get(self.port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        except OSError:
            return []
        return json.loads(body)["data"]["result"] if status == 200 else []


class Prometheus(Scratch):
    def server(self, agent):
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
        return Server(port)

    def test_a_real_server_scrapes_and_answers(self):
        require_programs("prometheus")
        answers = self.server(self.agent({}).start()).query
        up = eventually(lambda: answers('up{job="vitals"} == 1'), 30, "the target is up")
        self.assertEqual(len(up), 1)
        load = eventually(lambda: answers("node_load1"), 30, "node_load1 has a value")
        self.assertGreaterEqual(float(load[0]["value"][1]), 0)
        cpu = eventually(lambda: answers("node_cpu_seconds_total"), 30, "node_cpu_seconds_total has values")
        self.assertEqual({"cpu", "mode"} - set(cpu[0]["metric"]), set())
        self.assertIn("idle", {series["metric"]["mode"] for series in cpu})
        # A counter that moves, as the server sees it.
        eventually(lambda: answers("rate(node_cpu_seconds_total[10s])"), 30, "a rate over two scrapes")

    def test_files_that_contradict_what_is_served_do_no_harm(self):
        require_programs("prometheus", "promtool")
        files = self.directory / "files"
        files.mkdir()
        (files / "bad.prom").write_text(
            "# TYPE node_load1 counter\nnode_load1 7\n# TYPE node_filefd_allocated gauge\nnode_filefd_allocated 8\n"
            "# TYPE up gauge\nup 9\ntwice 1\ntwice 2\nbroken {\nlate 1 1395066363000\nvitals_build_info 3\n")
        (files / "good.prom").write_text('# TYPE job_seconds histogram\njob_seconds_bucket{le="+Inf"} 4\n'
                                         "job_seconds_sum 2.5\njob_seconds_count 4")
        agent = self.agent({"collectors": {"textfile": {"directory": str(files)}}}).start()
        server = self.server(agent)
        eventually(lambda: server.query("job_seconds_count == 4"), 30, "a series of the good file")
        for expression in ["up{job='vitals'} == 1", "twice == 1", "node_load1 != 7", "node_filefd_allocated != 8",
                           "vitals_textfile_problem{reason='syntax'} == 9",
                           "vitals_textfile_problem{reason='served_as_another_type'} == 2"]:
            self.assertEqual(len(server.query(expression)), 1, expression)
        log = (self.directory / "prometheus.log").read_text()
        self.assertNotIn("duplicate", log)
        self.assertNotIn("Error on ingesting", log)
        text = agent.metrics()
        types = [line for line in text.splitlines() if line.startswith("# TYPE ")]
        self.assertEqual(len(types), len({line.split(" ")[2] for line in types}))

    def test_promtool_finds_nothing_to_complain_about(self):
        require_programs("promtool")
        agent = self.agent({}).start()
        result = subprocess.run(
            ["promtool", "check", "metrics"], input=agent.metrics(), capture_output=True, text=True)
        # node_exporter's names carry the kernel's field names (node_memory_MemTotal_bytes): those stay as they are.
        complaints = [
            line for line in (result.stdout + result.stderr).splitlines()
            if not (line.startswith(("node_memory_", "node_netstat_", "node_sockstat_")) and "camelCase" in line)]
        self.assertEqual(complaints, [])
