// What filesystem, diskstats and netdev serve: on fixture hosts as golden text, and on this machine.
// `UPDATE_GOLDEN=1 swift test --filter DeviceCollector` writes Tests/Fixtures/golden/<host>.devices*.txt anew: read
// their diff.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@testable import Collectors

@Suite struct DeviceCollectorTests {
    static func host(_ name: String) -> Procfs.Host {
        let root = "\(Repository.fixtures)/hosts/\(name)"
        return Procfs.Host(proc: "\(root)/proc", sys: "\(root)/sys", udev: "\(root)/udev")
    }

    static func text(_ snapshot: Snapshot) -> String {
        var output: [UInt8] = []
        var encoder = PrometheusText()
        encoder.encode([snapshot], into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// File systems that the tests make up: by path, so that no number is like another.
    private static let answers: @Sendable (Path) -> MountSpaces.Answer = { path in
        if path == "/mnt/stale" { return .failed(.stale) }
        let unit = UInt64(path.bytes.count) << 20
        return .space(
            FileSystemSpace(
                totalBytes: 100 * unit, freeBytes: 50 * unit, availableBytes: 45 * unit, inodes: 6_553_600,
                freeInodes: 6_000_000 + UInt64(path.bytes.count)))
    }

    @Test(arguments: ["debian12-6.18-vm", "composed-devices"]) func serves(host name: String) throws {
        let host = Self.host(name)
        var section = try section()
        var filesystem = try FilesystemCollector(&section, host: host, asking: Self.answers)
        var diskstats = try DiskstatsCollector(&section, host: host)
        var netdev = try NetdevCollector(&section, host: host)
        // Twice: the second time all is known already, and nothing may be different.
        for _ in 0..<2 {
            var snapshot = Snapshot()
            try filesystem.collect(into: &snapshot)
            try diskstats.collect(into: &snapshot)
            try netdev.collect(into: &snapshot)
            try Golden.expect("\(name).devices", Self.text(snapshot))
        }
    }

    @Test(arguments: [false, true]) func servesWhatNetlinkSays(detailed: Bool) throws {
        let bytes = try readWhole("\(Repository.fixtures)/netlink/debian12-6.18-vm.links.bin")
        var links: [LinkStatistics] = []
        _ = try LinkStatistics.parse(bytes, count: bytes.count, sequence: 7, into: &links)
        links[3].alias = "uplink \"A\""
        var section = try section(
            detailed ? #"{"enable_detailed_metrics": true, "label_ifalias": true}"# : "{}")
        let netdev = try NetdevCollector(&section, host: Procfs.Host())
        var snapshot = Snapshot()
        for link in links { netdev.add(link, to: &snapshot) }
        try Golden.expect("debian12-6.18-vm.devices.\(detailed ? "detailed" : "netlink")", Self.text(snapshot))
    }

    // MARK: Options

    @Test(arguments: [
        ("filesystem", #"{"mount_points_exclude": "a", "mount_points_include": "b"}"#),
        ("filesystem", #"{"fs_types_exclude": "a", "fs_types_include": "b"}"#),
        ("diskstats", #"{"device_exclude": "a", "device_include": "b"}"#),
        ("netdev", #"{"device_exclude": "a", "device_include": "b"}"#),
        ("netdev", #"{"device_exclude": "("}"#),
    ]) func refusesContradictions(collector: String, json: String) throws {
        var section = try section(json)
        #expect(throws: SettingsError.self) {
            switch collector {
            case "filesystem": _ = try FilesystemCollector(&section, host: Procfs.Host())
            case "diskstats": _ = try DiskstatsCollector(&section, host: Procfs.Host())
            default: _ = try NetdevCollector(&section, host: Procfs.Host())
            }
        }
    }

    @Test func includeReplacesTheDefaultExclude() throws {
        var section = try section(#"{"device_include": "^(sda1|loop0)$"}"#)
        var diskstats = try DiskstatsCollector(&section, host: Self.host("composed-devices"))
        try section.finish()
        var snapshot = Snapshot()
        try diskstats.collect(into: &snapshot)
        let now = snapshot.samples.filter { snapshot.families[$0.family].name == "node_disk_io_now" }
        #expect(now.map { snapshot.labels(of: $0) } == [["sda1"], ["loop0"]])
    }

    @Test func knowsTheOptionsOfTheCatalogue() throws {
        var filesystem = try section(
            #"{"mount_points_exclude": "", "fs_types_include": "x", "mount_timeout": "1s"}"#)
        _ = try FilesystemCollector(&filesystem, host: Procfs.Host())
        try filesystem.finish()
        var netdev = try section(
            """
            {"device_exclude": "^lo$", "address_info": true, "enable_detailed_metrics": true, "netlink": false,
             "label_ifalias": true}
            """)
        _ = try NetdevCollector(&netdev, host: Procfs.Host())
        try netdev.finish()
    }

    @Test func stripsTheRootOfTheHost() {
        let mounts = ["/host", "/host/var", "/hostess", "/host/var"].enumerated().map { index, path in
            Mount(
                number: 30, parent: 28, major: 8, minor: UInt64(index), mountPoint: Path(path), fsType: "ext4",
                device: "/dev/sda\(index)",
                isReadOnly: false)
        }
        let kept = MountSpaces.topmost(mounts, below: "/host")
        #expect(kept.map(\.mountPoint) == ["/", "/hostess", "/var"])
        #expect(kept.map(\.minor) == [0, 2, 3], "of two mounts at one place, the last is the one that is seen")
    }

    @Test(arguments: [
        ("rw,relatime", "rw", false), ("ro,relatime", "rw", true), ("rw", "ro,noload", true),
        ("rw,relatime", "rw,emergency_ro", true), ("rw", "emergency_ro,errors=remount-ro", true),
        ("rw", "rw,errors=remount-ro", false), ("rw", "rw,emergency_rox,lowerdir=/ro", false),
    ]) func isReadOnlyWhenAnOptionSaysSo(mount: String, fileSystem: String, isReadOnly: Bool) throws {
        var text = ByteCursor("27 1 254:0 / / \(mount) shared:1 - ext4 /dev/vda \(fileSystem)\n")
        #expect(try Mount.parse(&text).map(\.isReadOnly) == [isReadOnly])
    }

    /// As Go's syscall package has them on amd64.
    @Test(arguments: [
        (1, "operation not permitted"), (5, "input/output error"), (13, "permission denied"), (19, "no such device"),
        (2, "no such file or directory"), (40, "too many levels of symbolic links"), (62, "timer expired"),
        (73, "RFS specific error"), (107, "transport endpoint is not connected"), (110, "connection timed out"),
        (112, "host is down"), (116, "stale NFS file handle"), (117, "structure needs cleaning"),
        (121, "remote I/O error"), (524, "errno 524"),
    ]) func saysWhatGoSays(code: Int32, text: String) {
        #expect(FilesystemCollector.goText(of: Errno(code: code)) == text)
    }

    @Test func anAddressIsServedOnceWhateverItsPeers() {
        let here = InterfaceAddress(linkIndex: 3, bytes: [10, 0, 0, 1], prefixLength: 32)
        let other = InterfaceAddress(linkIndex: 2, bytes: [10, 0, 0, 1], prefixLength: 32)
        let gone = InterfaceAddress(linkIndex: 9, bytes: [10, 0, 0, 2], prefixLength: 32)
        let named = Interfaces.named([here, other, here, gone], [2: "tun1", 3: "tun0"])
        #expect(named.map(\.device) == ["tun0", "tun1"] && named.map(\.address) == [here, other])
    }

    @Test func saysWhatIsNotThere() throws {
        let nowhere = Procfs.Host(proc: "/nonexistent", sys: "/nonexistent", udev: "/nonexistent")
        var section = try section()
        var diskstats = try DiskstatsCollector(&section, host: nowhere)
        var netdev = try NetdevCollector(&section, host: nowhere)
        var filesystem = try FilesystemCollector(&section, host: nowhere)
        var snapshot = Snapshot()
        #expect(throws: CollectError.absent("this kernel has no /nonexistent/diskstats")) {
            try diskstats.collect(into: &snapshot)
        }
        #expect(throws: CollectError.absent("this kernel has no /nonexistent/net/dev")) {
            try netdev.collect(into: &snapshot)
        }
        #expect(throws: CollectError.absent("no mountinfo in /nonexistent")) {
            try filesystem.collect(into: &snapshot)
        }
        #expect(snapshot.samples.isEmpty)
    }

    // MARK: This machine

    @Test func readsThisMachine() throws {
        var section = try section(#"{"address_info": true}"#)
        var netdev = try NetdevCollector(&section, host: Procfs.Host())
        var filesystem = try FilesystemCollector(&section, host: Procfs.Host())
        var diskstats = try DiskstatsCollector(&section, host: Procfs.Host())
        var snapshot = Snapshot()
        try netdev.collect(into: &snapshot)
        try filesystem.collect(into: &snapshot)
        do throws(CollectError) { try diskstats.collect(into: &snapshot) } catch {
            guard case .absent = error else { throw error }
        }
        let text = Self.text(snapshot)
        #expect(text.contains("node_network_receive_bytes_total{device=\"lo\"} "))
        #expect(text.contains("node_network_receive_nohandler_total{device=\"lo\"} "), "netlink was not used")
        #expect(
            text.contains(
                "node_network_address_info{address=\"127.0.0.1\",device=\"lo\",netmask=\"8\",scope=\"link-local\"} 1"))
        // Some mounts of a machine may be closed to us, or lie outside of the directory that is our root.
        for line in text.split(separator: "\n") where line.hasPrefix("node_filesystem_device_error") {
            #expect(line.hasSuffix(" 0") == line.contains("device_error=\"\""), "\(line)")
        }
    }

    @Test func familiesAreNamedOnce() {
        for metrics in [FilesystemCollector.metrics, DiskstatsCollector.metrics, NetdevCollector.metrics] {
            #expect(Set(metrics.map(\.name)).count == metrics.count)
        }
        #expect(NetdevCollector.metrics.count == 35 && DiskstatsCollector.metrics.count == 23)
    }
}
