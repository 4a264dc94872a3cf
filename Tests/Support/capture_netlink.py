"""Writes what this kernel answers by netlink in the namespace of netlink_world.sh to Tests/Fixtures/netlink:

    unshare --net --mount python3 Tests/Support/capture_netlink.py <name>

All datagrams of an answer are in one file, their messages one after another; the number of the request is 7.
"""

import socket
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEQUENCE = 7
ROUTE, SOCK_DIAG, GENERIC = 0, 4, 16
DUMP, QUESTION = 0x301, 0x5


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def ask(protocol, kind, body, flags=DUMP):
    answer = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(2)
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags, SEQUENCE, 0) + body)
        while True:
            datagram = sock.recv(65536)
            answer += datagram + bytes(-len(datagram) % 4)
            offset = 0
            while offset < len(datagram):
                length, kind = struct.unpack_from("=IH", datagram, offset)
                if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    return answer
                offset += (length + 3) & ~3


def sockets():
    """TCP sockets in several states, kept by who holds the list."""
    four = socket.create_server(("127.0.0.1", 0))
    six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    kept = [four, six]

    def pair(server):
        client = socket.create_connection(server.getsockname()[:2])
        peer = server.accept()[0]
        kept.extend([client, peer])
        return client, peer

    pair(four)[0].sendall(b"x" * 1000)
    pair(six)
    pair(four)[0].close()  # FIN_WAIT2 and CLOSE_WAIT
    client, peer = pair(four)
    client.close()  # TIME_WAIT
    peer.close()
    knocking = socket.socket()
    knocking.setblocking(False)
    knocking.connect_ex(("10.9.0.2", 80))  # SYN_SENT: nobody is there
    kept.append(knocking)
    kept.append(socket.create_connection(four.getsockname()))  # waits to be accepted
    return kept


def main(name):
    subprocess.run(["sh", str(HERE / "netlink_world.sh")], check=True)
    kept = sockets()
    family = ask(GENERIC, 16, struct.pack("=BBH", 3, 2, 0) + attribute(2, b"ethtool\0"), QUESTION)
    number = struct.unpack_from("=H", family, family.index(struct.pack("=HH", 6, 1)) + 4)[0]
    missing = ask(GENERIC, 16, struct.pack("=BBH", 3, 2, 0) + attribute(2, b"no-such-family\0"), QUESTION)

    def diagnosis(address_family):
        return ask(SOCK_DIAG, 20, struct.pack("=BBBBI48x", address_family, socket.IPPROTO_TCP, 0, 0, 0xFFF))

    answers = {
        "interfaces": ask(ROUTE, 18, bytes(16) + attribute(29, struct.pack("=I", 8))),
        "neighbours": ask(ROUTE, 30, bytes([socket.AF_INET]) + bytes(11)),
        "routes": ask(ROUTE, 26, bytes(12)),
        "qdiscs": ask(ROUTE, 38, bytes(20)),
        "tcp": diagnosis(socket.AF_INET),
        "tcp6": diagnosis(socket.AF_INET6),
        "ethtool-family": family,
        "no-family": missing,
        "linkmodes": ask(
            GENERIC, number,
            struct.pack("=BBH", 4, 1, 0) + attribute(0x8001, attribute(3, struct.pack("=I", 1)))),
    }
    for kind, answer in answers.items():
        (HERE.parent / "Fixtures/netlink" / f"{name}.{kind}.bin").write_bytes(answer)
    print("family ethtool is", number, {kind: len(answer) for kind, answer in answers.items()})
    for sock in kept:
        sock.close()


if __name__ == "__main__":
    main(sys.argv[1])
