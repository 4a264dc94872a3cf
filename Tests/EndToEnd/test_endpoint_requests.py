"""What clients do to the endpoint of the built program over plain HTTP: slow, half-open, oversized, pipelined, malformed
and parallel requests. With TLS: test_endpoint_security."""

import concurrent.futures
import contextlib
import gzip
import os
import random
import re
import socket
import struct
import time
from pathlib import Path
from support import Scratch, eventually, get

HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
LOAD = b"GET /metrics?collect[]=loadavg HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

# Each is answered so, and the connection closed.
REFUSED = [
    (b"rubbish\r\n\r\n", 400),
    (b"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"z" * 100_000, 413),
    (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"A" * 100_000, 414),
    (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"y" * 100_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
]


class Requests(Scratch):
    def setUp(self):
        super().setUp()
        self.vitals = self.agent({}).start()

    def connect(self, timeout=10):
        stream = socket.create_connection(("127.0.0.1", self.vitals.port), timeout=timeout)
        self.addCleanup(stream.close)
        return stream

    def refused(self, reason):
        return self.vitals.metric(f'vitals_http_refused_total{{reason="{reason}"}}') or 0

    def expect_scrape(self, within=5):
        began = time.monotonic()
        self.assertIn("\nnode_load1 ", self.vitals.metrics())
        self.assertLess(time.monotonic() - began, within)

    @staticmethod
    def all_of(stream):
        """Everything until the agent closes, or drops the connection."""
        answer = b""
        with contextlib.suppress(ConnectionError):
            while chunk := stream.recv(1 << 16):
                answer += chunk
        return answer

    def test_what_is_malformed_or_too_large_gets_its_answer(self):
        for request, expected in REFUSED:
            with self.subTest(request=request[:80]), self.connect() as stream:
                with contextlib.suppress(ConnectionError):
                    stream.sendall(request)
                answer = self.all_of(stream)
                self.assertEqual(int(answer.split()[1]), expected)
                self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(self.refused("bad_request"), len(REFUSED))
        self.expect_scrape()

    def test_mangled_requests_harm_nobody(self):
        seed = int(os.environ.get("VITALS_SEED", random.randrange(1 << 32)))
        noise = random.Random(seed)
        good = (b"GET /metrics?collect[]=loadavg HTTP/1.1\r\nHost: x\r\n"
                b"Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\nAccept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n"
                b"Content-Length: 0\r\n\r\n")
        before = self.resident()
        for round in range(400):
            bad = bytearray(good * noise.randrange(1, 4))
            for _ in range(noise.randrange(1, 6)):
                at = noise.randrange(len(bad))
                kind = noise.randrange(4)
                if kind == 0:
                    bad[at] = noise.randrange(256)
                elif kind == 1:
                    del bad[at:at + noise.randrange(1, 40)]
                elif kind == 2:
                    bad[at:at] = noise.choice(
                        [b"\r\n", b"\0", b" ", b"\n\n", b"%", b"%zz", b",,", b";q=", b":", b"9" * 30])
                else:
                    bad[at:at] = noise.randbytes(noise.randrange(1, 100))
                if not bad:
                    break
            with self.connect() as stream:
                with contextlib.suppress(ConnectionError, BrokenPipeError):
                    stream.sendall(bad)
                    stream.shutdown(socket.SHUT_WR)
                answer = self.all_of(stream)
            if answer:
                self.assertRegex(answer[:12], rb"^HTTP/1\.1 [245]\d\d", f"seed {seed}, round {round}: {bytes(bad)}")
        self.assertIsNone(self.vitals.process.poll(), f"seed {seed}")
        self.expect_scrape()
        self.assertLess(self.resident() - before, 8 << 20, f"seed {seed}")

    def resident(self):
        return int(Path(f"/proc/{self.vitals.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_pipelined_requests_are_answered_in_their_order(self):
        with self.connect() as stream:
            # More than the agent lets wait; a scrape among them is done elsewhere, and must not be overtaken.
            stream.sendall((HEALTHY * 100 + LOAD) * 10 + LAST)
            answer = self.all_of(stream)
        bodies = re.findall(rb"\r\n\r\n(healthy|# HELP|ready)", answer)
        self.assertEqual(bodies, ([b"healthy"] * 100 + [b"# HELP"]) * 10 + [b"ready"])

    def test_slow_requests(self):
        # All at the same time, since each has ten seconds.
        bytewise, begun, silent, second = [self.connect(timeout=20) for _ in range(4)]
        began = time.monotonic()
        begun.sendall(HEALTHY[:10])
        second.sendall(HEALTHY + HEALTHY[:20])
        for byte in HEALTHY:
            bytewise.sendall(bytes([byte]))
        self.assertIn(b" 200 ", bytewise.recv(4096))
        self.expect_scrape()
        self.assertIn(b" 408 ", self.all_of(begun))
        self.assertIn(b" 408 ", self.all_of(silent))
        statuses = re.findall(rb"HTTP/1.1 (\d+)", self.all_of(second))
        self.assertEqual(statuses, [b"200", b"408"])
        self.assertGreater(time.monotonic() - began, 9)
        self.assertEqual(self.refused("slow_request"), 3)
        # One that trickles does not gain time by that.
        with self.connect(timeout=20) as trickling:
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                for byte in b"GET /" + b"a" * 4_000:
                    trickling.sendall(bytes([byte]))
                    trickling.settimeout(0.1)
                    with contextlib.suppress(TimeoutError):
                        if trickling.recv(4096):
                            break
            self.assertLess(time.monotonic() - began, 15)

    def test_half_open_connections_keep_nobody_out(self):
        # Twice as many as there may be, of which some have begun to ask.
        for number in range(80):
            stream = self.connect()
            if number % 2:
                stream.sendall(HEALTHY[:15])
        self.expect_scrape()
        self.assertGreaterEqual(self.refused("max_connections"), 40)
        # Who closes only its half has its answer; who goes away while a scrape is made for it harms nobody.
        with self.connect() as stream:
            stream.sendall(LOAD)
            stream.shutdown(socket.SHUT_WR)
            self.assertIn(b"\nnode_load1 ", self.all_of(stream))
        for _ in range(30):
            stream = self.connect()
            stream.sendall(LOAD.replace(b"?collect[]=loadavg", b""))
            # With this, closing is a reset.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        self.expect_scrape()

    def test_readers_that_do_not_read_hold_nobody_up(self):
        for _ in range(20):
            stream = socket.socket()
            self.addCleanup(stream.close)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stream.connect(("127.0.0.1", self.vitals.port))
            stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        for _ in range(3):
            self.expect_scrape()

    def test_many_scrapes_at_once(self):
        def scrape(number):
            headers = {"Accept-Encoding": "gzip"} if number % 2 else {}
            if number % 3 == 0:
                headers["Accept"] = "application/openmetrics-text; version=1.0.0"
            status, answered, body = get(self.vitals.port, "/metrics", headers, timeout=30)
            body = gzip.decompress(body) if answered.get("Content-Encoding") == "gzip" else body
            return (status, b"\nnode_load1 " in body, body.endswith(b"# EOF\n") == (number % 3 == 0),
                    len(set(body.splitlines())) == len(body.splitlines()))

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = set(pool.map(scrape, range(200)))
        self.assertEqual(answers, {(200, True, True, True)})
        eventually(lambda: get(self.vitals.port, "/-/healthy")[0] == 200, 10, "served afterwards")
