// The parsers of files about the kernel itself against Mangled.swift.

import Bytes
import Platform
import TestSupport
import Testing

@testable import Procfs

@Suite struct KernelMangledTests {
    static func texts(_ path: String) -> [[UInt8]] {
        ["captured-kernel", "composed-numa-server"].compactMap { Fixtures.bytes($0, path) }
    }

    private func texts(_ path: String) -> [[UInt8]] { Self.texts(path) }

    @Test func schedStat() { expectUnbroken("schedstat", texts("proc/schedstat"), SchedStat.parse) }
    @Test func osRelease() {
        expectUnbroken("os-release", texts("usr/lib/os-release") + texts("etc/os-release"), Assignments.parse)
    }
    @Test func interrupts() { expectUnbroken("interrupts", texts("proc/interrupts"), InterruptTable.parse, use: read) }
    @Test func softirqs() { expectUnbroken("softirqs", texts("proc/softirqs"), InterruptTable.parse, use: read) }
    @Test func swaps() { expectUnbroken("swaps", texts("proc/swaps"), SwapArea.parse) }
    @Test func buddyInfo() { expectUnbroken("buddyinfo", texts("proc/buddyinfo"), BuddyInfo.parse) }
    @Test func zoneInfo() { expectUnbroken("zoneinfo", texts("proc/zoneinfo"), ZoneInfo.parse) }
    @Test func cgroups() { expectUnbroken("cgroups", texts("proc/cgroups"), CgroupController.parse) }
    @Test func processStat() {
        expectUnbroken("stat", texts("proc/812/stat") + texts("proc/900/stat"), rounds: 2_000, ProcessStat.parse)
    }
    @Test func nodeMeminfo() {
        expectUnbroken("node0/meminfo", texts("sys/devices/system/node/node0/meminfo"), Meminfo.parse)
    }
    @Test func slabInfo() {
        expectUnbroken("slabinfo", texts("proc/slabinfo"), SlabInfo.parse) { list in
            for slab in list.slabs { #expect(!list.text[slab.name].isEmpty) }
        }
    }

    /// Reads all that a table promises.
    private func read(_ table: InterruptTable) {
        for (index, row) in table.rows.enumerated() {
            #expect(table.counts(ofRow: index).count == table.cpus.count)
            _ = (table.text[row.name], table.text[row.rest])
        }
    }

    @Test func selinuxConfig() { expectUnbroken("selinux", texts("etc/selinux/config"), Assignments.parse) }
}

@Suite struct KernelParserTests {
    private func value<Value>(
        _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(ParseError) -> Value {
        try wholeValue(text, parse)
    }

    @Test func assignmentsAreQuotedAsInAShell() throws {
        var text = ByteCursor(
            "A=plain  \nB=\"a \\\"b\\\" \\$c\\\\\"\nC='it\\'\n  D=\n#E=1\nF=x # y\nF=\"z\"  # comment\nG=\"\n")
        let file = try Assignments.parse(&text)
        #expect(file["A"] == "plain" && file["B"] == "a \"b\" $c\\" && file["C"] == "it\\" && file["D"] == "")
        #expect(file["E"] == "" && file["F"] == "z" && file["G"] == "")
        #expect(text.rows.firstProblem == ParseError(line: 8, expected: "a quote at the end of the value"))
        #expect(text.rows.skipped == 1 && text.rows.read == 6)
    }

    @Test func aProcessMayHaveAnyName() throws {
        for name in ["a", ") S (", "((", "R 1 2)", "", "x\\n) Z"] {
            let text = "12 (\(name)) D\(String(repeating: " 5", count: 10)) 31 32 7 7 7 7 44 0 99 4096 3 0 0\n"
            let stat = try value(text, ProcessStat.parse)
            #expect(stat.state == UInt8(ascii: "D") && stat.threads == 44 && stat.startTicks == 99)
            #expect(stat.userTicks == 31 && stat.systemTicks == 32)
            #expect(stat.virtualBytes == 4_096 && stat.residentPages == 3)
            #expect(Array(text.utf8)[stat.name].elementsEqual(name.utf8))
        }
    }

    @Test func zonesKeepTheirOwnWatermarks() throws {
        let text = """
            Node 0, zone   Normal
              per-node stats
                  nr_dirtied 7
              pages free     9
                    min      1
                    high     3
                    protection: (0, 12)
              pagesets
                cpu: 0
                          high:  378
                          min: 5
            Node 1, zone   Normal
                    min      2

            """
        let zones = try value(text, ZoneInfo.parse)
        func number(_ name: String, _ zone: ZoneInfo) -> UInt64? {
            ZoneInfo.fields.firstIndex { $0.description == name }.flatMap { zone.values[$0] }
        }
        #expect(zones.map(\.node) == [0, 1] && zones.map(\.protection) == [[0, 12], []])
        #expect(zones.map { number("min", $0) } == [1, 2] && zones.map { number("high", $0) } == [3, nil])
        #expect(zones.map { number("nr_dirtied", $0) } == [7, nil])
        #expect(throws: ParseError(line: 2, expected: "Node <N>, zone <name>")) { try value("min 1\n", ZoneInfo.parse) }
    }

    @Test func schedStatTakesTheLastThreeOfNine() throws {
        let cpus = try value(
            "version 15\ntimestamp 1\ncpu0 1 2 3 4 5 6 7 8 9\ndomain0 ff 1\ncpu2 0 0 0 0 0 0 1 2 3", SchedStat.parse)
        #expect(
            cpus == [
                SchedStat(cpu: 0, runningNanoseconds: 7, waitingNanoseconds: 8, timeslices: 9),
                SchedStat(cpu: 2, runningNanoseconds: 1, waitingNanoseconds: 2, timeslices: 3),
            ])
        #expect(throws: ParseError(line: 2, expected: "cpu<N> <nine numbers>")) {
            try value("version 15\ncpu0 1 2 3\n", SchedStat.parse)
        }
        #expect(throws: ParseError(line: 1, expected: "version <number>")) {
            try value("cpu0 1 2 3\n", SchedStat.parse)
        }
    }
}
