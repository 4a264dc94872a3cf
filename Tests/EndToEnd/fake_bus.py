"""A system bus with a service manager on it that does what a test wants: late, wrong, or rude answers.

Speaks as much of D-Bus as libsystemd needs: https://dbus.freedesktop.org/doc/dbus-specification.html
"""

import socket
import struct

from support import listen, stop_listening

REPLY, ERROR = 2, 3


class Writer:
    """Marshals values, little-endian, each aligned to its size."""

    def __init__(self):
        self.bytes = bytearray()

    def align(self, size):
        self.bytes += bytes(-len(self.bytes) % size)

    def put(self, kind, value):
        if kind in "so":
            text = value.encode()
            self.put("u", len(text))
            self.bytes += text + b"\0"
        elif kind == "g":
            self.bytes += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "y":
            self.bytes.append(value)
        else:
            code, size = {"u": ("<I", 4), "t": ("<Q", 8), "b": ("<I", 4)}[kind]
            self.align(size)
            self.bytes += struct.pack(code, value)

    def variant(self, kind, value):
        self.put("g", kind)
        self.put(kind, value)

    def structures(self, kinds, rows):
        """An array of structures of these kinds."""
        self.put("u", 0)
        at = len(self.bytes) - 4
        self.align(8)
        start = len(self.bytes)
        for row in rows:
            self.align(8)
            for kind, value in zip(kinds, row):
                self.put(kind, value)
        self.bytes[at:at + 4] = struct.pack("<I", len(self.bytes) - start)


def message(kind, reply_to, signature="", body=b"", error=None):
    """An answer to the call with that serial number."""
    writer = Writer()
    for byte in (ord("l"), kind, 1, 1):
        writer.put("y", byte)
    writer.put("u", len(body))
    writer.put("u", 7)
    fields = [(5, "u", reply_to), (7, "s", ":1.0")]
    if signature:
        fields.append((8, "g", signature))
    if error:
        fields.append((4, "s", error))
    writer.put("u", 0)
    start = len(writer.bytes)
    for code, type_, value in fields:
        writer.align(8)
        writer.put("y", code)
        writer.variant(type_, value)
    writer.bytes[12:16] = struct.pack("<I", len(writer.bytes) - start)
    writer.align(8)
    return bytes(writer.bytes) + body


def value(kind, content):
    """The body of an answer to a question for a property."""
    writer = Writer()
    writer.variant(kind, content)
    return "v", bytes(writer.bytes)


def units(rows):
    """The body of an answer to ListUnits: of each unit its name and its active state."""
    writer = Writer()
    writer.structures("ssssssouso", [
        (name, "A unit", "loaded", state, "sub", "", f"/org/freedesktop/systemd1/unit/u{number}", 0, "", "/")
        for number, (name, state) in enumerate(rows)])
    return "a(ssssssouso)", bytes(writer.bytes)


class Call:
    """A method call as it came."""

    def __init__(self, data):
        self.serial, length = struct.unpack_from("<II", data, 8)
        end = 16 + length
        self.fields, at = {}, 16
        while at < end:
            at += -at % 8
            code, kind = data[at], chr(data[at + 2])
            at += 4
            if kind == "g":
                size = data[at]
                text, at = data[at + 1:at + 1 + size], at + size + 2
            else:
                at += -at % 4
                size = struct.unpack_from("<I", data, at)[0]
                text, at = data[at + 4:at + 4 + size], at + 5 + size
            self.fields[code] = text.decode()
        self.path, self.member = self.fields.get(1), self.fields.get(3)
        self.arguments, at = [], end + -end % 8
        for _ in self.fields.get(8, ""):
            at += -at % 4
            size = struct.unpack_from("<I", data, at)[0]
            self.arguments.append(data[at + 4:at + 4 + size].decode())
            at += 5 + size

    @property
    def name(self):
        """`ListUnits`, or the property that is asked for."""
        return self.arguments[1] if self.member == "Get" else self.member


class FakeBus:
    """Listens at `path`. `answer(call)` gives signature and body of an answer, the name of an error, bytes to send as
    they are, None for silence, or raises ConnectionError to hang up."""

    def __init__(self, path, answer):
        self.answer = answer
        # All that there ever were.
        self.connections = []
        self.calls = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        listen(self.listener, self.serve)

    def stop(self):
        if self.listener.fileno() >= 0:
            stop_listening(self.listener)

    def serve(self, connection):
        self.connections.append(connection)
        with connection, connection.makefile("rb") as stream:
            try:
                self.greet(connection, stream)
                while head := stream.read(16):
                    body, _, fields = struct.unpack_from("<III", head, 4)
                    call = Call(head + stream.read(fields + -fields % 8 + body))
                    self.calls.append(call.name)
                    data = self.reply(call)
                    if data:
                        connection.sendall(data)
            except OSError:
                pass

    @staticmethod
    def greet(connection, stream):
        """The handshake, in which everybody is who he says."""
        while (line := stream.readline().strip(b"\0\r\n")) != b"BEGIN":
            if line.startswith(b"AUTH"):
                connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n" if len(line.split()) > 2 else b"DATA\r\n")
            elif line.startswith(b"DATA"):
                connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            elif line == b"NEGOTIATE_UNIX_FD":
                connection.sendall(b"AGREE_UNIX_FD\r\n")

    def reply(self, call):
        if call.member == "Hello":
            writer = Writer()
            writer.put("s", ":1.1")
            return message(REPLY, call.serial, "s", bytes(writer.bytes))
        answer = self.answer(call)
        if answer is None or isinstance(answer, bytes):
            return answer
        if isinstance(answer, str):
            return message(ERROR, call.serial, error=answer)
        return message(REPLY, call.serial, *answer)
