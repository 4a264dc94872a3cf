// The perf collector on counters of the test's own: what a machine without privilege or hardware has, CPUs that come
// and go, options. And on this machine, where it may.

import Metrics
import Platform
import Procfs
import Settings
import Synchronization
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct PerfCollectorTests {
    /// Which counters were opened, in their order.
    private final class Opened: Sendable {
        private let events = Mutex<[(event: PerfEvent, cpu: Int)]>([])
        var count: Int { events.withLock { $0.count } }
        func add(_ event: PerfEvent, _ cpu: Int) -> Int {
            events.withLock {
                $0.append((event, cpu))
                return $0.count
            }
        }
    }

    private func collector(
        _ options: String = "{}", on host: Host,
        count: @escaping (PerfEvent, Int) throws(Errno) -> PerfCollector.Reader
    ) throws -> PerfCollector {
        var section = try section(options)
        var collector = try PerfCollector(&section, host: host)
        try section.finish()
        collector.count = count
        return collector
    }

    /// What it adds before it fails, and why it fails.
    private func collect(_ collector: inout PerfCollector) -> (served: [String], error: CollectError?) {
        var snapshot = Snapshot()
        var problem: CollectError?
        do throws(CollectError) { try collector.collect(into: &snapshot) } catch { problem = error }
        let served = snapshot.samples.map { sample in
            "\(snapshot.families[sample.family].name){\(snapshot.labels(of: sample)[0])} \(Int(sample.value))"
        }
        return (served, problem)
    }

    private func host(online: String = "0-1\n") throws -> TemporaryHost {
        try TemporaryHost(["sys/devices/system/cpu/online": online])
    }

    @Test func everyEventIsServedForEachCPU() throws {
        let host = try host()
        let opened = Opened()
        var perf = try collector(on: host.host) { (event, cpu) throws(Errno) in
            let number = opened.add(event, cpu)
            return { () throws(Errno) in UInt64(number) }
        }
        let first = collect(&perf)
        #expect(first.error == nil && first.served.count == 2 * 30 && Set(first.served).count == 60)
        #expect(Set(first.served.map { $0.prefix { $0 != "{" } }) == Set(PerfCollector.metrics.map { $0.name[...] }))
        // What is open goes on counting; one that comes begins, one that goes is closed.
        try host.write("sys/devices/system/cpu/online", "1-2\n")
        let second = collect(&perf)
        #expect(opened.count == 90)
        #expect(second.served.contains("node_perf_page_faults_total{1} 31"))
        #expect(second.served.contains("node_perf_page_faults_total{2} 61"))
        #expect(!second.served.contains { $0.contains("{0}") })
    }

    @Test func aVirtualMachineServesTheKernelsOwnCounters() throws {
        let host = try host()
        var perf = try collector(on: host.host) { (event, _) throws(Errno) in
            guard event.type == 1 else { throw .notFound }
            return { () throws(Errno) in 5 }
        }
        for _ in 0..<2 {
            let (served, error) = collect(&perf)
            #expect(served.count == 10 && served.first == "node_perf_page_faults_total{0} 5")
            guard case .absent(let what)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(what.contains("none of the CPU's counters"))
        }
        // Who does not want them does not miss them.
        perf = try collector(
            #"{ "disable_hardware_profilers": true, "disable_cache_profilers": true, "cpus": "1" }"#, on: host.host
        ) { (_, _) throws(Errno) in { () throws(Errno) in 5 } }
        let (served, error) = collect(&perf)
        #expect(served.count == 5 && error == nil)
    }

    @Test func whatIsForbiddenIsSaid() throws {
        let host = try host()
        for (errno, text) in [
            (Errno.accessDenied, "perf_event_paranoid"), (.notPermitted, "CAP_PERFMON"),
            (.processFileLimit, "Too many"),
        ] {
            var perf = try collector(on: host.host) { (_, _) throws(Errno) in throw errno }
            let (served, error) = collect(&perf)
            guard case .failed(let what)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(served.isEmpty && what.contains(text))
        }
        var perf = try collector(on: host.host) { (_, _) throws(Errno) in throw .noSystemCall }
        #expect(collect(&perf).error == .absent("this kernel has no perf_event_open(2)"))
    }

    @Test func optionsChooseWhatIsCounted() throws {
        let options = #"""
            { "cpus": "3,5-9:2", "hardware_profilers": ["CpuInstr"], "software_profilers": ["MajorFault"],
              "disable_cache_profilers": true }
            """#
        var perf = try collector(options, on: Host()) { (_, _) throws(Errno) in { () throws(Errno) in 1 } }
        #expect(
            collect(&perf).served.prefix(3) == [
                "node_perf_major_faults_total{3} 1", "node_perf_instructions_total{3} 1",
                "node_perf_major_faults_total{5} 1",
            ])
    }

    @Test func aTracepointThatIsNotThereLosesOnlyItself() throws {
        let host = try host(online: "0\n")
        let options = #"{ "tracepoint": ["sched:fork", "net:gone"], "software_profilers": ["PageFault"] }"#
        try host.write("sys/kernel/debug/tracing/events/sched/fork/id", "312\n")
        var perf = try collector(options, on: host.host) { (event, _) throws(Errno) in
            { () throws(Errno) in event.type == 2 ? event.config : 1 }
        }
        let (served, error) = collect(&perf)
        #expect(served.contains("node_perf_sched_fork{0} 312") && served.contains("node_perf_page_faults_total{0} 1"))
        #expect(error == .failed("this kernel has no tracepoint net:gone"))
        try host.write("sys/kernel/tracing/events/net/gone/id", "7\n")
        let later = collect(&perf)
        #expect(later.error == nil && later.served.contains("node_perf_net_gone{0} 7"))
    }

    @Test func aCounterThatTheKernelGaveUpIsLeftOut() throws {
        let host = try host(online: "0\n")
        var perf = try collector(on: host.host) { (event, _) throws(Errno) in
            { () throws(Errno) in
                if event == .software(2) { return nil }
                if event == .software(3) { throw .io }
                return 1
            }
        }
        let (served, error) = collect(&perf)
        #expect(served.count == 28)
        #expect(error == .failed("node_perf_context_switches_total of CPU 0: Input/output error"))
    }

    @Test(arguments: [
        ("0", [0]), ("3,1", [1, 3]), ("0-3,8", [0, 1, 2, 3, 8]), ("1-10:5", [1, 6]), ("2-2", [2]), ("0-1,1", [0, 1]),
    ]) func lists(text: String, cpus: [Int]) { #expect(PerfCollector.cpus(text) == cpus) }

    @Test(arguments: ["", "a", "1-", "3-1", "1,", "1-4:0", "0-99999999", "1 2", "-1"])
    func noLists(text: String) { #expect(PerfCollector.cpus(text) == nil) }

    @Test(arguments: [
        #"{ "cpus": "x" }"#, #"{ "hardware_profilers": ["Cycles"] }"#, #"{ "tracepoint": ["sched"] }"#,
        #"{ "tracepoint": ["a:b:c"] }"#, #"{ "tracepoint": ["../x:y"] }"#, #"{ "tracepoint": ["a:b", "a:b"] }"#,
    ]) func refuses(options: String) throws {
        #expect(throws: SettingsError.self) {
            var section = try section(options)
            _ = try PerfCollector(&section, host: Host())
        }
    }

    /// The kernel's own counters can be had everywhere by who may.
    @Test func thisMachineCountsPageFaults() throws {
        let counter: PerfCounter
        do throws(Errno) { counter = try PerfCounter(.software(2), cpu: 0) } catch {
            #expect([.accessDenied, .notPermitted, .noSystemCall].contains(error))
            return
        }
        let before = try #require(try counter.value())
        #expect(try #require(try counter.value()) >= before)
    }
}
