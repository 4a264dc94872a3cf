// Names from the kernel are bytes: those that are not UTF-8, and those that Swift's texts take for the same.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import TestSupport
import Testing

@testable import Collectors

@Suite struct ByteNamesTests {
    private static let composed = Array("\u{E9}".utf8)
    private static let decomposed = Array("e\u{301}".utf8)
    private static let names: [[UInt8]] = [[0xE9], composed, decomposed]

    /// `<root>/<place>/<name>/`, and a file in it.
    private func make(_ directory: TemporaryDirectory, _ place: String, _ name: [UInt8], _ files: [String: String])
        throws
    {
        let path = Path(directory.path) / Path(place) / Path(name)
        try makeDirectories(path)
        for (file, text) in files {
            let stream = try #require(unsafe (path / file).withCString { unsafe fopen($0, "w") })
            unsafe fputs(text, stream)
            unsafe fclose(stream)
        }
    }

    @Test func bonds() throws {
        let directory = try TemporaryDirectory()
        let odd = [0x62] + Self.names[0]
        try directory.write("sys/class/net/bonding_masters", "")
        try make(directory, "sys/class/net", [], [:])
        for (file, bytes) in [("bonding_masters", odd), ("slaves", odd + [0x20] + Self.composed)] {
            let place = file == "slaves" ? Path(odd) / "bonding" : ""
            let path = Path("\(directory.path)/sys/class/net") / place
            try makeDirectories(path)
            let stream = try #require(unsafe (path / file).withCString { unsafe fopen($0, "w") })
            for byte in bytes { unsafe fputc(Int32(byte), stream) }
            unsafe fclose(stream)
        }
        for slave in [odd, Self.composed] {
            let name = Array("lower_".utf8) + slave + Array("/bonding_slave".utf8)
            let bond = "sys/class/net/".utf8 + odd
            let path = Path(directory.path) / Path(Array(bond)) / Path(name)
            try makeDirectories(path)
            let stream = try #require(unsafe (path / "mii_status").withCString { unsafe fopen($0, "w") })
            unsafe fputs("up\n", stream)
            unsafe fclose(stream)
        }
        var section = try section("{}")
        var collector = try BondingCollector(&section, host: Procfs.Host(sys: "\(directory.path)/sys"))
        #expect(
            try samples(&collector) == ["node_bonding_slaves{b\u{FFFD}} 2", "node_bonding_active{b\u{FFFD}} 2"])
    }

    @Test func mountPoints() throws {
        let directory = try TemporaryDirectory()
        var text: [UInt8] = []
        for (number, name) in (Self.names + [[0xE8]]).enumerated() {
            text += Array("\(30 + number) 28 0:\(number) / /m".utf8) + name
            text += Array(" rw - tmpfs tmpfs rw\n".utf8)
        }
        try directory.write("proc/1/mountinfo", "")
        try Data(text).write(to: URL(fileURLWithPath: "\(directory.path)/proc/1/mountinfo"))
        var section = try section("{}")
        var collector = try FilesystemCollector(&section, host: Procfs.Host(proc: "\(directory.path)/proc")) { path in
            .space(
                FileSystemSpace(
                    totalBytes: UInt64(path.bytes.reduce(0) { $0 * 256 + Int($1) } & 0xFFFF), freeBytes: 0,
                    availableBytes: 0, inodes: 0, freeInodes: 0))
        }
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        var encoder = PrometheusText()
        var output: [UInt8] = []
        encoder.encode([snapshot], into: &output)
        let sizes = String(decoding: output, as: UTF8.self).split(separator: "\n").map { Array($0.utf8) }
            .filter { $0.starts(with: "node_filesystem_size_bytes{".utf8) }
        // Each asked under its own name; of the two that look the same once repaired, the first.
        let expected = [([UInt8]("\u{FFFD}".utf8), 0x6DE9), (Self.composed, 0xC3A9), (Self.decomposed, 0xCC81)].map {
            Array("node_filesystem_size_bytes{device=\"tmpfs\",device_error=\"\",fstype=\"tmpfs\",mountpoint=\"/m".utf8)
                + $0 + Array("\"} \($1)".utf8)
        }
        #expect(sizes == expected)
        #expect(encoder.arrange([snapshot]).allSatisfy { $0.reason == .repairedLabel })
    }

    /// The real thing: the kernel is asked for the bytes that mountinfo has.
    @Test func aPathThatIsNotUTF8IsAsked() throws {
        let directory = try TemporaryDirectory()
        try make(directory, "m", [0xE9], [:])
        let path = Path(directory.path) / "m" / Path([0xE9])
        guard case .space = MountSpaces.ask(path) else {
            Issue.record("\(path) was not asked")
            return
        }
    }

    @Test func mountsAtLookalikePathsAreNotOnTopOfEachOther() throws {
        var text: [UInt8] = []
        for (number, name) in Self.names.enumerated() {
            text += Array("\(30 + number) 28 0:\(number) / /m".utf8) + name + Array(" rw - tmpfs tmpfs rw\n".utf8)
        }
        var cursor = ByteCursor(text)
        let mounts = try Mount.parse(&cursor)
        #expect(MountSpaces.topmost(MountSpaces.reachable(mounts), below: "/").count == 3)
    }

    @Test func controlGroups() throws {
        let directory = try TemporaryDirectory()
        try directory.write("sys/fs/cgroup/cgroup.controllers", "cpu\n")
        for (number, name) in Self.names.enumerated() {
            try make(directory, "sys/fs/cgroup", name, ["pids.current": "\(number)\n"])
            try make(directory, "sys/fs/cgroup/" + "top", name, ["pids.current": "\(10 + number)\n"])
        }
        var section = try section(#"{ "subjects": ["pids"] }"#)
        var collector = try CgroupCollector(&section, host: Procfs.Host(sys: "\(directory.path)/sys"))
        for _ in 0..<2 {
            var snapshot = Snapshot()
            try collector.collect(into: &snapshot)
            let pids = snapshot.samples.filter { snapshot.families[$0.family].labels.count == 1 }
            #expect(Set(pids.map(\.value)) == [0, 1, 2, 10, 11, 12])
            let labels = pids.map { Array(snapshot.labels(of: $0)[0].utf8) }
            #expect(Set(labels).count == 6)
            #expect(labels.contains(Array("/\u{FFFD}".utf8)))
        }
    }

    /// The CloudWatch vocabulary has them apart as well: a group of values for each.
    @Test func dimensionsAreToldApart() {
        var table = EMFTable()
        let metric = EMFMetric("m", .count)
        for name in [Self.composed, Self.decomposed, Self.composed] {
            table.begin([EMFDimension("path", String(label: name))])
            table.add(metric, 1) { metric }
        }
        var documents: [[UInt8]] = []
        var encoder = EMFEncoder(namespace: "N")
        encoder.encode(&table, unixMilliseconds: 0, into: &documents)
        #expect(documents.count == 2)
    }

    @Test func decisionsAreOfOneName() {
        let decisions = NameDecisions { $0.utf8.count == 2 }
        #expect(decisions.takes("\u{E9}"))
        #expect(!decisions.takes("e\u{301}"))
    }
}
