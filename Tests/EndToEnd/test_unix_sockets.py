"""The file of a unix socket, which others remove and replace while the agent listens there, and which address `vitals
status` asks."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
from support import BINARY, Scratch, eventually, free_port, get, listen, stop_listening
from test_endpoint_security import get_at


class AtPath(http.client.HTTPConnection):
    """A connection that is kept, to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(path))
        self.auto_open = False

    def ask(self, page="/-/healthy"):
        self.request("GET", page)
        answer = self.getresponse()
        return answer.status, answer.read()


class Sockets(Scratch):
    def setUp(self):
        super().setUp()
        (self.directory / "run").mkdir()
        self.path = self.directory / "run" / "v.sock"
        self.agent_at = self.agent({})
        self.agent_at.config.write_text(json.dumps(
            {"endpoint": {"listen": [f"127.0.0.1:{self.agent_at.port}", f"unix:{self.path}"]}}))

    def answers(self):
        try:
            return get_at(self.path, "/-/healthy")[0] == 200
        except OSError:
            return False

    def problems(self):
        return json.loads(get(self.agent_at.port, "/api/v1/status")[2])["problems"]

    def has_problem(self, words):
        return any(words in problem for problem in self.problems())


class Removed(Sockets):
    def test_it_comes_back_and_who_is_connected_stays(self):
        agent = self.agent_at.start()
        kept = AtPath(self.path)
        self.addCleanup(kept.close)
        self.assertEqual(kept.ask(), (200, b"healthy\n"))
        for round in range(2):
            self.path.unlink()
            eventually(self.answers, 20, agent.log)
            # Connected by the file that is gone.
            self.assertEqual(kept.ask(), (200, b"healthy\n"))
            ran = subprocess.run(
                [BINARY, "status", "--listen", f"unix:{self.path}"], capture_output=True, text=True, timeout=20)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), agent.log())
            self.assertEqual(agent.log().count("was removed, and nobody can connect there"), round + 1)
        self.assertEqual(self.problems(), [])
        self.assertEqual(oct(self.path.stat().st_mode & 0o777), "0o660")
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(self.path.exists())

    def test_its_directory_may_be_gone_for_a_while(self):
        agent = self.agent_at.start()
        away = self.directory / "away"
        self.path.parent.rename(away)
        eventually(lambda: self.has_problem(f"the directory {self.path.parent} is not there; trying again"), 20, agent.log)
        self.assertEqual(agent.metric(f'vitals_http_listening{{address="unix:{self.path}"}}'), 0)
        self.assertFalse((away / "v.sock").exists() and self.connects(away / "v.sock"))
        self.path.parent.write_text("a file")
        eventually(lambda: self.has_problem(f"{self.path.parent} is no directory"), 40, agent.log)
        self.path.parent.unlink()
        away.rename(self.path.parent)
        eventually(self.answers, 40, agent.log)
        eventually(lambda: self.problems() == [], 20, agent.log)
        self.assertEqual(agent.stop(), 0)

    @staticmethod
    def connects(path):
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except OSError:
                return False
            return True

    def test_what_others_put_there_is_theirs(self):
        agent = self.agent_at.start()
        self.path.unlink()
        self.path.write_text("not a socket")
        eventually(lambda: self.has_problem("a file that is no socket is there"), 20, agent.log)
        self.assertIn("was replaced, and nobody can connect there", agent.log())
        self.path.unlink()
        eventually(self.answers, 40, agent.log)
        # Another program listens there; then it is gone, and has left its file behind.
        beside = self.path.with_suffix(".new")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(beside))
            other.listen()
            beside.rename(self.path)
            eventually(lambda: self.has_problem(f"unix:{self.path} is in use"), 20, agent.log)
        eventually(self.answers, 40, agent.log)
        eventually(lambda: self.problems() == [], 20, agent.log)
        # At the stop the file of another is not removed.
        os.replace(self.foreign(), self.path)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.path.read_text(), "theirs")

    def foreign(self):
        path = self.directory / "foreign"
        path.write_text("theirs")
        return path


class Asking(Sockets):
    """`vitals status` asks one address after the other."""

    def status(self, *more):
        return subprocess.run(
            [BINARY, "status", "--config", self.agent_at.config, *more], capture_output=True, text=True, timeout=30)

    def test_the_next_address_is_asked(self):
        agent = self.agent_at.start()
        mute = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stop_listening, mute)

        def say_nothing(connection):
            with connection:
                connection.recv(65536)

        listen(mute, say_nothing)
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stop_listening, other)

        def answer(connection):
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        listen(other, answer)
        places = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{mute.getsockname()[1]}", f"127.0.0.1:{other.getsockname()[1]}"]
        wrong = [word for place in [*places, f"unix:{self.directory}/none.sock"] for word in ("--listen", place)]
        ran = self.status(*wrong, "--listen", f"127.0.0.1:{agent.port}")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("vitals ", ran.stdout)
        tried = [f"{places[0]}: Connection refused", f"{places[1]}: it closed the connection, and said nothing",
                 f"{places[2]}: what answers there is no vitals agent, it said 404", "none.sock: No such file or directory"]
        for words in tried:
            self.assertIn(words, ran.stderr)
        ran = self.status(*wrong)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertEqual(len(ran.stderr.splitlines()), 1, ran.stderr)
        self.assertIn("no agent answers: ", ran.stderr)
        for words in [*tried, "systemctl status vitals", "--listen ADDRESS"]:
            self.assertIn(words, ran.stderr)

    def test_of_the_settings_too(self):
        agent = self.agent_at.start()
        self.path.unlink()
        ran = self.status()
        self.assertIn(f"process {agent.process.pid}", ran.stdout)
        self.assertIn(f"another address was asked: unix:{self.path}: No such file or directory", ran.stderr)
        agent.stop()
        ran = self.status()
        self.assertEqual(ran.returncode, 1)
        self.assertIn(f"127.0.0.1:{agent.port}: Connection refused", ran.stderr)

    def test_one_that_hangs_holds_the_others_up_for_seconds(self):
        agent = self.agent_at.start()
        with socket.create_server(("127.0.0.1", 0), backlog=20) as silent:
            place = f"127.0.0.1:{silent.getsockname()[1]}"
            ran = self.status("--listen", place, "--listen", f"127.0.0.1:{agent.port}")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn(f"{place}: Connection timed out", ran.stderr)
