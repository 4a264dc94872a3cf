// Rows of kernel tables that a collector leaves out: the rest is served, and the endpoint and the log say so.

import Foundation
import Synchronization
import TestSupport
import Testing

import struct Procfs.Host

@testable import Agent
@testable import Collectors
@testable import Platform
@testable import Settings

@Suite struct SkippedRowTests {
    private func lines(_ scraper: Scraper) -> [Substring] {
        String(decoding: scraper.exposition(ScrapeRequest()), as: UTF8.self).split(separator: "\n")
    }

    private func scraper(
        of names: [String], on host: TemporaryDirectory, log: AgentLog = .silent
    ) throws -> Scraper {
        var options = try section(#"{ "enable": \#(names) }"#, path: "collectors")
        return try Scraper(
            &options, host: Host(proc: "\(host.path)/proc", sys: "\(host.path)/sys", root: host.path),
            collectors: allCollectors.filter { names.contains($0.name) }, log: log)
    }

    @Test func anOddRowIsCountedEachTimeAndSaidOnce() throws {
        let host = try TemporaryDirectory()
        let sink = LogSink()
        let scraper = try scraper(of: ["swap", "slabinfo"], on: host, log: sink.log)
        let good = "Filename Type Size Used Priority\n/dev/a partition 8 4 -2\n"
        let odd = good + "/dev/b partition x 4 -3\n/dev/c file 8 4 -4\n/dev/d file 8 -4 1\n"
        let skipped = #"vitals_collector_rows_skipped_total{collector="swap"}"#
        for (text, areas, count) in [(good, 1, 0), (odd, 2, 2), (odd, 2, 4), (good, 1, 4), (odd, 2, 6)] {
            try host.write("proc/swaps", text)
            let lines = lines(scraper)
            #expect(lines.contains("\(skipped) \(count)"), "\(lines.filter { $0.hasPrefix(skipped) })")
            #expect(lines.contains(#"node_scrape_collector_success{collector="swap"} 1"#))
            #expect(lines.count { $0.hasPrefix("node_swap_size_bytes{") } == areas)
            // Served from the start also of one that has nothing to read.
            #expect(lines.contains(#"vitals_collector_rows_skipped_total{collector="slabinfo"} 0"#))
        }
        let said = sink.text.filter { $0.contains("\(host.path)/proc/swaps") }
        // What was said a moment ago is folded, as all messages are.
        #expect(said.count == 2, "\(said)")
        #expect(said.filter { $0.contains("left out") && $0.contains("line 3") && $0.contains("rows=2") }.count == 1)
        #expect(said.filter { $0.contains("again") }.count == 1)
    }

    /// The kernel writes a process's name into `stat` as the process has set it.
    @Test func aProcessMayHaveAnyName() throws {
        let host = try TemporaryDirectory()
        let rest = "S 1 1 1 0 -1 4194560 1 0 0 0 3 5 0 0 20 0 1 0 11 4096 7" + String(repeating: " 0", count: 28)
        try host.write("proc/sys/kernel/threads-max", "100\n")
        try host.write("proc/sys/kernel/pid_max", "200\n")
        try host.write("proc/stat", "cpu 1 2 3 4\nbtime 5\n")
        for (process, name) in [(1, "init"), (2, "a\nb) R"), (3, "c")] {
            try host.write("proc/\(process)/stat", "\(process) (\(name)) \(rest)\n")
        }
        // Of one that cannot be read at all the others are none the worse.
        try host.write("proc/4/stat", "4 (d) S 1\n")
        let lines = try lines(scraper(of: ["processes", "top"], on: host))
        #expect(lines.contains("node_processes_pids 3") && lines.contains(#"node_processes_state{state="S"} 3"#))
        #expect(lines.contains { $0.contains(#"a\nb) R"#) && $0.hasPrefix("vitals_top_") }, "\(lines)")
        for name in ["processes", "top"] {
            #expect(lines.contains(#"node_scrape_collector_success{collector="\#(name)"} 1"#))
            #expect(lines.contains(#"vitals_collector_rows_skipped_total{collector="\#(name)"} 1"#))
        }
    }

    /// The text of the mounts is parsed only when it has changed.
    @Test func anOddMountIsCountedEachTime() throws {
        let host = try TemporaryDirectory()
        let sink = LogSink()
        let scraper = try scraper(of: ["filesystem"], on: host, log: sink.log)
        try host.write("proc/1/mountinfo", "27 1 8:0 / / rw - ext4 /dev/a rw\n28 27 8:1 / /odd rw\n")
        for count in 1...3 {
            let lines = lines(scraper)
            #expect(lines.contains(#"vitals_collector_rows_skipped_total{collector="filesystem"} \#(count)"#))
            #expect(lines.contains(#"node_scrape_collector_success{collector="filesystem"} 1"#))
            #expect(lines.count { $0.hasPrefix("node_filesystem_size_bytes{") } == 1)
        }
        #expect(sink.text.count { $0.contains("/proc/1/mountinfo") } == 1, "\(sink.text)")
    }

    @Test func aTableOfWhichNothingCanBeReadIsAFailure() throws {
        let host = try TemporaryDirectory()
        try host.write("proc/swaps", "Filename Type Size Used Priority\n/dev/a partition\n")
        let lines = try lines(scraper(of: ["swap"], on: host))
        #expect(lines.contains(#"node_scrape_collector_success{collector="swap"} 0"#))
    }
}
