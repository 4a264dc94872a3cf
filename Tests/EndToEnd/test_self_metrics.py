"""docs/self-metrics.md says what the built agent serves about itself: no more, and no less."""

import os
import re
import subprocess
from support import ROOT, Scratch, eventually, require_programs

PAGE = ROOT / "docs/self-metrics.md"
RULES = ROOT / "packaging/prometheus/vitals.rules.yml"
RULES_TEST = ROOT / "packaging/prometheus/vitals.rules.test.yml"


class SelfMetrics(Scratch):
    def trouble(self):
        """An agent that has met all there are series for: failures, a rejected record that cannot be kept, a cut."""
        logs = self.directory / "app.log"
        logs.write_text("first\n" + "x" * 4000 + "\n")
        answers = iter([500])
        receiver = self.receiver(
            answer=lambda lines: next(answers, 400 if any(line["message"] == "first" for line in lines) else 200))
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(logs)], "line_limit": "1KiB"}},
            "outputs": {"central": {"type": "http", "url": receiver.url, "batch_records": 1}},
            "routes": [{"from": "app", "to": "central"}]})
        # Where rejected records are kept, no directory can be made.
        agent.state.mkdir()
        (agent.state / "rejected").write_text("")
        agent.start()
        # A record is refused for good when the receiver takes another one after that.
        eventually(lambda: "record refused" in agent.log(), 30, agent.log)
        with logs.open("a") as log:
            log.write("another line\n")
        return agent

    def test_alerts_ask_for_reasons_that_there_are(self):
        """One of a reason that has got another name would never fire, and nobody would know."""
        sources = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))
        asked = [reason for reasons in re.findall(r'reason[=!]~"([^"]+)"', PAGE.read_text()) for reason in reasons.split("|")]
        self.assertIn("spool_dropped", asked)
        for reason in asked:
            name = reason.removesuffix(".*")
            known = re.search(f'"{name}' + ("" if reason.endswith(".*") else '"'), sources)
            # A case of an enumeration has its own name.
            self.assertTrue(known or re.search(rf"case ([\w, ]+, )?{name}\b", sources), reason)

    def test_every_metric_stands_in_the_page_and_the_other_way_round(self):
        agent = self.trouble()
        dropped = 'vitals_route_records_dropped_total{input="app",output="central",reason="rejected_store_failed"}'
        eventually(lambda: agent.metric(dropped) == 1, 30, "a record is dropped")
        eventually(
            lambda: "vitals_route_last_error_timestamp_seconds{" in agent.metrics()
            and "vitals_input_events_total{" in agent.metrics(), 30, "the trouble is counted")
        served = agent.metrics()
        page = PAGE.read_text()
        types = dict(re.findall(r"^# TYPE (vitals_\S+) (\S+)$", served, re.MULTILINE))
        described = dict(re.findall(r"^\| `(vitals_\w+)` \| (\w+) \|", page, re.MULTILINE))
        self.assertEqual(described, types)
        # Labels and reasons too; those of the inputs stand with the inputs.
        reasons = page + (ROOT / "docs/inputs.md").read_text()
        for name, labels in re.findall(r"^(vitals_\w+)\{(.*)\} ", served, re.MULTILINE):
            for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
                self.assertIn(f"`{label}`", page, name)
                if label in ("reason", "status"):
                    self.assertIn(f"`{value}`", reasons, name)

    def test_the_alerts_of_the_page_are_rules_that_prometheus_takes(self):
        require_programs("promtool")
        page, rules = PAGE.read_text(), RULES.read_text()
        shown = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
        if os.environ.get("UPDATE_DOCS"):
            page = page.replace(shown, rules)
            PAGE.write_text(page)
            shown = rules
        self.assertEqual(shown, rules, "UPDATE_DOCS=1 writes the rules into the page")
        for words in (["check", "rules", RULES], ["test", "rules", RULES_TEST]):
            result = subprocess.run(["promtool", *words], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        # Each has a case in which it fires, and one in which it does not.
        cases = re.findall(r"alertname: (\w+)\n +exp_alerts:( \[\])?", RULES_TEST.read_text())
        for alert in re.findall(r"alert: (\w+)", rules):
            self.assertIn((alert, ""), cases)
            self.assertIn((alert, " []"), cases)
        described = set(re.findall(r"^\| `(vitals_\w+)`", page, re.MULTILINE))
        self.assertEqual(set(re.findall(r"vitals_\w+_\w+", rules)) - described, set())


class Collectors(Scratch):
    def test_the_page_of_collectors_names_every_metric_that_is_served(self):
        agent = self.agent({"collectors": {
            "enable": ["interrupts", "softirqs", "swap", "processes", "zoneinfo", "buddyinfo", "slabinfo", "ksmd",
                       "meminfo_numa", "cgroups", "perf"],
            "cpu": {"info": True}, "stat": {"softirq": True}, "netdev": {"address_info": True}}}).start()
        page = (ROOT / "docs/collectors.md").read_text()
        # `network_transmit_{bytes,packets}_total` is two names.
        words = set()
        for word in re.findall(r"`([^`\s]+)`", page.replace("\n", " ")):
            words |= set(expand(word))
        # Named after the kernel's fields.
        open_ended = ("memory_", "netstat_", "sockstat_", "vmstat_", "scrape_collector_")
        missing = [
            name for name in re.findall(r"^# TYPE node_(\S+) ", agent.metrics(), re.MULTILINE)
            if not name.startswith(open_ended) and not {name, f"node_{name}"} & words]
        # Said as one sentence: reads as they stand, writes likewise.
        likewise = {"disk_writes_completed_total", "disk_writes_merged_total", "disk_written_bytes_total",
                    "disk_write_time_seconds_total"}
        self.assertEqual(set(missing) - likewise, set())


def expand(word):
    match = re.search(r"\{([^}]*)\}", word)
    if not match:
        return [word]
    return [whole for part in match[1].split(",") for whole in expand(word[:match.start()] + part + word[match.end():])]
