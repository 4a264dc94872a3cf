"""What other programs leave in files, as the built agent serves it: Python's own client writes them, a strict parser and
Prometheus itself read the answer."""

import json
import os
import random
import subprocess
import sys
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

# Reads a list of answers; prints what is wrong with each of those that the strict parser refuses.
STRICT_JUDGE = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
wrong = {}
for number, text in enumerate(json.load(sys.stdin)):
    try:
        list(text_string_to_metric_families(text))
    except Exception as error:
        wrong[number] = repr(error)
json.dump(wrong, sys.stdout)
"""

# All is allowed in the text format, and none of it in OpenMetrics as it is.
ODD = {
    "negative counter": "# TYPE m counter\nm_total -1",
    "counter that is no number": "# TYPE m_total counter\nm_total NaN",
    "counter that was reset to nothing": "# TYPE m counter\nm_total -Inf\nm_created 1",
    "count that is no number": "# TYPE m summary\nm_count NaN\nm_sum 1",
    "half a count": "# TYPE m summary\nm_count 1.5\nm_sum 1",
    "negative sum": "# TYPE m summary\nm_count 1\nm_sum -1",
    "negative quantile": '# TYPE m summary\nm{quantile="0.5"} -1',
    "quantile out of range": '# TYPE m summary\nm{quantile="99"} 1',
    "quantile of the count": '# TYPE m summary\nm{quantile="0.5"} 1\nm_count{quantile="0.5"} 1\nm_sum 1',
    "buckets that go down": '# TYPE m histogram\nm_bucket{le="1"} 2\nm_bucket{le="+Inf"} 1\nm_count 1\nm_sum 1',
    "another count": '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_count 2\nm_sum 1',
    "no sum": '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_count 1',
    "only a sum": "# TYPE m histogram\nm_sum 1",
    "no last bucket": '# TYPE m histogram\nm_bucket{le="1"} 1',
    "half an event": '# TYPE m histogram\nm_bucket{le="+Inf"} 0.5\nm_count 0.5\nm_sum 1',
    "negative bound": '# TYPE m histogram\nm_bucket{le="-1"} 1\nm_bucket{le="+Inf"} 1\nm_count 1\nm_sum 1',
    "small letters": '# TYPE m histogram\nm_bucket{le="inf"} 1\nm_count 1\nm_sum 1',
    "two zeros": '# TYPE m histogram\nm_bucket{le="0"} 1\nm_bucket{le="-0"} 1\nm_count 1\nm_sum 1',
    "bound of the count": '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_count{le="+Inf"} 1\nm_sum 1',
    "another histogram after escaping": '# TYPE "m.x" histogram\n{"m.x_bucket",le="1"} 1\n{"m.x_count"} 3\n{"m.x_sum"} 1\n'
        '# TYPE m_x histogram\nm_x_bucket{le="2"} 1\nm_x_count 2\nm_x_sum 1',
    "time that is none": "# TYPE m summary\nm_count 1\nm_sum 1\nm_created NaN",
    "time of another": '# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_created{a="b"} 1',
    "families in pieces": '# TYPE m summary\nm_count{a="1"} 1\nn 1\nm_sum{a="2"} 1\nm_count{a="2"} 1\nm_sum{a="1"} 1',
    "name of a label": '{"m","..name.."="x"} 1\nn 1',
    "other order of labels": 'm{b="1",a="2"} 1\nm{a="2",b="1"} 1',
    "times and exemplars": '# TYPE m counter\nm_total 1 # {a="b"} 1 1\nm_total{a="1"} 1 1520879607.789\n# UNIT m seconds',
    "help": '# HELP m a\\\\b\\n"c" \\x\t# EOF\nm 1\n# EOF\nn 1',
    "our own histogram": "# TYPE node_load1 histogram\nnode_load1_count 1\n# TYPE node_cpu_seconds_total counter\n"
        'node_cpu_seconds_total{cpu="x",mode="y"} -1',
}


def any_file(chance):
    """Lines of the text format with few names, so that they clash, and with odd values."""
    def labels():
        return ",".join(f'"{name}"="{chance.choice(["1", "2", "+Inf", "0.5", "-1", "inf"])}"' for name in chance.sample(
            ["a", "a_b", "a.b", "le", "quantile"], chance.choice([0, 0, 0, 1, 1, 2])))
    lines = []
    for _ in range(chance.randrange(1, 30)):
        name = chance.choice(["m", "m.x", "m_x", "n", "node_load1", "node_cpu_seconds", "vitals_http_requests"])
        if chance.random() < 0.3:
            lines.append(f'# TYPE "{name}" ' + chance.choice(["counter", "gauge", "histogram", "summary", "info", "untyped"]))
        else:
            ending = chance.choice(["", "_total", "_created", "_bucket", "_sum", "_count", "_seconds"])
            value = chance.choice(["0", "1", "2", "2.5", "-1", "NaN", "+Inf", "-Inf"])
            both = ",".join(part for part in [f'"{name}{ending}"', labels()] if part)
            lines.append("{%s} %s" % (both, value))
    return "\n".join(lines) + "\n"


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

    def judge(self, answers):
        """What the strict parser says of those that it refuses, by their number."""
        ran = subprocess.run(
            [DEBIAN_PYTHON, "-c", STRICT_JUDGE], input=json.dumps(answers).encode(), capture_output=True, check=True)
        return json.loads(ran.stdout)

    def answers(self, agent):
        """OpenMetrics, for those escapings that the parser's version knows."""
        for escaping in ["underscores", "dots", "values"]:
            status, _, body = get(agent.port, "/metrics", {"Accept": f"{OPENMETRICS};escaping={escaping}"})
            self.assertEqual(status, 200)
            yield body.decode()

    def test_what_openmetrics_does_not_allow_is_served_as_unknown(self):
        self.require_client()
        directory, agent = self.serve()
        names, answers = [], []
        for number, (name, text) in enumerate(ODD.items()):
            (directory / f"{number}.prom").write_text(text + "\n")
            for answer in self.answers(agent):
                names.append(name)
                answers.append(answer)
            (directory / f"{number}.prom").unlink()
        wrong = self.judge(answers)
        self.assertEqual({names[int(number)]: error for number, error in wrong.items()}, {})
        # All at once: what comes later contradicts what came before.
        for number, text in enumerate(ODD.values()):
            (directory / f"{number}.prom").write_text(text + "\n")
        self.assertEqual(self.judge(list(self.answers(agent))), {})
        self.assertIn("\nnode_load1 ", agent.metrics())

    def test_no_text_file_breaks_an_answer(self):
        self.require_client()
        directory, agent = self.serve()
        seed = int(os.environ.get("VITALS_SEED", random.randrange(1 << 32)))
        print(f"random files with VITALS_SEED={seed}", file=sys.stderr)
        chance = random.Random(seed)
        files, answers = [], []
        require_programs("promtool")
        for number in range(60):
            path = directory / f"{number}.prom"
            path.write_text(any_file(chance))
            for answer in self.answers(agent):
                files.append(path.read_text())
                answers.append(answer)
            # 3 is for findings of style.
            ran = subprocess.run(["promtool", "check", "metrics"], input=agent.metrics(), capture_output=True, text=True)
            self.assertIn(ran.returncode, (0, 3), f"{ran.stderr}\n{path.read_text()}")
            path.unlink()
        wrong = self.judge(answers)
        self.assertEqual([f"{error}\n{files[int(number)]}" for number, error in wrong.items()][:1], [])

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
