// The CPU collector over time: counters that run backwards, CPUs that come and go, and its options.

import Foundation
import Metrics
import Platform
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors
@testable import Procfs

@Suite struct CPUCollectorTests {
    private func cpu(_ number: Int, idle: UInt64, iowait: UInt64 = 0, user: UInt64 = 0) -> CPUTimes {
        CPUTimes(cpu: number, user: user, idle: idle, iowait: iowait)
    }

    @Test func smallJumpsBackAreHeld() {
        let last = [cpu(0, idle: 1_000, iowait: 50, user: 10), cpu(1, idle: 2_000)]
        let held = CPUCollector.held(last, [cpu(0, idle: 701, iowait: 40, user: 11), cpu(1, idle: 2_001)])
        #expect(held == [cpu(0, idle: 1_000, iowait: 50, user: 11), cpu(1, idle: 2_001)])
    }

    @Test func aJumpOfThreeSecondsIsANewStart() {
        let restart = 3 * KernelUnits.ticksPerSecond
        let last = [cpu(0, idle: 10_000, iowait: 50, user: 99)]
        let now = [cpu(0, idle: 10_000 - restart, iowait: 1, user: 2)]
        #expect(CPUCollector.held(last, now) == now)
        let short = [cpu(0, idle: 10_000 - restart + 1, iowait: 1, user: 2)]
        #expect(CPUCollector.held(last, short) == last)
    }

    @Test func cpusThatComeAndGoKeepTheirOwnTimes() {
        let last = [cpu(0, idle: 100), cpu(1, idle: 200), cpu(3, idle: 400)]
        let now = [cpu(1, idle: 199), cpu(2, idle: 5), cpu(3, idle: 401)]
        #expect(CPUCollector.held(last, now) == [cpu(1, idle: 200), cpu(2, idle: 5), cpu(3, idle: 401)])
        #expect(CPUCollector.held([], now) == now)
    }

    @Test func followsACPUThatIsTakenOffline() throws {
        let host = try TemporaryHost([
            "proc/stat": "cpu  3 0 0 3\ncpu0 1 0 0 1\ncpu1 2 0 0 2\n",
            "sys/devices/system/cpu/present": "0-1\n",
            "sys/devices/system/cpu/cpu1/online": "1\n",
            "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
            "sys/devices/system/cpu/cpu1/topology/core_id": "7\n",
            "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "12\n",
        ])
        var section = try section(#"{ "guest": false }"#)
        var collector = try CPUCollector(&section, host: host.host)
        let both = try samples(&collector)
        #expect(both.count == 8 + 8 + 2 + 1)
        #expect(
            both.suffix(3) == ["node_cpu_online{0} 1", "node_cpu_online{1} 1", "node_cpu_core_throttles_total{7,0} 12"])
        try host.write("proc/stat", "cpu  1 0 0 1\ncpu0 1 0 0 1\n")
        try host.write("sys/devices/system/cpu/cpu1/online", "0\n")
        let one = try samples(&collector)
        #expect(one.contains("node_cpu_seconds_total{0,user} 0.01"))
        #expect(!one.contains { $0.hasPrefix("node_cpu_seconds_total{1") })
        #expect(one.suffix(2) == ["node_cpu_online{0} 1", "node_cpu_online{1} 0"])
    }

    /// Whatever is left of the file: no trap, and no series twice, which would break the whole scrape.
    @Test func everyTruncationServesEachSeriesOnce() throws {
        let text = String(
            decoding: try readWhole("\(Repository.fixtures)/hosts/composed-x86-8cpu/proc/stat"), as: UTF8.self)
        let host = try TemporaryHost(["sys/devices/system/cpu/present": "0-7\n"])
        var section = try section()
        var collector = try CPUCollector(&section, host: host.host)
        var served = 0
        for count in 1...text.utf8.count {
            try host.write("proc/stat", String(text.prefix(count)))
            do throws(CollectError) {
                var snapshot = Snapshot()
                try collector.collect(into: &snapshot)
                let keys = snapshot.samples.map { "\($0.family) \(snapshot.labels(of: $0))" }
                #expect(Set(keys).count == keys.count)
                served += 1
            } catch {
                guard case .failed = error else { throw error }
            }
        }
        #expect(served > 100)
    }

    @Test func aMachineWithoutSwitchesServesNoOnline() throws {
        let host = try TemporaryHost([
            "proc/stat": "cpu  1 0 0 1\ncpu0 1 0 0 1\n", "sys/devices/system/cpu/present": "0\n",
        ])
        var section = try section()
        var collector = try CPUCollector(&section, host: host.host)
        #expect(try samples(&collector).allSatisfy { !$0.hasPrefix("node_cpu_online") })
    }

    @Test func infoIsServedWhenAskedFor() throws {
        let root = "\(Repository.fixtures)/hosts/composed-x86-8cpu"
        let host = Host(proc: "\(root)/proc", sys: "\(root)/sys")
        func names(_ options: String) throws -> Set<String> {
            var section = try section(options)
            var collector = try CPUCollector(&section, host: host)
            try section.finish()
            return Set(try samples(&collector).map { String($0.prefix { $0 != "{" && $0 != " " }) })
        }
        let plain = try names("{}")
        #expect(!plain.contains("node_cpu_info") && plain.contains("node_cpu_guest_seconds_total"))
        let info = try names(#"{ "info": true, "guest": false }"#)
        #expect(info.contains("node_cpu_info") && info.contains("node_cpu_frequency_hertz"))
        #expect(!info.contains("node_cpu_flag_info") && !info.contains("node_cpu_guest_seconds_total"))
        #expect(
            try names(#"{ "info_flags_include": "avx" }"#).isSuperset(of: ["node_cpu_info", "node_cpu_flag_info"]))
    }
}
