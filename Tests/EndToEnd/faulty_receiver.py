"""A receiver that fails in a given way for some of its requests, and knows which answers the agent never saw.

Faults, by name; `before` the receiver has the records, or after:
  reset_in_body   the connection is reset when half of the body was read
  reset_after     it has the records, and the connection is reset instead of an answer
  silent          it has the records, and never answers
  drip            it has the records, and answers a byte at a time, for a second
  sip             it reads the body a little at a time, for a second, and answers well
  429 500 503 …   such a status, with `Retry-After: 1` for 429
"""

import socket
import ssl
import struct
import threading
import time
from support import Receiver, listen, stop_listening

# Longer than the time-out that the tests give the agent.
SILENCE_SECONDS = 30


class FaultyReceiver(Receiver):
    def __init__(self, faults=(), every=1, answer=None, certificate=None):
        """The n-th fault is made for request n times `every`; what comes after them is answered well."""
        self.faults = list(faults)
        self.every = every
        # Records that it has, and of which the agent cannot know that.
        self.unanswered = []
        self.made = []
        self.times = []
        self.context = None
        if certificate:
            self.certify(certificate)
        self.closing = threading.Event()
        super().__init__(answer)

    def certify(self, certificate):
        """For connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.context = context

    def stop(self):
        self.closing.set()
        super().stop()

    def next_fault(self):
        with self.lock:
            self.times.append(time.monotonic())
            if self.faults and len(self.times) % self.every == 0:
                self.made.append(self.faults.pop(0))
                return self.made[-1]
        return None

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection.makefile("rb") as stream:
                while stream.readline() and self.serve_one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    def serve_one(self, connection, stream):
        """False when the connection is at its end."""
        headers = {}
        while (line := stream.readline().strip()):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        fault = self.next_fault()
        if fault == "reset_in_body":
            stream.read(length // 2)
            reset(connection)
            return False
        body = sip(stream, length) if fault == "sip" else stream.read(length)
        if isinstance(fault, int):
            after = "Retry-After: 1\r\n" if fault == 429 else ""
            connection.sendall(f"HTTP/1.1 {fault} X\r\n{after}Content-Length: 5\r\n\r\nfault".encode())
            return True
        status = self.take(body, headers)
        if fault in ("reset_after", "silent") and status == 200:
            with self.lock:
                self.unanswered += self.parse(body, headers)
        if fault == "reset_after":
            reset(connection)
            return False
        if fault == "silent":
            self.closing.wait(SILENCE_SECONDS)
            return False
        answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()
        for piece in [answer[at:at + 1] for at in range(len(answer))] if fault == "drip" else [answer]:
            connection.sendall(piece)
            if fault == "drip":
                time.sleep(0.02)
        return True

    def doubled(self):
        """The numbers of lines that came more than once."""
        seen, twice = set(), []
        for number in self.sequences():
            (twice.append if number in seen else seen.add)(number)
        return sorted(twice)

    def numbers_unanswered(self):
        with self.lock:
            return sorted(
                int(record["message"].split(" ", 1)[0].removeprefix("seq=")) for record in self.unanswered)


class Doorkeeper(FaultyReceiver):
    """Looks at the size of a request alone. One that is too large gets this answer, or none, and the connection is closed: as
    some proxies do."""

    def __init__(self, limit, cut_answer):
        self.limit, self.cut_answer = limit, cut_answer
        self.refused = 0
        super().__init__()

    def serve_one(self, connection, stream):
        headers = {}
        while (line := stream.readline().strip()):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        length = int(headers["content-length"])
        if length > self.limit:
            self.refused += 1
            connection.sendall(self.cut_answer)
            return False
        status = self.take(stream.read(length), headers)
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        return True


class SlowLink:
    """Carries so many bytes a second to a receiver on this host, on each connection, and holds few of them itself."""

    def __init__(self, port, bytes_per_second):
        self.upstream, self.rate = port, bytes_per_second
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # As of a modem: the sender's kernel keeps little of what has not got through.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self.listener, self.port = listener, listener.getsockname()[1]
        listen(listener, self.carry)

    def stop(self):
        stop_listening(self.listener)

    def carry(self, connection):
        try:
            with connection, socket.create_connection(("127.0.0.1", self.upstream)) as upstream:
                threading.Thread(target=pump, args=(upstream, connection), daemon=True).start()
                # By the clock: many short sleeps take longer than they are asked to.
                due = time.monotonic()
                while piece := connection.recv(2048):
                    due = max(due, time.monotonic() - 0.05) + len(piece) / self.rate
                    time.sleep(max(0, due - time.monotonic()))
                    upstream.sendall(piece)
        except OSError:
            pass


def sip(stream, length):
    """All of it, in twenty pieces; the client's kernel is held up where the body is larger than the buffers."""
    pieces, size = [], length // 20 + 1
    for at in range(0, length, size):
        time.sleep(0.05)
        pieces.append(stream.read(min(size, length - at)))
    return b"".join(pieces)


def reset(connection):
    """Ends it with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Proxy:
    """Forwards CONNECT (RFC 9110, section 9.3.6) and other requests, and counts. `answer` is sent instead when it is
    set: a status line."""

    def __init__(self):
        self.port = 0  # chosen at the first start
        self.requests = []
        self.answer = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        listen(self.listener, self.serve)

    def stop(self):
        stop_listening(self.listener)

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        line, rest = head.split(b"\r\n", 1)
        method, target, _ = line.decode().split(" ")
        self.requests.append((method, target))
        if self.answer:
            connection.sendall(f"HTTP/1.1 {self.answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return connection.close()
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            upstream = socket.create_connection((host.strip("[]"), int(port)))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            place = target.split("/")[2]
            upstream = socket.create_connection((place.split(":")[0], int(place.split(":")[1])))
            upstream.sendall(head)
        threading.Thread(target=pump, args=(upstream, connection), daemon=True).start()
        pump(connection, upstream)


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
