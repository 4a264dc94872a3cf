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
    @Test func selinuxConfig() { expectUnbroken("selinux", texts("etc/selinux/config"), Assignments.parse) }
}

@Suite struct KernelParserTests {
    private func value<Value>(
        _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(ParseError) -> Value {
        var cursor = ByteCursor(text)
        return try parse(&cursor)
    }

    @Test func assignmentsAreQuotedAsInAShell() throws {
        let file = try value(
            "A=plain  \nB=\"a \\\"b\\\" \\$c\\\\\"\nC='it\\'\n  D=\n#E=1\nF=x # y\nF=\"z\"  # comment\nG=\"\n",
            Assignments.parse)
        #expect(file["A"] == "plain" && file["B"] == "a \"b\" $c\\" && file["C"] == "it\\" && file["D"] == "")
        #expect(file["E"] == "" && file["F"] == "z" && file["G"] == "")
        #expect(file.problem == ParseError(line: 8, expected: "a quote at the end of the value"))
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
