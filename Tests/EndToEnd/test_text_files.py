"""What other programs leave in files, as the built agent serves it: Python's own client writes them, a strict parser and
Prometheus itself read the answer."""

import os
import subprocess
from support import Scratch, eventually, get, require_programs
from test_exposition import DEBIAN_PYTHON, STRICT_PARSER
from unittest import SkipTest

# Everything that Prometheus' client for Python can write into a file.
WRITER = """
import sys
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, write_to_textfile
registry = CollectorRegistry()
counter = Counter("jobs", "Jobs.", ["kind"], registry=registry)
counter.labels("a").inc(), counter.labels("b").inc(2)
Counter("bare", "Bare.", registry=registry).inc()
summary = Summary("took_seconds", "Took.", ["kind"], registry=registry)
summary.labels("a").observe(1), summary.labels("b").observe(2)
histogram = Histogram("size_bytes", "Size.", ["kind"], registry=registry)
histogram.labels("a").observe(1), histogram.labels("b").observe(2)
Gauge("level", "Level.", registry=registry).set(1)
Info("build", "Build.", registry=registry).info({"version": "1"})
Enum("state", "State.", states=["on", "off"], registry=registry)
write_to_textfile(sys.argv[1], registry)
"""

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class TextFiles(Scratch):
    def serve(self, **files):
        directory = self.directory / "files"
        directory.mkdir()
        for name, text in files.items():
            (directory / f"{name}.prom").write_text(text)
        return directory, self.agent({"collectors": {"textfile": {"directory": str(directory)}}}).start()

    def require_client(self):
        if subprocess.run([DEBIAN_PYTHON, "-c", "import prometheus_client"], stderr=subprocess.DEVNULL).returncode:
            raise SkipTest("needs the Debian package python3-prometheus-client (make test-deps)")

    def families(self, agent):
        status, _, body = get(agent.port, "/metrics", {"Accept": OPENMETRICS})
        self.assertEqual(status, 200)
        ran = subprocess.run([DEBIAN_PYTHON, "-c", STRICT_PARSER], input=body, capture_output=True)
        self.assertEqual(ran.returncode, 0, ran.stderr.decode()[-1000:])
        return ran.stdout.decode().split(), body.decode()

    def test_what_pythons_client_writes_is_valid_openmetrics(self):
        self.require_client()
        directory, agent = self.serve()
        subprocess.run([DEBIAN_PYTHON, "-c", WRITER, str(directory / "python.prom")], check=True)
        families, text = self.families(agent)
        self.assertLessEqual(
            {"jobs", "bare", "took_seconds", "size_bytes", "level", "build_info", "state"}, set(families))
        self.assertFalse([name for name in families if name.endswith("_created")])
        for series in ['jobs_created{kind="a"}', 'took_seconds_created{kind="b"}', 'size_bytes_created{kind="a"}']:
            self.assertIn(f"\n{series} ", text)
        self.assertIn("\nnode_textfile_scrape_error 0\n", text)

    def test_files_that_contradict_each_other_are_valid_openmetrics(self):
        self.require_client()
        _, agent = self.serve(
            a='# TYPE x_total counter\nx_total 1\n# TYPE x gauge\nx 2\n# TYPE x_created gauge\nx_created 3\n',
            b='# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 2\n# TYPE h_count gauge\nh_count 3\n',
            c='# TYPE vitals_http_requests_created gauge\nvitals_http_requests_created 5\n',
            d='{"x.y"} 1\nx_y 2\n{"scrape.duration.seconds"} 1\n# TYPE s SUMMARY\ns{quantile="0.5"} 1\ns_created 3\n')
        families, text = self.families(agent)
        self.assertLessEqual({"x", "x_total", "x_created", "h_bucket", "h_sum", "h_count", "x_y", "s"}, set(families))
        self.assertEqual(text.count("\nvitals_http_requests_created"), 1)
        self.assertIn("\nnode_textfile_scrape_error 1\n", text)

    def test_names_in_quotes(self):
        _, agent = self.serve(a='# TYPE "my.dotted.metric" gauge\n{"my.dotted.metric","a.b"="x"} 3\n')
        for escaping, expected in [
                ("", 'my_dotted_metric{a_b="x"} 3'), ("underscores", 'my_dotted_metric{a_b="x"} 3'),
                ("dots", 'my_dot_dotted_dot_metric{a_dot_b="x"} 3'),
                ("values", 'U__my_2e_dotted_2e_metric{U__a_2e_b="x"} 3'),
                ("allow-utf-8", '{"my.dotted.metric","a.b"="x"} 3')]:
            for kind in ["text/plain;version=0.0.4", "text/plain;version=1.0.0", "text/plain", OPENMETRICS]:
                accept = f"{kind};escaping={escaping}" if escaping else kind
                status, headers, body = get(agent.port, "/metrics", {"Accept": accept})
                self.assertEqual(status, 200)
                self.assertIn(f"\n{expected}\n".encode(), body)
                self.assertTrue(headers["Content-Type"].startswith(kind.split(";")[0]))
                self.assertEqual("escaping=" in headers["Content-Type"], bool(escaping))
                self.assertTrue(headers["Content-Type"].endswith(f"escaping={escaping}" if escaping else "utf-8"))

    def test_a_directory_that_is_replaced_is_followed(self):
        for name, value in [("a", 1), ("b", 2)]:
            (self.directory / name).mkdir()
            (self.directory / name / "m.prom").write_text(f"m {value}\n")
        current = self.directory / "current"
        os.symlink("a", current)
        agent = self.agent({"collectors": {"textfile": {"directory": str(current)}}}).start()
        self.assertIn("\nm 1\n", agent.metrics())
        os.symlink("b", self.directory / "new")
        os.rename(self.directory / "new", current)
        self.assertIn("\nm 2\n", agent.metrics())
        os.remove(current)
        self.assertNotIn("\nm ", agent.metrics())
        os.rename(self.directory / "a", current)
        self.assertIn("\nm 1\n", agent.metrics())

    def test_names_are_bytes_and_the_answer_is_utf_8(self):
        directory, agent = self.serve()
        names = [b"caf\xe9.prom", b"caf\xe8.prom", b"caf\xc3\xa9.prom", b"cafe\xcc\x81.prom"]
        for number, name in enumerate(names):
            with open(os.fsencode(directory) + b"/" + name, "wb") as file:
                file.write(b'm{n="%d"} %d\n' % (number, number))
        (directory / "x.prom").write_bytes(b'bad{a="\xff"} 1\nbad{a="\x00"} 1\n# HELP good h\x00\ngood 1\n')
        text = agent.metrics()
        for number in range(4):
            self.assertIn(f'\nm{{n="{number}"}} {number}\n', text)
        times = [line for line in text.splitlines() if line.startswith("node_textfile_mtime_seconds{")]
        # Two have the same name once it is UTF-8.
        self.assertEqual(len(times), 4)
        self.assertEqual(agent.metric("vitals_scrape_series_left_out"), 1)
        self.assertEqual(agent.log().count("series left out"), 1)
        self.assertIn("textfile", agent.log().split("series left out")[1].split("\n")[0])
        require_programs("promtool")
        ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertIn(ran.returncode, (0, 3), ran.stderr)
