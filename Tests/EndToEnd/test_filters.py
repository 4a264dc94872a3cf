"""Filters, redaction and metrics from logs with the built agent: what arrives, what is kept, what is counted."""

import json
import re
import subprocess
from support import Scratch, eventually, get, require_programs

SECRET = "hunter2-s3cret"
CARD = "4111 1111 1111 1111"


class Filters(Scratch):
    def settings(self, logs, url, extra=None, routes=None, **options):
        return {
            "inputs": {"web": {"type": "file", "paths": [str(logs)], **options}},
            "outputs": {"central": {"type": "http", "url": url}, **(extra or {})},
            "routes": routes or [{"from": "web", "to": "central"}]}

    def series(self, agent, name):
        """Each series of a name as its labels, without `input`, and its value."""
        found = {}
        for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", agent.metrics(), re.MULTILINE):
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            self.assertEqual(pairs.pop("input"), "web")
            found[tuple(sorted(pairs.items()))] = float(value)
        return found

    def write(self, logs, lines):
        with logs.open("ab") as file:
            for line in lines:
                file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")

    def test_secrets_are_neither_sent_nor_kept(self):
        logs = self.directory / "app.log"
        self.write(logs, [
            f"login password={SECRET} ok", f"card {CARD} mail john.doe@example.com",
            b"latin password=caf\xe9" + SECRET.encode() + b" end",
            "a" * 60 + f" {SECRET}", f"refused password={SECRET}", "last"])
        refused = []

        def answer(records):
            if any("refused" in record["message"] for record in records):
                refused.append(records)
                return 400
            return 200
        receiver = self.receiver(answer=answer)
        agent = self.agent(self.settings(logs, receiver.url, filters=[
            {"redact": "(password)=\\S+", "with": "$1=***"}, {"preset": ["credit_card", "email"]},
            {"redact": "^(a+)+[!?]", "with": "never"}])).start()
        eventually(lambda: len(receiver.records) == 5, 20, "what is not refused arrives")
        self.assertEqual(sorted(record["message"] for record in receiver.records), sorted([
            "login password=*** ok", "card *** mail ***", "latin password=*** end",
            "[withheld: a redaction gave up]", "last"]))
        kept = eventually(
            lambda: [path.read_bytes() for path in (agent.state / "rejected").rglob("*") if path.is_file()], 10, "kept")
        self.assertTrue(refused)
        self.assertIn(b"refused password=***", b"".join(kept))
        events = 'vitals_input_events_total{input="web",output="central",reason="%s"}'
        eventually(lambda: agent.metric(events % "redacted") == 5, 10, "redactions are counted")
        self.assertEqual(agent.metric(events % "redaction_gave_up"), 1)
        # Nothing that the agent writes or serves has it: cursors, rejected records, its log, its pages.
        self.assertEqual(agent.stop(), 0)
        for path in [*agent.state.rglob("*"), agent.errors]:
            if path.is_file():
                for secret in (SECRET, CARD, "john.doe"):
                    self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_a_secret_that_the_runtime_cut_in_two_is_hidden(self):
        logs = self.directory / "0.log"
        receiver = self.receiver()
        time = "2026-11-21T02:38:30.123456789Z stdout"
        self.write(logs, [
            f"{time} P login password={SECRET[:5]}", f"{time} F {SECRET[5:]} ok", f"{time} F next password={SECRET}"])
        self.agent(self.settings(
            logs, receiver.url, format="cri", filters=[{"redact": "password=\\S+", "with": "password=***"}])).start()
        eventually(lambda: len(receiver.records) == 2, 20, "both arrive")
        self.assertEqual(
            [record["message"] for record in receiver.records], ["login password=*** ok", "next password=***"])

    def test_fields_that_a_parser_found(self):
        logs = self.directory / "app.json"
        receiver = self.receiver()
        self.write(logs, [
            json.dumps({"level": level, "msg": f"took {SECRET}", "user": {"mail": "john.doe\u0040example.com"},
                        "card": 4111111111111111, "status": status, "ms": 250 * (number + 1), "trace": f"t{number}"})
            .replace("@", "\\u0040")
            for number, (level, status) in enumerate([("info", 200), ("debug", 200), ("error", 503), ("info", 200)])])
        agent = self.agent(self.settings(
            logs, receiver.url, parse="json", keep_original=True,
            filters=[{"exclude": "^debug$", "field": "severity"}, {"redact": SECRET},
                     {"preset": ["email", "credit_card"]}, {"redact": "john[^\"]*"}],
            metrics=[
                {"name": "requests", "count": {}, "labels": {"status": "status", "level": "severity"}},
                {"name": "took_seconds", "histogram": {"field": "ms", "scale": 0.001}, "buckets": [0.25, 0.75]},
            ])).start()
        eventually(lambda: len(receiver.records) == 3, 20, "what is not excluded arrives")
        for record in receiver.records:
            said = json.dumps(record)
            for secret in (SECRET, "4111111111111111", "john.doe"):
                self.assertNotIn(secret, said)
            self.assertEqual((record["message"], record["card"]), ("took ***", "***"))
        eventually(lambda: self.series(agent, "vitals_log_requests_total") == {
            (("level", "info"), ("status", "200")): 2.0, (("level", "error"), ("status", "503")): 1.0}, 10, "counted")
        self.assertEqual(self.series(agent, "vitals_log_took_seconds_bucket"), {
            (("le", "0.25"),): 1.0, (("le", "0.75"),): 2.0, (("le", "+Inf"),): 3.0})
        self.assertEqual(self.series(agent, "vitals_log_took_seconds_sum"), {(): 2.0})

    def test_counts_are_exact(self):
        logs = self.directory / "access.log"
        receiver, second = self.receiver(), self.receiver()
        settings = self.settings(
            logs, receiver.url, {"other": {"type": "http", "url": second.url}},
            [{"from": "web", "to": "central"}, {"from": "web", "to": "other"}],
            filters=[
                {"exclude": ["healthcheck", "/ping"]}, {"sample": 10},
                {"rate_limit": 50, "per": "1h"}, {"exclude": "other.log", "field": "file"}],
            metrics=[
                {"name": "http_requests_total", "help": "Requests.", "count": {"pattern": "\" (\\d{3}) "},
                 "labels": {"status": "$1"}},
                {"name": "words", "count": {"pattern": "word=(\\w+)"}, "labels": {"word": "$1"}, "max_series": 20},
                {"name": "request_seconds", "histogram": {"pattern": "took (\\d+)ms", "scale": 0.001},
                 "buckets": [0.01, 0.1, 1]},
                {"full_name": "app_lines_total", "count": {}}])
        agent = self.agent(settings).start()
        self.assertEqual(self.series(agent, "app_lines_total"), {(): 0.0})
        statuses = (200, 200, 200, 404, 500)
        self.write(logs, [
            f'GET /{number} "HTTP/1.1" {statuses[number % 5]} took {number % 2000}ms word=w{number % 40}'
            for number in range(10_000)])
        self.write(logs, ["GET /healthcheck"] * 300 + ["/ping"] * 200)
        count = 'vitals_route_records_dropped_total{input="web",output="%s",reason="%s"}'
        for output in ("central", "other"):
            eventually(lambda: agent.metric(count % (output, "filter")) == 500, 30, "all is read")
            eventually(
                lambda: agent.metric(count % (output, "sample")) == 9_000
                and agent.metric(count % (output, "rate_limit")) == 950, 10, "what is left out is counted")
        eventually(lambda: len(receiver.records) == len(second.records) == 50, 20, "the rest arrives")
        # Two routes, each record counted once, and before it is thinned out.
        eventually(lambda: self.series(agent, "app_lines_total") == {(): 10_000.0}, 10, "lines are counted")
        self.assertEqual(self.series(agent, "vitals_log_http_requests_total"), {
            (("status", "200"),): 6000.0, (("status", "404"),): 2000.0, (("status", "500"),): 2000.0})
        words = self.series(agent, "vitals_log_words_total")
        self.assertEqual(len(words), 21)
        self.assertEqual(words[(("word", "other"),)], 5000)
        full = 'vitals_input_events_total{input="web",output="central",reason="metric_series_full"}'
        self.assertEqual(agent.metric(full), 5000)
        self.assertEqual(self.series(agent, "vitals_log_request_seconds_bucket"), {
            (("le", "0.01"),): 55.0, (("le", "0.1"),): 505.0, (("le", "1.0"),): 5005.0, (("le", "+Inf"),): 10_000.0})
        self.assertEqual(self.series(agent, "vitals_log_request_seconds_count"), {(): 10_000.0})
        self.assertAlmostEqual(self.series(agent, "vitals_log_request_seconds_sum")[()], 9995.0, 6)
        self.check_exposition(agent)

    def check_exposition(self, agent):
        require_programs("promtool")
        result = subprocess.run(
            ["promtool", "check", "metrics"], input=agent.metrics("?collect[]=loadavg"), capture_output=True, text=True)
        ours = [line for line in (result.stdout + result.stderr).splitlines() if "vitals_log" in line or "app_" in line]
        self.assertEqual(ours, [])
        self.assertNotIn("error while linting", result.stdout + result.stderr)
        _, _, body = get(agent.port, "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertIn("# TYPE vitals_log_request_seconds histogram\n# UNIT ", body.decode())
        self.assertIn("# TYPE vitals_log_http_requests counter\n", body.decode())

    def test_check_compiles_every_pattern_and_points_at_the_key(self):
        logs = self.directory / "app.log"
        for options, words in [
            ({"filters": [{"exclude": ["a", "("]}]}, "inputs.web.filters[0].exclude[1]"),
            ({"filters": [{"redact": "a", "with": "$3"}]}, "inputs.web.filters[0].with"),
            ({"metrics": [{"name": "a", "count": {"pattern": "["}}]}, "inputs.web.metrics[0].count.pattern"),
            ({"metrics": [{"full_name": "node_load1", "count": {}}]}, "inputs.web.metrics[0].full_name"),
        ]:
            agent = self.agent(self.settings(logs, "http://127.0.0.1:9/", **options), name="checked")
            said = agent.command("check")
            self.assertIn(words, said)
            line = int(re.search(r"checked\.json:(\d+):", said)[1])
            self.assertGreater(line, 1)
            json.loads(agent.config.read_text())
