// The largest processes: who is among them, over which time, and what is left out.

import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct TopCollectorTests {
    private typealias Process = ProcessGroupsTests.Process

    /// A clock that the test sets.
    private final class Clock {
        var now = Instant(nanoseconds: 1_000_000_000_000)
    }

    private func collector(_ options: String, on host: Host, _ clock: Clock) throws -> TopCollector {
        var section = try section(options)
        var collector = try TopCollector(&section, host: host)
        try section.finish()
        collector.now = { clock.now }
        return collector
    }

    private func read(_ collector: inout TopCollector) throws -> [String: Double] {
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        return values(of: snapshot, without: "vitals_top_")
    }

    @Test func theLargestSinceTheLastReading() throws {
        let host = try TemporaryHost()
        for number in 1...5 {
            try Process(number: number, name: "p\(number)", ticks: (1_000 * number, 0), pages: 10 - number)
                .write(to: host)
        }
        let clock = Clock()
        var collector = try collector(#"{ "count": 2, "by": ["cpu", "memory", "io"] }"#, on: host.host, clock)
        let page = Double(KernelUnits.pageBytes)
        // What was used before the first reading is not known to have been used lately.
        #expect(
            try read(&collector) == [
                "memory_bytes{p1,1}": 9 * page, "memory_bytes{p2,2}": 8 * page, "left_out{memory}": 3,
                "unreadable{}": 0,
            ])

        clock.now = clock.now + .seconds(10)
        try Process(number: 1, name: "p1", ticks: (1_200, 300), io: (50, 50), pages: 0).write(to: host)
        try Process(number: 2, name: "p2", ticks: (2_000, 100), pages: 0).write(to: host)
        try Process(number: 3, name: "p3", ticks: (3_002, 0), pages: 0).write(to: host)
        try Process(number: 4, name: "p4", ticks: (4_000, 0), pages: 0).write(to: host)
        try Process.remove(5, from: host)
        // A new one used all that it used since.
        try Process(number: 6, name: "new one", ticks: (1_500, 0), start: 5_000, io: (0, 1_000), pages: 3)
            .write(to: host)
        #expect(
            try read(&collector) == [
                "cpu_ratio{new one,6}": 1.5, "cpu_ratio{p1,1}": 0.5, "left_out{cpu}": 2,
                "memory_bytes{new one,6}": 3 * page, "left_out{memory}": 0,
                "io_bytes_per_second{new one,6}": 100, "io_bytes_per_second{p1,1}": 10, "left_out{io}": 0,
                "unreadable{}": 0, "window_seconds{}": 10,
            ])
    }

    /// Ticks are too coarse for a short time: who asks again at once is answered over the time before.
    @Test func aShortWindowIsMadeLonger() throws {
        let host = try TemporaryHost()
        try Process(ticks: (0, 0)).write(to: host)
        let clock = Clock()
        var collector = try collector(#"{ "by": ["cpu"] }"#, on: host.host, clock)
        _ = try read(&collector)
        clock.now = clock.now + .seconds(4)
        try Process(ticks: (200, 0)).write(to: host)
        #expect(try read(&collector)["cpu_ratio{web,7}"] == 0.5)
        clock.now = clock.now + .milliseconds(500)
        try Process(ticks: (250, 0)).write(to: host)
        #expect(try read(&collector)["cpu_ratio{web,7}"] == 1)
        clock.now = clock.now + .milliseconds(500)
        try Process(ticks: (250, 0)).write(to: host)
        let all = try read(&collector)
        #expect(all["cpu_ratio{web,7}"] == 0.5 && all["window_seconds{}"] == 1)
        // At the very same moment there is no time to divide by.
        #expect(try read(&collector) == ["left_out{cpu}": 0, "unreadable{}": 0, "window_seconds{}": 0])
    }

    @Test func equalsAreServedInTheOrderOfTheirNumbers() throws {
        let host = try TemporaryHost()
        for number in [30, 9, 200, 4] { try Process(number: number, name: "same").write(to: host) }
        var collector = try collector(#"{ "count": 3, "by": ["memory"] }"#, on: host.host, Clock())
        #expect(
            try samples(&collector).map { $0.prefix { $0 != "}" } } == [
                "vitals_top_memory_bytes{same,4", "vitals_top_memory_bytes{same,9", "vitals_top_memory_bytes{same,30",
                "vitals_top_left_out{memory", "vitals_top_unreadable 0",
            ])
    }

    @Test func servesTheFixture() throws {
        let clock = Clock()
        var collector = try collector(
            #"{ "count": 3 }"#, on: KernelCollectorsTests.host("composed-processes"), clock)
        let page = Double(KernelUnits.pageBytes)
        let first = try read(&collector)
        #expect(
            first == [
                "memory_bytes{a (b) R 1 ) c,950}": 50_000 * page, "memory_bytes{postgres,901}": 9_000 * page,
                "memory_bytes{Web Content,951}": 7_000 * page, "left_out{memory}": 4, "unreadable{}": 0,
            ])
        // Nobody has used anything since.
        clock.now = clock.now + .seconds(15)
        let second = try read(&collector)
        #expect(second == first.merging(["left_out{cpu}": 0, "window_seconds{}": 15]) { $1 })
    }

    @Test(arguments: [
        (#"{ "count": 0 }"#, "from 1 to 100"), (#"{ "by": ["cpu", "cpu"] }"#, "each once"),
        (#"{ "by": ["disk"] }"#, "expected cpu, memory or io"),
    ]) func badOptions(options: String, expected: String) {
        #expect {
            try collector(options, on: Host(), Clock())
        } throws: { "\($0)".contains(expected) }
    }

    @Test func anEmptyHostIsAbsent() throws {
        let host = try TemporaryHost(["proc/self/stat": ""])
        var collector = try collector("{}", on: host.host, Clock())
        #expect(throws: CollectError.absent("\(host.root)/proc has no processes")) { try read(&collector) }
    }
}
