"""The scrape endpoint of the built program: formats, limits, and hosts on which something hangs."""

import gzip
import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from support import ROOT, Scratch, eventually, get, require_root


class Endpoint(Scratch):
    def test_plain_gzip_and_the_choice_of_collectors(self):
        agent = self.agent({}).start()
        status, headers, body = get(agent.port, "/metrics", {"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertIn(b"node_load1 ", gzip.decompress(body))
        one = agent.metrics("?collect[]=loadavg")
        self.assertIn("node_load1 ", one)
        self.assertNotIn("node_memory_", one)
        self.assertNotIn("node_load1 ", agent.metrics("?exclude[]=loadavg"))
        for path, expected in [
            ("/metrics?collect[]=nothing", 400), ("/metrics?collect[]=cpu&exclude[]=stat", 400), ("/nothing", 404),
            ("/", 200), ("/-/healthy", 200), ("/-/ready", 200), ("/debug/pprof/", 404),
        ]:
            self.assertEqual(get(agent.port, path)[0], expected, path)

    def raw(self, port, data, within=5):
        with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
            connection.sendall(data)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer:
                    break
            return int(answer.split()[1])

    def test_only_looking_is_allowed(self):
        agent = self.agent({}).start()
        for method, expected in [(b"GET", 200), (b"HEAD", 200), (b"POST", 405), (b"DELETE", 405), (b"X", 405)]:
            request = method + b" /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            self.assertEqual(self.raw(agent.port, request), expected, method)

    def test_of_more_connections_than_allowed_the_idle_ones_go(self):
        agent = self.agent({})
        agent.config.write_text(
            '{"endpoint": {"listen": ["127.0.0.1:%d"], "max_connections": 3}}' % agent.port)
        agent.start()
        held = [http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5) for _ in range(3)]
        for connection in held:
            self.addCleanup(connection.close)
            connection.request("GET", "/-/healthy")
            self.assertEqual(connection.getresponse().read(), b"healthy\n")
        self.assertEqual(get(agent.port, "/-/healthy")[0], 200)
        # The first was idle for longest; the others are as they were.
        self.assertEqual(held[0].sock.recv(1), b"")
        for connection in held[1:]:
            connection.auto_open = False
            connection.request("GET", "/-/healthy")
            self.assertEqual(connection.getresponse().status, 200)

    def test_unix_socket_and_ipv6(self):
        path = self.directory / "vitals.sock"
        agent = self.agent({})
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            port6 = probe.getsockname()[1]
        agent.config.write_text(
            '{"endpoint": {"listen": ["127.0.0.1:%d", "[::1]:%d", "unix:%s"]}}' % (agent.port, port6, path))
        agent.start()
        for address in [("::1", port6), str(path)]:
            family = socket.AF_INET6 if isinstance(address, tuple) else socket.AF_UNIX
            with socket.socket(family) as connection:
                connection.connect(address)
                connection.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
                self.assertIn(b" 200 ", connection.recv(4096).split(b"\r\n")[0])

    def test_a_mount_that_hangs_is_reported_and_the_rest_is_served(self):
        require_root()
        agent = self.agent({"collectors": {"timeout": "3s", "filesystem": {"mount_timeout": "1s"}}})
        mount = self.directory / "hanging"
        mount.mkdir()
        # The FUSE server, the mount and the agent live in namespaces of their own; its first process has the mounts
        # that the collector reads.
        script = ROOT / "Tests/Support/hanging_fuse.py"
        unshare = self.program(
            ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child", "--propagation", "private", sys.executable,
             str(script), str(mount), str(os.environ["VITALS_BINARY"]), "run", "--config", str(agent.config), "--state-directory",
             str(agent.state)], stderr=agent.errors.open("wb"))
        # It heeds nothing else while its child runs, which goes with it.
        self.addCleanup(unshare.kill)
        eventually(lambda: self.ready(agent.port), 15, f"ready\n{agent.log()}")
        began = time.monotonic()
        exposition = agent.metrics()
        self.assertLess(time.monotonic() - began, 3)
        broken = [line for line in exposition.splitlines()
                  if line.startswith("node_filesystem_device_error{") and f'"{mount}"' in line]
        self.assertEqual(len(broken), 1, exposition)
        self.assertTrue(broken[0].endswith(" 1"), broken[0])
        self.assertIn("timeout", broken[0])
        self.assertIn("\nnode_load1 ", exposition)
        self.assertIn('node_filesystem_size_bytes{', exposition)

    def test_kernel_files_that_block_are_left_behind_and_the_rest_is_served(self):
        """One waits for ever in open(2), as behind a driver that hangs; one is a FIFO into which nobody writes."""
        require_root()
        mount, proc = self.directory / "hanging", self.directory / "proc"
        mount.mkdir()
        proc.mkdir()
        for name in ["stat", "meminfo", "vmstat", "uptime", "1", "self", "net", "sys", "diskstats", "cpuinfo"]:
            (proc / name).symlink_to(f"/proc/{name}")
        (proc / "loadavg").symlink_to(mount / "loadavg")
        (proc / "pressure").mkdir()
        os.mkfifo(proc / "pressure/cpu")
        writer = os.open(proc / "pressure/cpu", os.O_RDWR)
        self.addCleanup(os.close, writer)
        agent = self.agent({"collectors": {"timeout": "2s"}, "host": {"proc": str(proc)}})
        unshare = self.program(
            ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child", "--propagation", "private", sys.executable,
             str(ROOT / "Tests/Support/hanging_fuse.py"), str(mount), str(os.environ["VITALS_BINARY"]), "run", "--config", str(agent.config), "--state-directory",
             str(agent.state)], stderr=agent.errors.open("wb"))
        # It heeds nothing else while its child runs, which goes with it.
        self.addCleanup(unshare.kill)
        eventually(lambda: self.ready(agent.port), 15, f"ready\n{agent.log()}")
        for _ in range(3):
            began = time.monotonic()
            exposition = agent.metrics()
            self.assertLess(time.monotonic() - began, 4)
            self.assertIn('vitals_collector_status{collector="loadavg",status="late"} 1', exposition)
            self.assertIn('node_scrape_collector_success{collector="loadavg"} 0', exposition)
            self.assertIn('vitals_collector_status{collector="pressure",status="failed"} 1', exposition)
            self.assertIn("\nnode_memory_MemTotal_bytes ", exposition)
        # Said when it began, and not each time.
        self.assertEqual(agent.log().count("collector is late"), 1, agent.log())
        # Who has less time than the settings allow has the rest in that time.
        began = time.monotonic()
        status, _, body = get(agent.port, "/metrics", {"X-Prometheus-Scrape-Timeout-Seconds": "1"})
        self.assertLess(time.monotonic() - began, 1.5)
        self.assertIn(b"\nnode_memory_MemTotal_bytes ", body)

    def ready(self, port):
        try:
            return get(port, "/-/ready")[0] == 200
        except OSError:
            return False
