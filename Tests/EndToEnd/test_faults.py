"""What a receiver and the network do to deliveries by HTTP: nothing is lost, and a line comes twice only where the
receiver had it and its answer was lost."""

import json
import subprocess

from certificates import Certificates
from faulty_receiver import Doorkeeper, FaultyReceiver, Proxy, SlowLink
from support import BINARY, Scratch, eventually, require_programs, require_root, start_writer

LINES = 5_000


class Faults(Certificates, Scratch):
    """Four deliveries at once; a class below has one."""

    in_flight = 4

    def faulty(self, *faults, **options):
        receiver = FaultyReceiver(faults, **options)
        self.addCleanup(receiver.stop)
        return receiver

    def ship(self, url, popen=subprocess.Popen, lines=LINES, **output):
        """An agent, and lines that are there when it starts."""
        log = self.directory / "app.log"
        if not log.exists():
            self.assertEqual(start_writer(self, log, lines).wait(), 0)
        agent = self.agent({
            "inputs": {"app": {"type": "file", "paths": [str(log)]}},
            "outputs": {"central": {
                "type": "http", "url": url, "batch_records": 500, "in_flight": self.in_flight,
                "timeout": "2s", "connect_timeout": "2s", **output}},
            "routes": [{"from": "app", "to": "central"}],
        }, popen=popen)
        return agent.start()

    def wait_for_all(self, receiver, agent, lines=LINES, within=60):
        eventually(
            lambda: len(set(receiver.sequences())) == lines, within,
            f"all {lines} lines, not {len(set(receiver.sequences()))}; the agent said:\n{agent.log()}")

    def check(self, receiver, agent, retries=None):
        """All is there, and twice only what could not be known. With `retries` at least so many, and with 0 none."""
        self.wait_for_all(receiver, agent)
        eventually(lambda: agent.metric(ACKNOWLEDGED) == LINES, 20, "all is acknowledged")
        self.assertEqual(receiver.faults, [], "not all faults were made")
        self.assertEqual(receiver.doubled(), receiver.numbers_unanswered())
        if self.in_flight == 1:
            firsts = list(dict.fromkeys(receiver.sequences()))
            self.assertEqual(firsts, sorted(firsts), "the order within a file")
        if retries == 0:
            self.assertEqual(agent.metric(RETRIES), 0)
        elif retries is not None:
            self.assertGreaterEqual(agent.metric(RETRIES), retries)
        self.assertEqual(agent.stop(), 0)

    def test_a_reset_in_the_body(self):
        receiver = self.faulty("reset_in_body", "reset_in_body", "reset_in_body", every=2)
        self.check(receiver, self.ship(receiver.url), 3)
        self.assertEqual(receiver.doubled(), [])

    def test_a_reset_after_the_body_doubles_what_the_receiver_had(self):
        receiver = self.faulty("reset_after", "reset_after", every=3)
        self.check(receiver, self.ship(receiver.url), 2)
        self.assertEqual(len(receiver.doubled()), 1_000)

    def test_a_receiver_that_never_answers(self):
        receiver = self.faulty("silent", every=3)
        self.check(receiver, self.ship(receiver.url), 1)

    def test_a_receiver_that_answers_byte_by_byte(self):
        receiver = self.faulty("drip", "drip", "drip")
        agent = self.ship(receiver.url)
        self.check(receiver, agent)
        self.assertEqual(receiver.doubled(), [])

    def test_a_receiver_that_reads_slowly(self):
        receiver = self.faulty("sip", "sip", "sip")
        agent = self.ship(receiver.url, compression="none")
        self.check(receiver, agent, 0)
        self.assertEqual(receiver.doubled(), [])

    def test_a_link_that_is_too_slow_for_a_whole_batch(self):
        receiver = self.faulty()
        link = SlowLink(receiver.port, 150_000)
        self.addCleanup(link.stop)
        # A batch is some 700 KB, and there is time for 300.
        agent = self.ship(f"http://127.0.0.1:{link.port}/ingest", compression="none", batch_records=LINES, timeout="2s")
        self.check(receiver, agent, 1)
        self.assertIn("timed out", agent.log().lower())
        self.assertEqual(receiver.doubled(), [])

    def test_429_is_heeded(self):
        receiver = self.faulty(429, every=2)
        agent = self.ship(receiver.url)
        self.check(receiver, agent, 1)
        if self.in_flight > 1:
            return
        # The request after the fault, which was the second.
        self.assertGreaterEqual(receiver.times[2] - receiver.times[1], 1)

    def test_statuses_that_pass(self):
        receiver = self.faulty(500, 502, 503, 504, 408, every=2)
        self.check(receiver, self.ship(receiver.url), 5)
        self.assertEqual(receiver.doubled(), [])

    def test_413_is_halved_until_it_fits(self):
        receiver = self.faulty(answer=lambda records: 413 if len(records) > 60 else 200)
        agent = self.ship(receiver.url)
        self.check(receiver, agent)
        self.assertEqual(agent.log().count("record rejected"), 0)
        self.assertEqual(receiver.doubled(), [])

    def at_a_size(self, cut_answer):
        receiver = Doorkeeper(100_000, cut_answer)
        self.addCleanup(receiver.stop)
        agent = self.ship(receiver.url, compression="none", batch_records=LINES)
        self.check(receiver, agent)
        self.assertGreater(receiver.refused, 0, "no batch was too large")
        self.assertEqual((agent.log().count("record rejected"), receiver.doubled()), (0, []))

    def test_413_whose_words_are_cut_off(self):
        self.at_a_size(b"HTTP/1.1 413 Too Large\r\nContent-Length: 100\r\nConnection: close\r\n\r\ntoo")

    def test_a_connection_that_is_closed_at_a_size(self):
        self.at_a_size(b"")

    def test_refused_connections(self):
        receiver = self.faulty()
        receiver.stop()
        agent = self.ship(receiver.url)
        eventually(lambda: agent.metric(RETRIES), 20, "it has tried")
        receiver.start()
        self.check(receiver, agent)

    def test_401_is_tried_seldom_and_loudly(self):
        receiver = self.faulty(*[401] * 2)
        agent = self.ship(receiver.url)
        self.check(receiver, agent)
        if self.in_flight == 1:
            self.assertGreaterEqual(receiver.times[2] - receiver.times[0], 5)
        self.assertIn("401", agent.log())

    def test_a_refused_record_is_put_aside_and_replayed(self):
        bad = {777, 778, 4_000}
        receiver = self.faulty(
            answer=lambda records: 400 if bad & {number(record) for record in records} else 200)
        agent = self.ship(receiver.url)
        self.wait_for_all(receiver, agent, LINES - len(bad))
        eventually(lambda: agent.metric(ACKNOWLEDGED) == LINES - len(bad), 20, "the rest is acknowledged")
        self.assertEqual(agent.metric('vitals_route_records_rejected_total{input="app",output="central"}'), len(bad))
        directory = agent.state / "rejected/central"
        self.assertEqual({number(line["record"]) for line in self.rejected(directory)}, bad)
        # Beside the running agent; the receiver has changed its mind about two of them.
        bad.remove(777), bad.remove(4_000)
        code, said = self.replay(agent)
        self.assertEqual((code, said), (1, "central: 2 sent, 1 refused again\n"))
        self.assertEqual([number(line["record"]) for line in self.rejected(directory)], [778])
        bad.clear()
        self.assertEqual(self.replay(agent, "--output", "central"), (0, "central: 1 sent\n"))
        self.assertEqual(list(directory.iterdir()), [])
        self.assertEqual(sorted(receiver.sequences()), list(range(LINES)))
        # What came again is what it was.
        whole = {number(record): record for record in receiver.records}
        for name in (777, 778, 4_000):
            self.assertEqual(whole[name] | {"message": "", "timestamp": ""},
                             whole[5] | {"message": "", "timestamp": ""})
        self.assertEqual(self.replay(agent, "--output", "nobody")[0], 1)

    def replay(self, agent, *words):
        ran = subprocess.run(
            [BINARY, "replay", "--config", agent.config, "--state-directory", agent.state, *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return ran.returncode, ran.stdout

    def rejected(self, directory):
        return [json.loads(line) for path in sorted(directory.iterdir()) for line in path.read_text().splitlines()]

    # TLS, names, proxies

    def certificate(self, name, authority, place="IP:127.0.0.1", days=2):
        """Key and certificate in one file."""
        self.make_certificate(name, f"subjectAltName={place}\n", authority, days)
        whole = self.directory / f"{name}.pem"
        whole.write_text(whole.read_text() + (self.directory / f"{name}.key").read_text())
        return whole

    def test_certificates_that_are_wrong_hold_the_lines_back(self):
        require_programs("openssl")
        self.make_authority("ca"), self.make_authority("stranger")
        good = self.certificate("good", "ca")
        wrong = [
            (self.certificate("name", "ca", "DNS:other.example"), "name"),
            (self.certificate("old", "ca", days=-1), "expired"),
            (self.certificate("unknown", "stranger"), "unknown"),
        ]
        receiver = self.faulty(certificate=wrong[0][0])
        agent = self.ship(receiver.url.replace("http:", "https:"), ca_file=str(self.directory / "ca.pem"))
        for certificate, what in wrong:
            receiver.certify(certificate)
            before = agent.metric(RETRIES) or 0
            eventually(lambda: (agent.metric(RETRIES) or 0) >= before + 2, 60, f"it tries with {what}")
            self.assertEqual(receiver.records, [], what)
        said = agent.log()
        for words in ("SSL", "certificate"):
            self.assertIn(words, said)
        receiver.certify(good)
        self.check(receiver, agent)

    def test_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        require_programs("openssl")
        self.make_authority("ca")
        receiver = self.faulty("reset_in_body", 503, every=3, certificate=self.certificate("good", "ca"))
        agent = self.ship(receiver.url.replace("http:", "https:"), ca_file=str(self.directory / "ca.pem"),
                          proxy=f"http://127.0.0.1:{proxy.port}")
        self.check(receiver, agent, 2)
        self.assertEqual({method for method, _ in proxy.requests}, {"CONNECT"})

    def test_a_proxy_that_fails_for_a_while(self):
        require_programs("openssl")
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        self.make_authority("ca")
        receiver = self.faulty(certificate=self.certificate("good", "ca"))
        proxy.answer = "502 Bad Gateway"
        agent = self.ship(receiver.url.replace("http:", "https:"), ca_file=str(self.directory / "ca.pem"),
                          proxy=proxy.url)
        eventually(lambda: agent.metric(RETRIES), 30, "it has tried")
        self.assertIn("502", agent.log())
        before = agent.metric(RETRIES)
        # Nobody is there at all.
        proxy.stop()
        eventually(lambda: agent.metric(RETRIES) > before, 60, "it has tried")
        self.assertEqual(receiver.records, [])
        proxy.answer = None
        proxy.start()
        self.check(receiver, agent)
        self.assertEqual(receiver.doubled(), [])

    def test_a_receiver_that_moves_to_another_address(self):
        """rsyslog/rsyslog#4298, elastic/logstash#2378: by its name, as soon as the old one is gone."""
        require_root()
        hosts, popen = self.own_hosts()
        hosts.write_text("127.0.0.1 localhost logs.invalid\n")
        one, two = self.faulty(), self.faulty()
        two.stop()
        two.address, two.port = "127.0.0.2", one.port
        agent = self.ship(f"http://logs.invalid:{one.port}/ingest", popen=popen)
        self.wait_for_all(one, agent)
        hosts.write_text("127.0.0.2 localhost logs.invalid\n")
        two.start()
        one.stop()
        with (self.directory / "app.log").open("a") as log:
            log.write(f"seq={LINES} moved\n")
        # libcurl would keep the old address for a minute.
        eventually(lambda: two.sequences() == [LINES], 20, agent.log)
        self.assertEqual(agent.stop(), 0)

    def test_a_name_that_cannot_be_resolved_for_a_while(self):
        require_root()
        hosts, popen = self.own_hosts()
        receiver = self.faulty()
        agent = self.ship(receiver.url.replace("127.0.0.1", "receiver.invalid"), popen=popen)
        eventually(lambda: agent.metric(RETRIES), 30, "it has tried")
        self.assertIn("receiver.invalid", agent.log())
        hosts.write_text("127.0.0.1 localhost receiver.invalid\n")
        self.check(receiver, agent)


class OneAtATime(Faults):
    """The same with one delivery at once: the order of the lines is kept besides."""

    in_flight = 1


ACKNOWLEDGED = 'vitals_route_records_acknowledged_total{input="app",output="central"}'
RETRIES = 'vitals_route_retries_total{input="app",output="central"}'


def number(record):
    return int(record["message"].split(" ", 1)[0].removeprefix("seq="))
