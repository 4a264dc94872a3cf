// The parsers of mounts, disks, udev's data and network interfaces, on what machines and kernels write.

import Bytes
import Foundation
import Platform
import TestSupport
import Testing

@testable import Procfs

@Suite struct DeviceParserTests {
    static let hosts = ["debian12-6.18-vm", "composed-devices"]

    static func bytes(_ path: String) throws -> [UInt8] { try readWhole("\(Repository.fixtures)/\(path)") }

    private func parsed<Value>(
        _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(ParseError) -> Value {
        try wholeValue(text, parse)
    }

    // MARK: mountinfo

    @Test func readsMounts() throws {
        var cursor = ByteCursor(try Self.bytes("hosts/composed-devices/proc/1/mountinfo"))
        let mounts = try Mount.parse(&cursor)
        #expect(mounts.count == 13)
        #expect(
            mounts[4]
                == Mount(
                    number: 35, parent: 28, major: 253, minor: 0, mountPoint: "/srv/data and\tmore", fsType: "xfs",
                    device: "/dev/mapper/vg0-data", isReadOnly: false))
        #expect(mounts[5].mountPoint == "/var/lib/back\\slash" && mounts[5].isReadOnly)
        #expect(mounts[6].device == "nas.example:/export/home dirs")
        // A source that is empty, and a file system that is read-only under a mount that is not.
        #expect(mounts[10].device.isEmpty && mounts[10].isReadOnly)
        #expect(mounts[12].mountPoint == "/mnt/hash#name" && mounts[12].fsType == "fuse.sshfs")
        #expect(!mounts[2].isReadOnly, "errors=remount-ro is not ro")
    }

    @Test(arguments: [
        "36 35 98:0 / /mnt rw - ext4 /dev/sda",  // no options of the file system, no end
        "36 35 98:0 / /mnt rw ext4 /dev/sda rw\n",  // no dash
        "36 35 980 / /mnt rw - ext4 /dev/sda rw\n", "36 x 98:0 / /mnt rw - ext4 /dev/sda rw\n",
        "36 35 98:0 /  rw - ext4 /dev/sda rw\n",
    ]) func namesWhatIsWrongInAMount(text: String) {
        #expect(throws: ParseError.self) { try parsed(text, Mount.parse) }
    }

    @Test func leavesOtherBackslashesAlone() throws {
        let mounts = try parsed(#"1 2 0:1 / /a\9b\04\400\0403 rw - t s rw"# + "\n", Mount.parse)
        #expect(mounts[0].mountPoint == #"/a\9b\04\400 3"#)
    }

    // MARK: diskstats

    @Test func readsAllFormatsOfDiskStats() throws {
        var cursor = ByteCursor(try Self.bytes("hosts/composed-devices/proc/diskstats"))
        let disks = try DiskStats.parse(&cursor)
        #expect(disks.map(\.name) == ["sda", "sda1", "nvme0n1", "nvme0n1p1", "dm-0", "md127", "cciss/c0d0", "loop0"])
        #expect(disks[0].discards == nil && disks[0].flushes == nil && disks[0].inProgress == 3)
        #expect(disks[0].sectorsRead == 1_026_674 && disks[0].weightedMilliseconds == 25_000)
        #expect(disks[2].discards == .init(completed: 12, merged: 3, sectors: 4096, milliseconds: 7))
        #expect(disks[2].flushes == .init(completed: 40_000, milliseconds: 5_123))
        #expect(disks[4].discards == .init(completed: 1, merged: 2, sectors: 3, milliseconds: 4))
        #expect(disks[4].flushes == nil)
        #expect(disks[6].readsCompleted == .max && disks[6].major == 104)
    }

    @Test(arguments: [
        "8 0 sda 1 2 3 4 5 6 7 8 9 10\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11", "8 0 sda 1 2 3 4 5 6 7 8 9 10 x\n",
        "8 sda 1 2 3 4 5 6 7 8 9 10 11\n", "8 0\n", "8 0 sda 18446744073709551616 2 3 4 5 6 7 8 9 10 11\n",
    ]) func namesWhatIsWrongInDiskStats(text: String) {
        #expect(throws: ParseError.self) { try parsed(text, DiskStats.parse) }
    }

    @Test func readsNumbersThatAKernelMayAdd() throws {
        let disks = try parsed(
            "8 0 sda " + (1...20).map { "\($0)" }.joined(separator: " ") + "\n", DiskStats.parse)
        #expect(disks[0].flushes == .init(completed: 16, milliseconds: 17))
    }

    // MARK: udev

    @Test func readsProperties() throws {
        var cursor = ByteCursor(try Self.bytes("hosts/composed-devices/udev/b259:0"))
        let data = try UdevData.parse(&cursor)
        #expect(data["ID_MODEL"] == "Samsung SSD 970 EVO Plus \"1TB\"")
        #expect(data.has("ID_FS_TYPE") && data["ID_FS_TYPE"].isEmpty)
        #expect(!data.has("systemd") && data["ID_PATH"] == "pci-0000:01:00.0-nvme-1")
        #expect(try parsed("E:A=b=c", UdevData.parse)["A"] == "b=c")
        #expect(throws: ParseError(line: 2, expected: "E:<property>=<value>")) {
            try parsed("S:x\nE:ID_ATA\n", UdevData.parse)
        }
    }

    // MARK: network

    @Test func readsInterfaces() throws {
        var cursor = ByteCursor(try Self.bytes("hosts/composed-devices/proc/net/dev"))
        let devices = try NetDev.parse(&cursor)
        #expect(devices.map(\.name) == ["lo", "veth4B09XN0", "eth0"])
        #expect(devices[0].receiveErrors == 1 && devices[0].multicastReceived == 6 && devices[0].sendErrors == 7)
        #expect(devices[0].collisions == 10 && devices[0].carrierErrors == 11 && devices[0].compressedSent == 12)
        #expect(devices[2].bytesReceived == .max && devices[2].packetsSent == 43_451)
    }

    /// The kernel's own file, and its dump of a second later, of a machine at rest.
    @Test func netlinkAndFileAgree() throws {
        let bytes = try Self.bytes("netlink/debian12-6.18-vm.links.bin")
        var links: [LinkStatistics] = []
        let part = try LinkStatistics.parse(bytes, count: bytes.count, sequence: 7, into: &links)
        #expect(part == NetlinkPart(isLast: true, read: 4))
        #expect(links.map(\.name) == ["lo", "ifb0", "ifb1", "eth0"])
        #expect(links[3].bytesReceived > 50_000_000 && links[3].receivedWithoutHandler == 0)

        var cursor = ByteCursor(try Self.bytes("hosts/debian12-6.18-vm/proc/net/dev"))
        let devices = try NetDev.parse(&cursor)
        #expect(devices.dropFirst() == links.dropFirst().map { NetDev($0) }[...])

        var stale: [LinkStatistics] = []
        let other = try LinkStatistics.parse(bytes, count: bytes.count, sequence: 8, into: &stale)
        #expect(stale.isEmpty && !other.isLast, "answers to another request are not ours")
    }

    /// Which counters are summed: dev_seq_printf_stats in net/core/net-procfs.c.
    @Test func sumsAsTheKernelDoes() {
        var link = LinkStatistics()
        link.receiveDropped = 1
        link.receiveMissedErrors = 2
        link.receiveLengthErrors = 10
        link.receiveOverErrors = 20
        link.receiveCRCErrors = 40
        link.receiveFrameErrors = 80
        link.sendCarrierErrors = 100
        link.sendAbortedErrors = 200
        link.sendWindowErrors = 400
        link.sendHeartbeatErrors = 800
        link.receiveFIFOErrors = .max
        let device = NetDev(link)
        #expect(device.receiveDrops == 3 && device.receiveFrameErrors == 150 && device.carrierErrors == 1_500)
        #expect(device.receiveFIFOErrors == .max && device.sendDrops == 0)
    }

    @Test func readsAddresses() throws {
        let bytes = try Self.bytes("netlink/debian12-6.18-vm.addresses.bin")
        var addresses: [InterfaceAddress] = []
        #expect(try InterfaceAddress.parse(bytes, count: bytes.count, sequence: 7, into: &addresses).isLast)
        #expect(
            addresses.map { "\($0.text)/\($0.prefixLength) \($0.scope)" } == [
                "127.0.0.1/8 link-local", "192.0.2.2/24 global", "::1/128 link-local", "fd00::2/64 global",
                "fe80::fc:ff:fe00:1/64 link-local",
            ])
    }

    @Test(arguments: [
        ("00000000000000000000000000000000", "::"), ("20010db8000000000001000000000001", "2001:db8::1:0:0:1"),
        ("20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"), ("ff020000000000000000000000000001", "ff02::1"),
        ("00010002000300040005000600070000", "1:2:3:4:5:6:7:0"), ("00010000000000000000000000000000", "1::"),
    ]) func writesAddressesAsRFC5952(hexadecimal: String, text: String) {
        let digits = Array(hexadecimal.utf8).map { $0.hexadecimalDigit ?? 0 }
        let bytes = stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        #expect(InterfaceAddress(linkIndex: 1, bytes: bytes, prefixLength: 64).text == text)
    }

    @Test func reportsTheKernelsRefusal() {
        // length 36, NLMSG_ERROR, no flags, sequence 7, port 0, -EPERM, the header of the request.
        let bytes: [UInt8] =
            [36, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] + Array(repeating: 0, count: 16)
        var links: [LinkStatistics] = []
        #expect(throws: NetlinkError.refused(.notPermitted)) {
            try LinkStatistics.parse(bytes, count: 36, sequence: 7, into: &links)
        }
    }
}
