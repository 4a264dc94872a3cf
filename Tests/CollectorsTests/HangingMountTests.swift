// A file system that never answers: it costs its own samples, and nothing else.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Synchronization
import TestSupport
import Testing

@testable import Collectors

@Suite struct HangingMountTests {
    private func samples(_ snapshot: Snapshot, of name: String) -> [(labels: [String], value: Double)] {
        snapshot.samples.filter { snapshot.families[$0.family].name == name }
            .map { (snapshot.labels(of: $0), $0.value) }
    }

    @Test func servesAllOthersWhileOneHangs() throws {
        let gate = DispatchSemaphore(value: 0)
        let host = DeviceCollectorTests.host("composed-devices")
        var section = try section(#"{"mount_timeout": "200ms"}"#)
        var collector = try FilesystemCollector(&section, host: host) { path in
            if path == "/mnt/dead" { gate.wait() }
            return .space(
                FileSystemSpace(totalBytes: 4, freeBytes: 2, availableBytes: 1, inodes: 0, freeInodes: 0))
        }
        defer { gate.signal() }
        for _ in 0..<2 {
            var snapshot = Snapshot()
            let start = Instant.now
            try collector.collect(into: &snapshot)
            #expect(Instant.now - start < .seconds(2))
            let errors = samples(snapshot, of: "node_filesystem_device_error")
            #expect(
                errors.filter { $0.value == 1 }.map(\.labels) == [
                    ["gone.example:/", "mountpoint timeout", "nfs4", "/mnt/dead"]
                ])
            #expect(samples(snapshot, of: "node_filesystem_size_bytes").count == errors.count - 1)
            #expect(errors.count == 9)
        }
    }

    /// A short scrape gets all but the mount that hangs, and not nothing.
    @Test func givesUpBeforeTheScrapeDoes() throws {
        let gate = DispatchSemaphore(value: 0)
        var section = try section(#"{"mount_timeout": "60s"}"#)
        var collector = try FilesystemCollector(&section, host: DeviceCollectorTests.host("composed-devices")) { path in
            if path == "/mnt/dead" { gate.wait() }
            return .failed(.stale)
        }
        defer { gate.signal() }
        var snapshot = Snapshot()
        let deadline = Instant.now + .seconds(1)
        try collector.collect(into: &snapshot, until: deadline)
        #expect(Instant.now < deadline)
        #expect(
            samples(snapshot, of: "node_filesystem_device_error").count { $0.labels[1] == "mountpoint timeout" } == 1)
    }

    /// `umount -l`, and mounted again: the path is the same, the mount is not.
    @Test func asksWhatIsMountedWhereOneHangs() throws {
        let proc = try TemporaryDirectory()
        let gate = DispatchSemaphore(value: 0)
        let asked = Mutex(0)
        let mounts = MountSpaces(host: Procfs.Host(proc: proc.path), patience: .milliseconds(300)) { path in
            let isFirst = asked.withLock { asked in
                asked += 1
                return asked == 1
            }
            if isFirst { gate.wait() }
            return .failed(.stale)
        }
        defer { gate.signal() }
        func answers(number: Int) throws -> [MountSpaces.Answer] {
            try proc.write("1/mountinfo", "\(number) 1 0:50 / /mnt/dead rw - nfs4 gone.example:/ rw\n")
            return try mounts.read { _ in true }.map(\.answer)
        }
        #expect(try answers(number: 30) == [.late])
        #expect(try answers(number: 30) == [.late])
        #expect(asked.withLock { $0 } == 1, "not asked again")
        #expect(try answers(number: 31) == [.failed(.stale)])
    }

    /// The kernel's own way of hanging: a FUSE mount whose server takes requests and answers none.
    @Test(.enabled(if: geteuid() == 0, "needs root: mounts FUSE in a private namespace"))
    func survivesAMountThatNeverAnswers() throws {
        let directory = try TemporaryDirectory()
        let mountPoint = directory.path + "/hanging"
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        defer { withExtendedLifetime(directory) {} }

        // `cat` ends when its input is closed, and with it the server, its mount and whatever still waits for it.
        let server = Process()
        let input = Pipe()
        let script = Repository.path + "/Tests/Support/hanging_fuse.py"
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["python3", script, mountPoint, "cat"]
        server.standardInput = input
        try server.run()
        defer {
            try? input.fileHandleForWriting.close()
            server.waitUntilExit()
        }

        // The server's view of the host, through its entry in /proc.
        let proc = directory.path + "/proc"
        try FileManager.default.createDirectory(atPath: proc, withIntermediateDirectories: true)
        let process = "/proc/\(server.processIdentifier)"
        try FileManager.default.createSymbolicLink(atPath: "\(proc)/1", withDestinationPath: process)
        let deadline = Instant.now + .seconds(20)
        while true {
            let mounts = (try? String(contentsOfFile: "\(process)/mountinfo", encoding: .utf8)) ?? ""
            if mounts.contains(" fuse.hanging "), mounts.contains("/hanging ") { break }
            try #require(server.isRunning && Instant.now < deadline, "the FUSE server did not mount")
            usleep(10_000)
        }

        var section = try section(#"{"mount_timeout": "300ms", "fs_types_include": "."}"#)
        var collector = try FilesystemCollector(&section, host: Procfs.Host(proc: proc, root: "\(process)/root"))
        for _ in 0..<3 {
            var snapshot = Snapshot()
            let start = Instant.now
            try collector.collect(into: &snapshot)
            #expect(Instant.now - start < .seconds(3), "the collector waited for the mount")
            let errors = samples(snapshot, of: "node_filesystem_device_error")
            #expect(
                errors.filter { $0.value == 1 }.map(\.labels) == [
                    ["hanging", "mountpoint timeout", "fuse.hanging", mountPoint]
                ])
            #expect(samples(snapshot, of: "node_filesystem_size_bytes").contains { $0.labels.last == "/" })
        }
    }
}
