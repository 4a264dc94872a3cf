// Groups of processes: on a fixture host as golden text, and how counters go on as processes come and go.

import Foundation
import Metrics
import Platform
import Procfs
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct ProcessGroupsTests {
    /// What a process looks like to the collector.
    struct Process {
        var number = 7
        var name = "web"
        var ticks = (user: 0, system: 0)
        var start = 100
        var line: String?
        var cgroup = "/"
        var io: (read: Int, written: Int)? = (0, 0)
        var pages = 1

        func write(to host: TemporaryHost) throws {
            let directory = "proc/\(number)"
            let fields = "1 1 1 0 -1 0 0 0 0 0 \(ticks.user) \(ticks.system) 0 0 20 0 1 0 \(start) 4096 \(pages) 0"
            try host.write("\(directory)/stat", "\(number) (\(name)) S \(fields)\n")
            if let line { try host.write("\(directory)/cmdline", line) }
            try host.write("\(directory)/cgroup", "0::\(cgroup)\n")
            if let io { try host.write("\(directory)/io", "read_bytes: \(io.read)\nwrite_bytes: \(io.written)\n") }
        }

        static func remove(_ number: Int, from host: TemporaryHost) throws {
            try FileManager.default.removeItem(atPath: "\(host.root)/proc/\(number)")
        }
    }

    private func collector(_ options: String, on host: Host) throws -> any Collector {
        try KernelCollectorsTests.collector("process_groups", options, on: host)
    }

    /// By `name{labels}`.
    private func read(_ collector: inout any Collector) throws -> [String: Double] {
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        return values(of: snapshot, without: "vitals_process_group_")
    }

    @Test func serves() throws {
        let options = #"""
            { "proportional_memory": true, "groups": {
                "web": { "unit": "nginx" }, "db": { "pattern": "^postgres: " }, "odd": { "command": ["a (b) R 1 ) c"] },
                "kernel": { "pattern": "^\\[k" }, "none": { "command": ["nobody"] } } }
            """#
        var collector = try collector(options, on: KernelCollectorsTests.host("composed-processes"))
        try Golden.expect(
            "composed-processes/process_groups",
            try KernelCollectorsTests.exposition(
                of: &collector, without: "\(Repository.fixtures)/hosts/composed-processes"))
    }

    @Test func countersBeginAtZeroAndNeverRunBackwards() throws {
        let host = try TemporaryHost()
        try Process(number: 7, ticks: (500, 100), start: 50, io: (9_000, 0)).write(to: host)
        var collector = try collector(#"{ "groups": { "web": { "command": ["web"] } } }"#, on: host.host)
        var all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 0 && all["read_bytes_total{web}"] == 0)

        // What it used since, and all that a new one used.
        try Process(number: 7, ticks: (700, 150), start: 50, io: (9_500, 0)).write(to: host)
        try Process(number: 8, ticks: (30, 10), start: 60, io: (0, 64)).write(to: host)
        all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 2.3 && all["cpu_seconds_total{web,system}"] == 0.6)
        #expect(all["read_bytes_total{web}"] == 500 && all["written_bytes_total{web}"] == 64)
        #expect(all["processes{web}"] == 2)

        // One ends: what it used stays.
        try Process.remove(7, from: host)
        all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 2.3 && all["processes{web}"] == 1)

        // Another gets its number: that it has used less is no step back.
        try Process(number: 7, ticks: (4, 0), start: 90).write(to: host)
        all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 2.34)

        // All end; the counters are still served.
        try Process.remove(7, from: host)
        try Process.remove(8, from: host)
        try Process(number: 9, name: "other").write(to: host)
        all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 2.34 && all["read_bytes_total{web}"] == 500)
        #expect(all["processes{web}"] == 0 && all["oldest_start_time_seconds{web}"] == nil)
        #expect(all["unmatched{}"] == 1)
    }

    /// A process that was there but was not looked at brings nothing of what it used before.
    @Test func anOldProcessThatIsSeenLateBringsNothing() throws {
        let host = try TemporaryHost()
        try Process(number: 5, ticks: (1, 0), start: 200).write(to: host)
        try host.write("proc/6/stat", "")
        var collector = try collector(#"{ "groups": { "web": { "command": ["web"] } } }"#, on: host.host)
        let odd = try leftOut(below: host.root) { _ = try read(&collector) }
        #expect(odd.count == 1 && odd[0].hasPrefix("proc/6/stat: "))
        try Process(number: 6, ticks: (5_000, 0), start: 100, io: (77, 77)).write(to: host)
        let all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 0 && all["read_bytes_total{web}"] == 0)
        #expect(all["processes{web}"] == 2)
    }

    @Test func aProcessThatStartsAnotherProgramChangesItsGroup() throws {
        let host = try TemporaryHost()
        try Process(number: 5, name: "sh", ticks: (100, 0), io: (50, 0)).write(to: host)
        var collector = try collector(
            #"{ "groups": { "web": { "command": ["web"] }, "shells": { "command": ["bash", "sh"] } } }"#, on: host.host)
        for _ in 0..<3 { _ = try read(&collector) }
        try Process(number: 5, name: "web", ticks: (120, 0), io: (80, 0)).write(to: host)
        var all = try read(&collector)
        #expect(all["processes{web}"] == 1 && all["processes{shells}"] == 0)
        #expect(all["cpu_seconds_total{web,user}"] == 0.2 && all["read_bytes_total{web}"] == 0)
        try Process(number: 5, name: "web", ticks: (130, 0), io: (90, 0)).write(to: host)
        all = try read(&collector)
        #expect(all["cpu_seconds_total{web,user}"] == 0.3 && all["read_bytes_total{web}"] == 10)
    }

    /// Its command stays the same: what it writes into its command line is seen at the second reading, and then from
    /// time to time.
    @Test func commandLinesAreLookedAtAgain() throws {
        let host = try TemporaryHost()
        let options = #"{ "groups": { "db": { "pattern": "^db: writer" } } }"#
        try Process(name: "db", line: "/usr/bin/db\0").write(to: host)
        var collector = try collector(options, on: host.host)
        #expect(try read(&collector)["processes{db}"] == 0)
        try Process(name: "db", line: "db: writer\0\0\0").write(to: host)
        #expect(try read(&collector)["processes{db}"] == 1)
        try Process(name: "db", line: "db: reader\0\0\0").write(to: host)
        var readings = 0
        while try read(&collector)["processes{db}"] == 1, readings < 100 { readings += 1 }
        #expect(readings < 16)
    }

    @Test func unitsAreWholePartsOfThePath() throws {
        let host = try TemporaryHost()
        try Process(number: 1, cgroup: "/system.slice/ssh.service").write(to: host)
        try Process(number: 2, cgroup: "/system.slice/ssh.service.d").write(to: host)
        try Process(number: 3, cgroup: "/system.slice/system-ssh.slice/ssh@1.service").write(to: host)
        var collector = try collector(
            #"{ "groups": { "ssh": { "unit": "ssh" }, "system": { "unit": "system.slice" } } }"#, on: host.host)
        let all = try read(&collector)
        // The first that takes it has it alone.
        #expect(all["processes{ssh}"] == 1 && all["processes{system}"] == 2)
    }

    @Test func longNamesOfCommandsAreCutAsTheKernelDoes() throws {
        let host = try TemporaryHost()
        try Process(number: 1, name: "systemd-journal").write(to: host)
        try Process(number: 2, name: "systemd-journa").write(to: host)
        var collector = try collector(
            #"{ "groups": { "journal": { "command": ["systemd-journald"] } } }"#, on: host.host)
        #expect(try read(&collector)["processes{journal}"] == 1)
    }

    @Test func moreProcessesThanTheLimitAreCounted() throws {
        let host = try TemporaryHost()
        for number in 1...9 { try Process(number: number).write(to: host) }
        var collector = try collector(#"{ "limit": 4, "groups": { "web": { "command": ["web"] } } }"#, on: host.host)
        let all = try read(&collector)
        #expect(all["processes{web}"] == 4 && all["left_out{}"] == 5 && all["unmatched{}"] == 0)
    }

    @Test func aProcessThatMakesNoSenseLosesOnlyItself() throws {
        let host = try TemporaryHost()
        try Process(number: 1).write(to: host)
        try host.write("proc/2/stat", "2 (web) S 1\n")
        try Process(number: 3).write(to: host)
        var collector = try collector(#"{ "groups": { "web": { "command": ["web"] } } }"#, on: host.host)
        var snapshot = Snapshot()
        let odd = try leftOut(below: host.root) { try collector.collect(into: &snapshot) }
        #expect(odd == ["proc/2/stat: line 1: expected 24 fields or more"])
        #expect(values(of: snapshot, without: "vitals_process_group_")["processes{web}"] == 2)
    }

    @Test(arguments: [
        ("{}", "\"groups\" is missing"), (#"{ "groups": {} }"#, "expected 1 to 100 groups"),
        (#"{ "groups": { "a": {} } }"#, "expected \"command\", \"pattern\" or \"unit\""),
        (#"{ "groups": { "a": { "pattern": "(" } } }"#, "pattern"),
        (#"{ "groups": { "a": { "comand": ["x"], "unit": "b" } } }"#, "did you mean \"command\"?"),
    ]) func badOptions(options: String, expected: String) {
        #expect {
            try collector(options, on: Host())
        } throws: { "\($0)".contains(expected) }
    }

    /// This process, by its name, on the kernel that runs here.
    @Test func thisProcessIsFound() throws {
        let command = try readWhole("/proc/self/comm").dropLast()
        let name = String(decoding: command, as: UTF8.self)
        var collector = try collector(#"{ "groups": { "self": { "command": ["\#(name)"] } } }"#, on: Host())
        _ = try read(&collector)
        let all = try read(&collector)
        #expect(all["processes{self}"].map { $0 >= 1 } == true && all["open_files{self}"].map { $0 >= 3 } == true)
        #expect(all["resident_memory_bytes{self}"].map { $0 > 1_000_000 } == true)
        #expect(all["unreadable{io,self}"] != nil && all["unmatched{}"].map { $0 > 0 } == true)
    }

    /// In a tree that is no /proc, anything may stand in the place of a file: a pipe that nobody writes to is not
    /// waited for, and costs its process alone.
    @Test(.timeLimit(.minutes(1))) func aPipeInThePlaceOfAProcessFileIsNotWaitedFor() throws {
        let host = try TemporaryHost([
            "proc/8/stat": "8 (x) S 1\(String(repeating: " 2", count: 48))\n", "proc/7/x": "",
        ])
        #expect(mkfifo("\(host.root)/proc/7/stat", 0o600) == 0)
        var files = ProcessFiles(host.host)
        guard case .odd = try files.read(7, "/stat", ProcessStat.parse) else {
            Issue.record("a pipe is no file of a process")
            return
        }
        guard case .value(let stat) = try files.read(8, "/stat", ProcessStat.parse) else {
            Issue.record("its neighbour is read")
            return
        }
        #expect(stat.state == UInt8(ascii: "S"))
    }

    /// Since Linux 6.2 the kernel counts open files itself; what it says is what a listing says.
    @Test func openFilesAreCountedBothWays() throws {
        var files = ProcessFiles(Host())
        let own = UInt32(ProcessInfo.processInfo.processIdentifier)
        let listed = try textEntries("/proc/self/fd").count
        guard case .value(let counted) = try files.countOpenFiles(of: own) else {
            Issue.record("this process may not be looked at")
            return
        }
        // Other tests open and close files meanwhile.
        #expect(abs(counted - listed) < 200 && counted >= 3)
        guard case .gone = try files.countOpenFiles(of: .max) else {
            Issue.record("there is no such process")
            return
        }
    }
}

/// By `name{labels}`.
func values(of snapshot: Snapshot, without prefix: String) -> [String: Double] {
    var values: [String: Double] = [:]
    for sample in snapshot.samples {
        let name = snapshot.families[sample.family].name.dropFirst(prefix.count)
        values["\(name){\(snapshot.labels(of: sample).joined(separator: ","))}"] = sample.value
    }
    return values
}
