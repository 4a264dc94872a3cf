"""Writes answers of nl80211 as a machine with wireless interfaces would give them, after include/uapi/linux/nl80211.h,
to Tests/Fixtures/netlink/composed.wifi-*.bin. The family has the number 40; the requests have the number 7.

wlan0 is a client of an access point; wlan1 is an access point with two stations, whose driver tells little; the third
interface has no name.
"""

import struct
from pathlib import Path

FAMILY, SEQUENCE = 40, 7
FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures/netlink"


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def u8(kind, value):
    return attribute(kind, struct.pack("=B", value & 0xFF))


def u16(kind, value):
    return attribute(kind, struct.pack("=H", value))


def u32(kind, value):
    return attribute(kind, struct.pack("=I", value))


def u64(kind, value):
    return attribute(kind, struct.pack("=Q", value))


def nested(kind, *values):
    return attribute(kind | 0x8000, b"".join(values))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def message(kind, body):
    return struct.pack("=IHHII", 16 + len(body), kind, 2, SEQUENCE, 0) + body + bytes(-len(body) % 4)


def dump(command, *messages):
    header = struct.pack("=BBH", command, 1, 0)
    return b"".join(message(FAMILY, header + b"".join(parts)) for parts in messages) + message(3, bytes(4))


INTERFACES = dump(
    7,
    [u32(1, 0), u32(3, 4), attribute(4, b"wlan0\0"), u32(5, 2), attribute(6, mac("02:00:00:00:03:00")), u32(38, 2412)],
    [u32(1, 1), u32(3, 5), attribute(4, b"wlan1\0"), u32(5, 3), attribute(6, mac("02:00:00:00:03:01")), u32(38, 5180)],
    [u32(1, 0), u32(5, 10), attribute(6, mac("02:00:00:00:03:02"))],
)


def elements(ssid):
    # The supported rates come before the name here, which no order forbids.
    return bytes([1, 4, 2, 4, 11, 22]) + bytes([0, len(ssid)]) + ssid + bytes([3, 1, 1])


NETWORKS = dump(
    34,
    [u32(3, 4), nested(47, attribute(1, mac("02:aa:00:00:00:01")), u32(2, 2437), attribute(6, elements(b"next door")))],
    [u32(3, 4), nested(47, attribute(1, mac("02:aa:00:00:00:02")), u32(2, 2412),
                       attribute(6, elements('our "net" é'.encode())), u32(9, 1))],
)
AD_HOC = dump(
    34, [u32(3, 4), nested(47, attribute(1, mac("02:aa:00:00:00:03")), attribute(6, elements(b"")), u32(9, 2))])
CLIENT = dump(
    19,
    [u32(3, 4), attribute(6, mac("02:aa:00:00:00:02")),
     nested(21, u32(16, 30), u32(1, 400), u32(2, 1234), u64(23, (1 << 32) + 1234), u32(3, 4321), u64(24, 4321),
            u32(9, 6), u32(10, 7), u8(7, -52), nested(8, u16(1, 1625), u32(5, 1625)), nested(14, u16(1, 2560)),
            u32(11, 20), u32(12, 4), u32(18, 2))],
)
ACCESS_POINT = dump(
    19,
    [u32(3, 5), attribute(6, mac("02:bb:00:00:00:01")), nested(21, u32(16, 60), u32(2, 11), u32(9, 1))],
    [u32(3, 5), attribute(6, mac("02:bb:00:00:00:02")), nested(21, u8(7, -128))],
)

for name, answer in {
    "interfaces": INTERFACES, "networks": NETWORKS, "ad-hoc": AD_HOC, "client": CLIENT, "access-point": ACCESS_POINT,
}.items():
    (FIXTURES / f"composed.wifi-{name}.bin").write_bytes(answer)
