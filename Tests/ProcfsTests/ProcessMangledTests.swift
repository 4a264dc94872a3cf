// The parsers of files about processes and control groups: what they make of the odd, and against Mangled.swift.

import Bytes
import Platform
import TestSupport
import Testing

@testable import Procfs

@Suite struct ProcessMangledTests {
    private static let docker =
        "system.slice/docker-4e45f95a0c430297e6187bd43cbc56ac4e45f95a0c430297e6187bd43cbc56ac.scope"

    private func cgroup(_ file: String) -> [[UInt8]] {
        [Self.docker, "system.slice", "system.slice/postgresql@15-main.service"].compactMap {
            Fixtures.bytes("composed-cgroups", "sys/fs/cgroup/\($0)/\(file)")
        }
    }

    private func process(_ file: String) -> [[UInt8]] {
        [813, 901, 950].compactMap { Fixtures.bytes("composed-processes", "proc/\($0)/\(file)") }
    }

    @Test func stat() {
        for text in process("stat") {
            expectUnbroken("stat", [text], rounds: 2_000, ProcessStat.parse) {
                _ = text.indices.contains($0.name.count)
            }
        }
    }
    @Test func restOfStat() {
        expectUnbroken("stat", process("stat"), rounds: 1_000) { cursor throws(ParseError) in
            _ = try ProcessStat.parse(&cursor)
            return try ProcessStatRest.parse(&cursor)
        }
    }
    @Test func io() { expectUnbroken("io", process("io"), ProcessIO.parse) }
    @Test func calls() { expectUnbroken("io", process("io"), ProcessCalls.parse) }
    @Test func wholeStatus() {
        expectUnbroken("status", process("status"), ProcessStatus.parse)
        expectUnbroken(
            "status", [Fixtures.bytes("debian12-6.18-vm", "proc/1/status")].compactMap { $0 }, ProcessStatus.parse)
    }
    @Test func processLimits() {
        expectUnbroken(
            "limits", [Fixtures.bytes("debian12-6.18-vm", "proc/1/limits")].compactMap { $0 }, ProcessLimits.parse)
    }
    @Test func tcp() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 00000000:07E8 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 3160 1
               1: 0100007F:8D6A 0100007F:9647 06 00000001:00000000 03:000011C9 00000000     0        0 0 3

            """
        expectUnbroken("tcp", [Array(text.utf8)], TCPSockets.parse)
    }
    @Test func pidFile() { expectUnbroken("pid file", [Array(" 812\n".utf8)], PIDFile.parse) }
    @Test func status() { expectUnbroken("status", process("status"), ProcessMemory.parseSwapBytes) }
    @Test func smapsRollup() {
        expectUnbroken("smaps_rollup", process("smaps_rollup"), ProcessMemory.parseProportionalBytes)
    }
    @Test func commandLine() {
        expectUnbroken("cmdline", process("cmdline")) { cursor throws(ParseError) in
            var line: [UInt8] = []
            CommandLine.parse(&cursor, into: &line)
            #expect(!line.contains(0))
            return line
        }
    }
    @Test func cgroupOfAProcess() {
        expectUnbroken("cgroup", process("cgroup") + [Array("9:name=systemd:/a\n1:cpu:/\n0::/b\n".utf8)]) {
            cursor throws(ParseError) in
            var path: [UInt8] = []
            try ProcessCgroup.parse(&cursor, into: &path)
            return path
        }
    }
    @Test func flatKeyed() {
        for file in ["cpu.stat", "memory.stat", "memory.events"] {
            expectUnbroken(file, cgroup(file)) { cursor throws(ParseError) in
                var values: [UInt64?] = []
                try FlatKeyed.parse(&cursor, ["usage_usec", "anon", "oom"], into: &values)
                #expect(values.count == 3)
                return values
            }
        }
    }
    @Test func limits() {
        expectUnbroken("memory.max", cgroup("memory.max"), CgroupLimit.parse)
        expectUnbroken("cpu.max", cgroup("cpu.max"), rounds: 2_000, CgroupLimit.parseCPUs)
    }
    @Test func ioStat() {
        expectUnbroken("io.stat", cgroup("io.stat"), rounds: 2_000) { cursor throws(ParseError) in
            var devices: [CgroupIO] = []
            try CgroupIO.parse(&cursor, into: &devices)
            return devices
        }
    }
    @Test func pressure() { expectUnbroken("io.pressure", cgroup("io.pressure"), Pressure.parse) }
}

@Suite struct ProcessParserTests {
    private func value<Value>(
        _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(ParseError) -> Value {
        try wholeValue(text, parse)
    }

    /// The kernel writes the name into `stat` as the process has set it.
    @Test(arguments: ["a\nb) R", "(", ")", "a)\n1 (b", " ", "\n", "x) S 1 2 3", "\u{e9}"])
    func aNameMayHoldAnything(name: String) throws {
        let numbers = (4...52).map { "\($0)" }.joined(separator: " ")
        var cursor = ByteCursor("12 (\(name)) D \(numbers)\n")
        let stat = try ProcessStat.parse(&cursor)
        #expect(Array(cursor.bytes[stat.name]) == Array(name.utf8))
        #expect(stat.state == UInt8(ascii: "D") && stat.userTicks == 14 && stat.threads == 20 && stat.startTicks == 22)
    }

    @Test func onlyDisksCountAsIO() throws {
        let text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n"
        #expect(try value(text, ProcessIO.parse) == ProcessIO(readBytes: 5, writtenBytes: 6))
        #expect(throws: ParseError(line: 2, expected: "read_bytes: <number>")) {
            try value("rchar: 1\n", ProcessIO.parse)
        }
    }

    @Test func memoryIsInKilobytes() throws {
        #expect(try value("VmRSS:\t 4 kB\nVmSwap:\t     128 kB\n", ProcessMemory.parseSwapBytes) == 131_072)
        // Kernel threads have no memory.
        #expect(try value("Name:\tkthreadd\n", ProcessMemory.parseSwapBytes) == 0)
        #expect(try value("Pss: 18446744073709551615 kB\n", ProcessMemory.parseProportionalBytes) == .max)
        #expect(throws: ParseError(line: 1, expected: "Pss: <number> kB")) {
            try value("Pss: 3 MB\n", ProcessMemory.parseProportionalBytes)
        }
    }

    @Test(arguments: [
        ("/bin/sh\0-c\0exit 0\0", "/bin/sh -c exit 0"), ("postgres: checkpointer \0\0\0", "postgres: checkpointer"),
        ("", ""), ("\0\0", ""), ("a\0\0b", "a  b"),
    ]) func commandLines(text: String, expected: String) throws {
        var line = Array("what was there".utf8)
        var cursor = ByteCursor(text)
        CommandLine.parse(&cursor, into: &line)
        #expect(String(decoding: line, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        ("0::/system.slice/ssh.service\n", "/system.slice/ssh.service"),
        // systemd's own hierarchy, and version 2 not in use, or not there.
        ("3:cpu,cpuacct:/x\n1:name=systemd:/system.slice/a:b.service\n0::/\n", "/system.slice/a:b.service"),
        ("1:name=systemd:/z\n", "/z"),
        // A container that uses version 2 on a host that has both; the order means nothing.
        ("9:name=systemd:/\n4:memory:/x\n0::/system.slice/c.service\n", "/system.slice/c.service"),
        ("0::/y\n9:name=systemd:/z\n", "/y"), ("0::/\n", "/"), ("4:memory:/x\n", ""), ("", ""),
    ]) func cgroups(text: String, expected: String) throws {
        var path = Array("what was there".utf8)
        try value(text) { cursor throws(ParseError) in try ProcessCgroup.parse(&cursor, into: &path) }
        #expect(String(decoding: path, as: UTF8.self) == expected)
    }

    @Test func ioStatLeavesOutWhatHasNoNumbers() throws {
        var devices: [CgroupIO] = []
        let text = """
            7:1 7:0 8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7
            8:0 rbytes=0 wbytes=0 rios=0 wios=0
            259:3 wbytes=9
            253:0\u{20}

            """
        try value(text) { cursor throws(ParseError) in try CgroupIO.parse(&cursor, into: &devices) }
        #expect(
            devices == [
                CgroupIO(major: 8, minor: 16, readBytes: 1, writtenBytes: 2, reads: 3, writes: 4),
                CgroupIO(major: 259, minor: 3, writtenBytes: 9),
            ])
        #expect(throws: ParseError(line: 1, expected: "<major>:<minor> <name>=<number>…")) {
            try value("rbytes=1\n") { cursor throws(ParseError) in try CgroupIO.parse(&cursor, into: &devices) }
        }
    }

    @Test func limitsMayBeNone() throws {
        #expect(try value("max\n", CgroupLimit.parse) == nil && value("512\n", CgroupLimit.parse) == 512)
        #expect(try value("max 100000\n", CgroupLimit.parseCPUs) == nil)
        #expect(try value("150000 100000\n", CgroupLimit.parseCPUs) == 1.5)
        for text in ["5 0\n", "5\n", "\n"] {
            #expect(throws: ParseError.self) { try value(text, CgroupLimit.parseCPUs) }
        }
    }
}
