"""Debian's own Prometheus scrapes the agent, in both formats."""

import http.server
import json
import threading
import urllib.parse
import urllib.request
from support import EVERYTHING, Scratch, all_collectors, eventually, free_port, get, require_programs

# What the server says when it refuses samples.
TROUBLE = ["duplicate", "out of order", "Error on ingesting", "append failed"]


class Between(http.server.ThreadingHTTPServer):
    """Stands between Prometheus and the agent: asks for another format if it is told to, and notes what it got."""

    daemon_threads = True

    def __init__(self, agent_port, accept=None):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.agent_port, self.accept, self.types, self.sample_counts = agent_port, accept, set(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            headers = {"Accept": self.server.accept or self.headers.get("Accept", "")}
            url = f"http://127.0.0.1:{self.server.agent_port}{self.path}"
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
                body = response.read()
                kind = response.headers["Content-Type"]
            self.server.types.add(kind)
            self.server.sample_counts.append(sum(not line.startswith(b"#") for line in body.splitlines()))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass


class Prometheus(Scratch):
    def query(self, port, expression):
        status, _, body = get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return json.loads(body)["data"]["result"] if status == 200 else []

    def test_a_real_server_scrapes_openmetrics(self):
        self.scrape(None, "application/openmetrics-text; version=1.0.0; charset=utf-8")

    def test_a_real_server_scrapes_the_text_format(self):
        self.scrape("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8")

    def scraped(self, agent, accept):
        """A server that scrapes the agent through what stands between: how to ask it, and what stands between."""
        between = Between(agent.port, accept)
        self.addCleanup(between.server_close)
        self.addCleanup(between.shutdown)
        port = free_port()
        directory = self.directory / f"prometheus-{port}"
        directory.mkdir()
        config = directory / "prometheus.yml"
        config.write_text(
            "global: { scrape_interval: 1s }\n"
            "scrape_configs:\n"
            "  - job_name: vitals\n"
            f"    static_configs: [ {{ targets: ['127.0.0.1:{between.server_port}'] }} ]\n")
        with (directory / "log").open("wb") as log:
            self.program(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

        def answers(expression):
            try:
                return self.query(port, expression)
            except OSError:
                return []

        return answers, between, directory / "log"

    def scrape(self, accept, expected_type):
        require_programs("prometheus")
        answers, between, _ = self.scraped(self.agent({}).start(), accept)
        up = eventually(lambda: answers('up{job="vitals"} == 1'), 30, "the target is up")
        self.assertEqual(len(up), 1)
        load = eventually(lambda: answers("node_load1"), 30, "node_load1 has a value")
        self.assertGreaterEqual(float(load[0]["value"][1]), 0)
        cpu = eventually(lambda: answers("node_cpu_seconds_total"), 30, "node_cpu_seconds_total has values")
        self.assertEqual({"cpu", "mode"} - set(cpu[0]["metric"]), set())
        self.assertIn("idle", {series["metric"]["mode"] for series in cpu})
        # A counter that moves, as the server sees it.
        eventually(lambda: answers("rate(node_cpu_seconds_total[10s])"), 30, "a rate over two scrapes")
        # The names are the same in both formats, or dashboards would depend on the server's version.
        for name in ["node_vmstat_pgfault", "node_netstat_Tcp_ActiveOpens", "process_cpu_seconds_total",
                     "node_filesystem_size_bytes", "node_uname_info"]:
            eventually(lambda: answers(name), 30, f"{name} has a value")
        self.assertEqual(between.types, {expected_type})

    def test_all_that_is_served_is_kept(self):
        """With every collector, in both formats: no sample is refused, and none is taken for another."""
        require_programs("prometheus")
        agent = self.agent({"collectors": {**EVERYTHING, "enable": all_collectors()}}).start()
        for accept in [None, "text/plain;version=0.0.4"]:
            answers, between, log = self.scraped(agent, accept)
            counted = 'scrape_samples_post_metric_relabeling{job="vitals"}[1m]'
            kept = eventually(
                lambda: [values for series in answers(counted) if len(values := series["values"]) >= 3], 30,
                "three scrapes")
            kept = [int(value) for _, value in kept[0]]
            self.assertGreater(min(kept), 1500)
            self.assertEqual(kept, between.sample_counts[:len(kept)])
            self.assertEqual({value for _, value in answers('up{job="vitals"}[1m]')[0]["values"]}, {"1"})
            said = log.read_text()
            self.assertEqual([line for line in said.splitlines() if 'component="scrape manager"' in line
                              and ("level=warn" in line or "level=error" in line)], [])
            for trouble in TROUBLE:
                self.assertNotIn(trouble, said)

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
        for accept in [None, "text/plain;version=0.0.4"]:
            answers, _, log = self.scraped(agent, accept)
            eventually(lambda: answers("job_seconds_count == 4"), 30, "a series of the good file")
            for expression in ["up{job='vitals'} == 1", "twice == 1", "node_load1 != 7", "node_filefd_allocated != 8",
                               "vitals_textfile_problem{reason='syntax'} == 9",
                               "vitals_textfile_problem{reason='served_as_another_type'} == 2"]:
                self.assertEqual(len(answers(expression)), 1, expression)
            said = log.read_text()
            for trouble in TROUBLE:
                self.assertNotIn(trouble, said)
        text = agent.metrics()
        types = [line for line in text.splitlines() if line.startswith("# TYPE ")]
        self.assertEqual(len(types), len({line.split(" ")[2] for line in types}))
