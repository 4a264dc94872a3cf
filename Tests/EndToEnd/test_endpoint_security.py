"""Who may scrape the built program, and how: TLS, client certificates, users, unix sockets, sockets of systemd."""

import base64
import concurrent.futures
import contextlib
import fcntl
import grp
import http.client
import json
import os
import random
import re
import socket
import ssl
import stat
import subprocess
import sys
import time
import warnings
from certificates import Certificates
from support import (BINARY, Agent, Scratch, eventually, free_port, get, require_programs, require_root)

# Of "correct horse", with cost 5 and 10; `htpasswd -B` writes the same with $2y$.
QUICK = "$2b$05$bqU9Mgef1SQIFInucy30GutCPRBfmzuV2L9JAOQck4cbHYMNVQ5C6"
SLOW = "$2b$10$pewzyEnWhxmEtLGh.oj4W.d.Mzg9Jrmw0h8wEfYx50LxT4CgDJtLe"
PASSWORD = "correct horse"
# Of "other horse".
OTHER = "$2b$05$bqU9Mgef1SQIFInucy30GuZei30tDTupL8ZpFBjvue8YCVqe.ZW0W"
REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


def login(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self.path))


def get_at(path, page):
    with contextlib.closing(UnixConnection(path)) as connection:
        connection.request("GET", page)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


class GuardedAgent(Agent):
    """Asked at its unix socket, which is open to who may write to it."""

    def __init__(self, directory, endpoint, name="agent", with_socket=True):
        super().__init__(directory, {}, name)
        self.socket = directory / f"{name}.sock"
        listen = [f"127.0.0.1:{self.port}"] + ([f"unix:{self.socket}"] if with_socket else [])
        self.config.write_text(json.dumps({"endpoint": {"listen": listen, **endpoint}}, indent=2))

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}\n{self.log()}")
        return "msg=ready" in self.log()

    def metric(self, series):
        for line in get_at(self.socket, "/metrics?collect[]=loadavg")[2].decode().splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def refused(self, reason):
        return self.metric(f'vitals_http_refused_total{{reason="{reason}"}}')


class Guarded(Certificates, Scratch):
    """Certificates in the test's own directory, made by openssl(1): `ca`, `server`, `client`, and `other`, an authority
    that nobody trusts."""

    def setUp(self):
        super().setUp()
        require_programs("openssl", "curl")

    def path(self, name):
        return str(self.directory / name)

    def tls(self, **more):
        if not (self.directory / "ca.pem").exists():
            self.make_authority("ca")
            self.make_certificate("server", "subjectAltName=IP:127.0.0.1")
        return {"certificate": self.path("server.pem"), "key": self.path("server.key"), **more}

    def guarded(self, endpoint, **options):
        agent = GuardedAgent(self.directory, endpoint, **options)
        self.addCleanup(agent.end)
        return agent

    def context(self, certificate=None, version=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        if version:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # What is old is forbidden by the level of security too, and it is the agent that is to refuse it.
                context.set_ciphers("DEFAULT:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
        return context

    def connect(self, port, context, timeout=10):
        return context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), timeout=timeout), server_hostname="127.0.0.1")

    def get(self, port, page="/metrics", headers=None, context=None):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context or self.context())
        with contextlib.closing(connection):
            connection.request("GET", page, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def is_refused(self, port, context):
        """In TLS 1.3 a client has finished before it hears that its certificate is not taken."""
        try:
            with self.connect(port, context) as stream:
                stream.sendall(REQUEST)
                return stream.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            return True


class TLS(Guarded):
    def test_scrapes_by_curl_and_by_python(self):
        agent = self.guarded({"tls": self.tls()}).start()
        ran = subprocess.run(
            ["curl", "-sf", "--compressed", "--cacert", self.path("ca.pem"), f"https://127.0.0.1:{agent.port}/metrics"],
            capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("\nnode_load1 ", ran.stdout)
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", agent.port, timeout=10, context=self.context(version=version))
            with contextlib.closing(connection):
                for _ in range(3):
                    connection.request("GET", "/metrics")
                    body = connection.getresponse().read()
                    self.assertIn(b"\nnode_load1 ", body)
                    self.assertGreater(len(body), 20_000, "more than one record of TLS")
                self.assertEqual(connection.sock.version(), version.name.replace("_", "."))
        end = agent.metric("vitals_tls_certificate_not_after_timestamp_seconds")
        self.assertAlmostEqual(end, time.time() + 2 * 86_400, delta=600)
        self.assertEqual(agent.refused("tls"), 0)
        self.assertEqual(agent.stop(), 0)

    def test_old_versions_are_refused(self):
        agent = self.guarded({"tls": self.tls()}).start()
        self.assertTrue(self.is_refused(agent.port, self.context(version=ssl.TLSVersion.TLSv1_1)))
        self.assertEqual(agent.refused("tls"), 1)
        self.assertIn("unsupported protocol", agent.log())
        strict = self.guarded({"tls": self.tls(min_version="1.3")}, name="strict").start()
        self.assertTrue(self.is_refused(strict.port, self.context(version=ssl.TLSVersion.TLSv1_2)))
        self.assertEqual(self.get(strict.port, "/-/healthy")[0], 200)

    def test_plain_http_is_refused_clearly(self):
        agent = self.guarded({"tls": self.tls()}).start()
        status, headers, body = get(agent.port, "/metrics")
        self.assertEqual((status, headers["Connection"]), (400, "close"))
        self.assertEqual(body, b"this address speaks TLS: use https://\n")
        self.assertEqual(agent.refused("tls"), 1)
        # The unix socket has no TLS.
        self.assertEqual(get_at(agent.socket, "/-/healthy")[0], 200)

    def test_tls_is_refused_at_once_where_http_is_spoken(self):
        """An address says https where it should say http: its client waits for an answer, and sends no line end."""
        agent = self.agent({}).start()
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as connection:
            with self.assertRaisesRegex(ssl.SSLError, "WRONG_VERSION_NUMBER|wrong version number"):
                ssl._create_unverified_context().wrap_socket(connection)
        self.assertLess(time.monotonic() - began, 3)

    def test_client_certificates(self):
        settings = self.tls(client_ca=self.path("ca.pem"))
        self.make_certificate("client", "subjectAltName=DNS:prometheus.example,URI:spiffe://example/prometheus")
        self.make_authority("other")
        self.make_certificate("stranger", "subjectAltName=DNS:prometheus.example", authority="other")
        self.make_certificate("colleague", "subjectAltName=DNS:grafana.example")
        agent = self.guarded({"tls": settings}).start()
        self.assertTrue(self.is_refused(agent.port, self.context()))
        self.assertTrue(self.is_refused(agent.port, self.context("stranger")))
        for _ in range(2):
            self.assertEqual(self.get(agent.port, context=self.context("client"))[0], 200)
        self.assertEqual(agent.refused("tls"), 2)
        self.assertIn("peer did not return a certificate", agent.log())

        lenient = self.guarded({"tls": {**settings, "client_auth": "verify_if_given"}}, name="lenient").start()
        self.assertEqual(self.get(lenient.port)[0], 200)
        self.assertTrue(self.is_refused(lenient.port, self.context("stranger")))

        for names, name in [(["prometheus.example"], "dns"), (["spiffe://example/prometheus"], "uri")]:
            picky = self.guarded({"tls": {**settings, "client_names": names}}, name=name).start()
            self.assertEqual(self.get(picky.port, context=self.context("client"))[0], 200)
            self.assertTrue(self.is_refused(picky.port, self.context("colleague")))
            self.assertIn("grafana.example", picky.log())

    def test_sessions_are_resumed_also_with_client_certificates(self):
        settings = self.tls(client_ca=self.path("ca.pem"))
        self.make_certificate("client", "extendedKeyUsage=clientAuth")
        agent = self.guarded({"tls": settings}).start()
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            context = self.context("client", version)
            with self.connect(agent.port, context) as first:
                first.sendall(REQUEST)
                self.assertIn(b" 200 ", first.recv(4096))
                session = first.session
            raw = socket.create_connection(("127.0.0.1", agent.port), timeout=10)
            with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as second:
                self.assertTrue(second.session_reused)
                second.sendall(REQUEST)
                self.assertIn(b" 200 ", second.recv(4096))

    def serial(self, port):
        with self.connect(port, self.context()) as stream:
            return stream.getpeercert()["serialNumber"]

    def replace(self, name, by):
        os.rename(self.directory / by, self.directory / name)

    def test_a_new_certificate_is_served_without_a_restart(self):
        agent = self.guarded({"tls": self.tls()}).start()
        before = self.serial(agent.port)
        kept = http.client.HTTPSConnection("127.0.0.1", agent.port, timeout=10, context=self.context())
        self.addCleanup(kept.close)
        kept.request("GET", "/-/healthy")
        self.assertEqual(kept.getresponse().read(), b"healthy\n")

        # Half of a renewal, and rubbish: the old one stays.
        self.make_certificate("new", "subjectAltName=IP:127.0.0.1")
        self.replace("server.pem", by="new.pem")
        eventually(lambda: self.serial(agent.port) == before and "does not belong" in agent.log(), 10, "told")
        (self.directory / "server.pem").write_text("rubbish")
        eventually(lambda: self.serial(agent.port) == before and "nothing of it in PEM" in agent.log(), 10, "told")

        self.make_certificate("new", "subjectAltName=IP:127.0.0.1", days=3)
        self.replace("server.pem", by="new.pem")
        self.replace("server.key", by="new.key")
        eventually(lambda: self.serial(agent.port) != before, 10, "the new certificate")
        end = agent.metric("vitals_tls_certificate_not_after_timestamp_seconds")
        self.assertAlmostEqual(end, time.time() + 3 * 86_400, delta=600)
        # The connection of before goes on.
        kept.request("GET", "/-/healthy")
        self.assertEqual(kept.getresponse().read(), b"healthy\n")
        self.assertIn("was read again", agent.log())

    def test_requests_that_are_wrong_get_their_answers(self):
        agent = self.guarded({"tls": self.tls()}).start()
        for request, expected in [
            (b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            (b"rubbish\r\n\r\n", 400),
            (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            (b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + b"y" * 100_000 + b"\r\n\r\n", 431),
            (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"z" * 100_000, 413),
        ]:
            with self.connect(agent.port, self.context()) as stream:
                with contextlib.suppress(ConnectionError):
                    stream.sendall(request)
                self.assertEqual(int(stream.recv(4096).split()[1]), expected, request[:40])

    def test_pipelined_and_slowly_sent_requests(self):
        agent = self.guarded({"tls": self.tls()}).start()
        last = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with self.connect(agent.port, self.context()) as stream:
            # More than the server lets wait, in records of 16 KiB.
            stream.sendall(REQUEST * 2_000 + last)
            answer = b""
            while chunk := stream.recv(65536):
                answer += chunk
        self.assertEqual(answer.count(b"\r\n\r\nhealthy\n"), 2_000)
        self.assertTrue(answer.endswith(b"ready\n"))
        with self.connect(agent.port, self.context()) as stream:
            for byte in REQUEST:
                stream.sendall(bytes([byte]))
            self.assertIn(b" 200 ", stream.recv(4096))
        # One that says no more, once after the handshake and once in it.
        slow = self.connect(agent.port, self.context(), timeout=20)
        silent = socket.create_connection(("127.0.0.1", agent.port), timeout=20)
        slow.sendall(REQUEST[:10])
        silent.sendall(b"\x16\x03\x01")
        with slow, silent:
            self.assertIn(b" 408 ", slow.recv(4096))
            self.assertEqual(silent.recv(4096), b"")
        self.assertEqual(agent.refused("slow_request"), 2)

    def test_rubbish_in_tls_harms_nobody_else(self):
        agent = self.guarded({"tls": self.tls()}).start()
        seed = int(os.environ.get("VITALS_SEED", random.randrange(1 << 32)))
        rubbish = random.Random(seed)
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", agent.port), timeout=10) as stream:
                # The agent may have closed before all of it was sent.
                with contextlib.suppress(OSError):
                    stream.sendall(b"\x16" + rubbish.randbytes(rubbish.randrange(3_000)))
                    stream.shutdown(socket.SHUT_WR)
                    while stream.recv(4096):
                        pass
        # Rubbish within a session: a record that cannot be decrypted ends its connection.
        with self.connect(agent.port, self.context()) as stream:
            stream.sendall(REQUEST)
            self.assertIn(b" 200 ", stream.recv(4096))
            os.write(stream.fileno(), b"\x17\x03\x03\x00\x40" + rubbish.randbytes(64))
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                self.assertEqual(stream.recv(4096), b"")
        self.assertEqual(self.get(agent.port)[0], 200, f"seed {seed}")
        self.assertEqual(agent.refused("tls"), 100)
        # Not a line for each.
        self.assertLess(agent.log().count("TLS handshake"), 10)

    def test_half_open_handshakes_do_not_block_a_scrape(self):
        agent = self.guarded({"tls": self.tls()}).start()
        held = []
        for number in range(80):
            stream = socket.create_connection(("127.0.0.1", agent.port), timeout=10)
            self.addCleanup(stream.close)
            held.append(stream)
            if number % 2:
                stream.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        began = time.monotonic()
        self.assertEqual(self.get(agent.port)[0], 200)
        self.assertLess(time.monotonic() - began, 5)
        self.assertGreaterEqual(agent.refused("max_connections"), 40)

    def test_many_scrapes_at_once(self):
        agent = self.guarded({"tls": self.tls(), "users": {"prometheus": SLOW}}).start()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(
                lambda _: self.get(agent.port, "/metrics?collect[]=loadavg", login("prometheus", PASSWORD)),
                range(200)))
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertTrue(all(b"\nnode_load1 " in body for _, _, body in answers))


class Users(Guarded):
    def test_who_may_ask(self):
        agent = self.guarded({"users": {"prometheus": QUICK, "you": QUICK.replace("$2b$", "$2y$")}}).start()
        for page in ["/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/status", "/nothing"]:
            status, headers, _ = get(agent.port, page)
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, 'Basic realm="vitals"'), page)
        for name in ["prometheus", "you"]:
            for _ in range(3):
                self.assertEqual(get(agent.port, "/metrics", login(name, PASSWORD))[0], 200)
        for headers in [login("prometheus", "no horse"), login("nobody", PASSWORD), login("prometheus", PASSWORD + "\0"),
                        {"Authorization": "Basic !"}, {"Authorization": "Bearer x"}, login("", "")]:
            self.assertEqual(get(agent.port, "/metrics", headers)[0], 401, headers)
        ran = subprocess.run(
            ["curl", "-sf", "-u", f"prometheus:{PASSWORD}", f"http://127.0.0.1:{agent.port}/-/healthy"],
            capture_output=True, text=True)
        self.assertEqual(ran.stdout, "healthy\n")
        # The unix socket asks nobody.
        self.assertEqual(get_at(agent.socket, "/metrics")[0], 200)
        self.assertEqual(agent.refused("unauthorized"), 12)
        for secret in [PASSWORD, "horse", QUICK, "nobody"]:
            self.assertNotIn(secret, agent.log())

    def test_a_hash_in_a_file_is_read_again(self):
        path = self.directory / "hash"
        path.write_text(QUICK + "\n")
        agent = self.guarded({"users": {"prometheus": "${file:%s}" % path, "you": QUICK}}).start()

        def status(name, password):
            return get(agent.port, "/-/healthy", login(name, password))[0]

        self.assertEqual(status("prometheus", PASSWORD), 200)
        self.assertEqual(status("prometheus", "other horse"), 401)
        # As a secret is replaced: written beside, and renamed.
        beside = self.directory / "beside"
        beside.write_text(OTHER + "\n")
        beside.rename(path)
        eventually(lambda: status("prometheus", "other horse") == 200, 10, "the new password counts")
        self.assertEqual(status("prometheus", PASSWORD), 401)
        self.assertEqual(status("you", PASSWORD), 200)
        self.assertIn("passwords of the endpoint were read again", agent.log())
        # Half written, gone, or what is no file: what was known counts on, and nobody waits for it.
        for change, message in [
                (lambda: path.write_text("$2b$05$half"), "holds no bcrypt hash"), (path.unlink, "No such file"),
                (lambda: os.mkfifo(path), "is a pipe, and no file")]:
            change()

            def is_said():
                began = time.monotonic()
                self.assertEqual((status("prometheus", "other horse"), status("you", PASSWORD)), (200, 200), message)
                self.assertLess(time.monotonic() - began, 5)
                return message in agent.log()

            eventually(is_said, 20, agent.log)
        self.assertEqual(agent.stop(), 0)

    def test_wrong_passwords_are_limited_and_the_right_one_still_passes(self):
        agent = self.guarded({"users": {"prometheus": SLOW}}).start()
        self.assertEqual(get(agent.port, "/-/healthy", login("prometheus", PASSWORD))[0], 200)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(
                lambda number: get(agent.port, "/-/healthy", login("prometheus", f"guess {number}")), range(60)))
        statuses = [status for status, _, _ in answers]
        self.assertEqual(set(statuses), {401, 429})
        self.assertLess(statuses.count(401), 12)
        limited = next(headers for status, headers, _ in answers if status == 429)
        self.assertGreaterEqual(int(limited["Retry-After"]), 1)
        self.assertGreater(agent.refused("too_many_tries"), 40)
        began = time.monotonic()
        self.assertEqual(get(agent.port, "/-/healthy", login("prometheus", PASSWORD))[0], 200)
        self.assertLess(time.monotonic() - began, 2)

    def test_the_scrape_does_not_wait_for_passwords(self):
        """bcrypt runs beside the server: who is in is served while others are checked."""
        agent = self.guarded({"users": {"prometheus": SLOW.replace("$10$", "$13$")}}).start()
        streams = [socket.create_connection(("127.0.0.1", agent.port), timeout=10) for _ in range(4)]
        for number, stream in enumerate(streams):
            self.addCleanup(stream.close)
            lines = "\r\n".join(f"{name}: {value}" for name, value in login("prometheus", f"guess {number}").items())
            stream.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n".encode())
        self.assertEqual(get_at(agent.socket, "/-/healthy")[0], 200)
        # The last of them waits for those before it, so nothing can have come.
        streams[-1].setblocking(False)
        self.assertRaises(BlockingIOError, streams[-1].recv, 1)

    def test_prometheus_scrapes_with_tls_and_a_password(self):
        require_programs("prometheus")
        settings = self.tls(client_ca=self.path("ca.pem"))
        self.make_certificate("client", "extendedKeyUsage=clientAuth")
        agent = self.guarded({"tls": settings, "users": {"prometheus": SLOW}}).start()
        port = free_port()
        config = self.directory / "prometheus.yml"
        config.write_text(
            "global: { scrape_interval: 1s }\n"
            "scrape_configs:\n"
            "  - job_name: vitals\n"
            "    scheme: https\n"
            f"    tls_config: {{ ca_file: {self.path('ca.pem')}, cert_file: {self.path('client.pem')},"
            f" key_file: {self.path('client.key')} }}\n"
            f"    basic_auth: {{ username: prometheus, password: '{PASSWORD}' }}\n"
            f"    static_configs: [ {{ targets: ['127.0.0.1:{agent.port}'] }} ]\n")
        with (self.directory / "prometheus.log").open("wb") as log:
            self.program(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

        def targets():
            try:
                status, _, body = get(port, "/api/v1/targets")
            except OSError:
                return []
            return json.loads(body)["data"]["activeTargets"] if status == 200 else []

        eventually(lambda: any(target["health"] == "up" for target in targets()), 30, "the target is up")
        eventually(lambda: (agent.metric("vitals_http_requests_total") or 0) > 4, 30, "more scrapes")
        self.assertEqual([target["lastError"] for target in targets()], [""])
        self.assertEqual((agent.refused("tls"), agent.refused("unauthorized")), (0, 0))


class Sockets(Guarded):
    def test_mode_and_group_of_a_unix_socket(self):
        require_root()
        agent = self.guarded({"socket_mode": "0620", "socket_group": "daemon"}).start()
        status = os.stat(agent.socket)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o620)
        self.assertEqual(grp.getgrgid(status.st_gid).gr_name, "daemon")
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(agent.socket.exists())
        unknown = self.guarded({"socket_group": "no-such-group"}, name="unknown")
        ran = subprocess.run([BINARY, "run", "--config", unknown.config], capture_output=True, text=True, timeout=20)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('there is no group "no-such-group"', ran.stderr)

    # Starts the agent as systemd does: sockets from 3 on, and variables that name its process.
    START = ("import os, sys\n"
             "count = int(sys.argv[1])\n"
             "for index in range(count): os.dup2(20 + index, 3 + index)\n"
             "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[2])\n"
             "os.execv(sys.argv[3], sys.argv[3:])\n")

    def started_with(self, agent, listeners, names):
        kept = [fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 20) for listener in listeners]
        self.assertEqual(kept, list(range(20, 20 + len(kept))))
        with agent.errors.open("ab") as errors:
            agent.process = subprocess.Popen(
                [sys.executable, "-c", self.START, str(len(listeners)), names, str(BINARY), "run", "--config",
                 str(agent.config)], pass_fds=kept, stdout=subprocess.DEVNULL, stderr=errors)
        for descriptor in kept:
            os.close(descriptor)

    def test_sockets_that_were_passed(self):
        path = self.directory / "passed.sock"
        agent = self.guarded({"listen": ["systemd:metrics", "systemd:local"], "tls": self.tls()})
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(path))
            unix.listen()
            port = tcp.getsockname()[1]
            # A client that comes before the agent waits for it.
            early = socket.create_connection(("127.0.0.1", port), timeout=20)
            self.addCleanup(early.close)
            for _ in range(2):
                self.started_with(agent, [tcp, unix], "metrics:local")
                with self.context().wrap_socket(early, server_hostname="127.0.0.1") as stream:
                    stream.sendall(REQUEST)
                    self.assertIn(b" 200 ", stream.recv(4096), agent.log())
                # TLS goes for the one with an address, as for those that the agent opens.
                self.assertEqual(get_at(path, "/-/healthy")[0], 200)
                self.assertEqual(agent.stop(), 0)
                self.assertTrue(path.exists(), "the path is systemd's")
                early = socket.create_connection(("127.0.0.1", port), timeout=20)

    def test_a_path_that_was_passed_is_removed(self):
        """Only systemd can make it again: that is said."""
        path = self.directory / "passed.sock"
        agent = self.guarded({"listen": ["systemd", f"127.0.0.1:{free_port()}"]})
        port = int(json.loads(agent.config.read_text())["endpoint"]["listen"][1].rpartition(":")[2])
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(path))
            unix.listen()
            self.started_with(agent, [unix], "local")
            eventually(lambda: "msg=ready" in agent.log(), 20, agent.log)
            self.assertEqual(get_at(path, "/-/healthy")[0], 200)
            away = path.with_suffix(".away")
            path.rename(away)

            def problems():
                return "".join(json.loads(get(port, "/api/v1/status")[2])["problems"])

            eventually(lambda: "systemctl restart vitals.socket" in problems(), 20, agent.log)
            self.assertIn(f"nobody can connect to unix:{path}", agent.log())
            away.rename(path)
            eventually(lambda: problems() == "", 20, agent.log)
            self.assertEqual(get_at(path, "/-/healthy")[0], 200)

    def test_systemd_socket_activate(self):
        require_programs("systemd-socket-activate")
        agent = self.guarded({"listen": ["systemd"]})
        with agent.errors.open("ab") as errors:
            agent.process = subprocess.Popen(
                ["systemd-socket-activate", "-l", f"127.0.0.1:{agent.port}", str(BINARY), "run", "--config",
                 str(agent.config)], stdout=subprocess.DEVNULL, stderr=errors)

        def answered():
            try:
                return get(agent.port, "/metrics?collect[]=loadavg")[2]
            except OSError:
                return None

        self.assertIn(b"\nnode_load1 ", eventually(answered, 15, f"an answer\n{agent.log()}"))

    def test_sockets_that_are_missing_or_wrong(self):
        agent = self.guarded({"listen": ["systemd"]})
        ran = subprocess.run([BINARY, "run", "--config", agent.config], capture_output=True, text=True, timeout=20)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("systemd passed no such socket", ran.stderr)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            self.started_with(agent, [datagrams], "metrics")
            self.assertEqual(agent.process.wait(20), 1)
        self.assertIn("it does not listen", agent.log())


class Commands(Guarded):
    def run_command(self, agent, name, *more, **environment):
        return subprocess.run(
            [BINARY, name, "--config", agent.config, *more], capture_output=True, text=True, timeout=30,
            env={**os.environ, **environment})

    def test_status_asks_at_the_unix_socket_or_says_so(self):
        for name, endpoint, word in [
                ("tls", {"tls": self.tls()}, "wants TLS"), ("users", {"users": {"a": QUICK}}, "wants a user")]:
            agent = self.guarded(endpoint, name=name).start()
            ran = self.run_command(agent, "status")
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertIn("vitals ", ran.stdout)
            alone = self.run_command(agent, "status", "--listen", f"127.0.0.1:{agent.port}")
            self.assertEqual(alone.returncode, 1)
            self.assertIn(word, alone.stderr)
            self.assertIn("unix:/run/vitals/vitals.sock", alone.stderr)
            # What is in use, is by this agent: that is no problem.
            ran = self.run_command(agent, "check")
            self.assertEqual(ran.returncode, 0, ran.stdout)
            self.assertEqual(ran.stdout.count("is in use by an agent that runs"), 2, ran.stdout)

    def test_check_reads_the_certificate(self):
        agent = self.guarded({"tls": self.tls()})
        ran = self.run_command(agent, "check")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("expires soon", ran.stdout)
        self.make_certificate("other", "subjectAltName=IP:127.0.0.1")
        for tls, words in [
            ({"key": self.path("other.key")}, "does not belong to the certificate"),
            ({"key": self.path("ca.pem")}, "PROBLEM endpoint.tls: the key"),
            ({"certificate": self.path("missing.pem")}, "missing.pem: No such file or directory"),
            ({"certificate": self.path("server.key")}, "nothing of it in PEM"),
            ({"ciphers": "NONSENSE"}, "no cipher match"),
            ({"client_ca": self.path("server.key")}, "the authorities for clients"),
        ]:
            wrong = self.guarded({"tls": self.tls(**tls)}, name="wrong")
            ran = self.run_command(wrong, "check")
            self.assertEqual(ran.returncode, 1, ran.stdout)
            self.assertIn(words, ran.stdout)
            # The start says the same.
            self.assertIn(words.removeprefix("PROBLEM "), self.run_command(wrong, "run").stderr)
        self.openssl("pkey -aes128 -passout pass:x -in server.key -out locked.key")
        locked = self.guarded({"tls": self.tls(key=self.path("locked.key"))}, name="locked")
        self.assertIn("it has a passphrase", self.run_command(locked, "check").stdout)
        self.make_certificate("past", "subjectAltName=IP:127.0.0.1", days=-1)
        past = self.guarded({"tls": self.tls(certificate=self.path("past.pem"), key=self.path("past.key"))}, name="past")
        ran = self.run_command(past, "check")
        self.assertEqual(ran.returncode, 1, ran.stdout)
        self.assertRegex(ran.stdout, r"PROBLEM endpoint.tls: .* (has expired at|is not valid before) 20")
        # It is served all the same: the metrics may be what tells somebody.
        self.assertIn("clients will refuse it", past.start().log())

    def test_libraries_are_opened_only_when_asked_for(self):
        plain = self.guarded({}, name="plain").start()
        guarded = self.guarded({"tls": self.tls(), "users": {"a": QUICK}}, name="guarded").start()
        for agent, expected in [(plain, set()), (guarded, {"libssl", "libcrypto", "libcrypt"})]:
            maps = open(f"/proc/{agent.process.pid}/maps").read()
            self.assertEqual(set(re.findall(r"/(libssl|libcrypto|libcrypt)\.so", maps)), expected)
        # Found first, and no library.
        hidden = self.directory / "lib"
        hidden.mkdir()
        (hidden / "libssl.so.3").write_text("")
        ran = self.run_command(guarded, "check", LD_LIBRARY_PATH=str(hidden))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("install the package libssl3", ran.stdout)
        for name in ["libcrypt.so.1", "libcrypt.so.2"]:
            (hidden / name).write_text("")
        (hidden / "libssl.so.3").unlink()
        ran = self.run_command(guarded, "check", LD_LIBRARY_PATH=str(hidden))
        self.assertIn("install the package libcrypt1", ran.stdout)
