// Collectors of what the kernel itself does: on fixture hosts as golden text, with odd input, and on this machine.
// `UPDATE_GOLDEN=1 swift test --filter KernelCollectors` writes Tests/Fixtures/golden/<host>/<collector>.txt anew.

import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct KernelCollectorsTests {
    static let hosts = ["captured-kernel", "composed-numa-server"]
    static let names = [
        "buddyinfo", "cgroups", "entropy", "interrupts", "kernel_hung", "ksmd", "meminfo_numa", "os", "processes",
        "schedstat", "selinux", "slabinfo", "softirqs", "swap", "sysctl", "zoneinfo",
    ]

    /// What golden texts are made with.
    static func options(_ name: String) -> String {
        guard name == "sysctl" else { return "{}" }
        return #"""
            { "include": ["fs.file-nr", "fs.file-nr:total,current,max", "kernel.threads-max"],
              "include_info": ["kernel.seccomp.actions_avail"] }
            """#
    }

    static func host(_ name: String) -> Host {
        let root = "\(Repository.fixtures)/hosts/\(name)"
        return Host(proc: "\(root)/proc", sys: "\(root)/sys", root: root)
    }

    /// What it serves, or why not. Collects twice: the second time everything is known already, and nothing may differ.
    static func exposition(of collector: inout any Collector, without root: String) throws -> String {
        var texts: [String] = []
        var snapshot = Snapshot()
        for _ in 0..<2 {
            var output: [UInt8] = []
            snapshot.removeAll()
            do throws(CollectError) { try collector.collect(into: &snapshot) } catch {
                switch error {
                case .absent(let what): output.append(text: "absent: \(what)\n")
                case .failed(let what): output.append(text: "failed: \(what)\n")
                }
            }
            var encoder = PrometheusText()
            encoder.encode([snapshot], into: &output)
            texts.append(String(decoding: output, as: UTF8.self).replacingOccurrences(of: root, with: ""))
        }
        #expect(texts[0] == texts[1])
        return texts[1]
    }

    static func collector(_ name: String, _ options: String = "{}", on host: Host) throws -> any Collector {
        var section = try section(options)
        let type = try #require(allCollectors.first { $0.name == name })
        let collector = try type.init(&section, host: host)
        try section.finish()
        return collector
    }

    @Test(arguments: hosts, names) func serves(host: String, name: String) throws {
        var collector = try Self.collector(name, Self.options(name), on: Self.host(host))
        try Golden.expect(
            "\(host)/\(name)",
            try Self.exposition(of: &collector, without: "\(Repository.fixtures)/hosts/\(host)"))
    }

    /// No sample has a name that is not declared, and each series is there once.
    @Test(arguments: hosts, names) func servesWhatItDeclares(host: String, name: String) throws {
        var collector = try Self.collector(name, on: Self.host(host))
        let declared = Set(type(of: collector).metrics.map(\.name))
        // Names that are not fixed come from fields of the kernel's file, all behind the collector's own.
        #expect(declared.isEmpty == (name == "meminfo_numa"))
        var snapshot = Snapshot()
        do throws(CollectError) { try collector.collect(into: &snapshot) } catch {
            guard case .absent = error else { throw error }
        }
        for family in snapshot.families.map(\.name) {
            #expect(declared.isEmpty ? family.hasPrefix("node_memory_numa_") : declared.contains(family), "\(family)")
        }
        let series = snapshot.samples.map { "\($0.family) \(snapshot.labels(of: $0))" }
        #expect(Set(series).count == series.count)
    }

    @Test(arguments: names) func anEmptyHostIsAbsent(name: String) throws {
        let host = try TemporaryHost()
        let empty = Host(proc: host.root, sys: host.root, root: host.root)
        var collector = try Self.collector(name, on: empty)
        var snapshot = Snapshot()
        // Nothing is asked for, nothing is missing.
        if name == "sysctl" { return try collector.collect(into: &snapshot) }
        // That there is no SELinux is what is to be said.
        if name == "selinux" {
            try collector.collect(into: &snapshot)
            return #expect(snapshot.samples.map(\.value) == [0])
        }
        do throws(CollectError) {
            try collector.collect(into: &snapshot)
            Issue.record("\(name) served something from nothing")
        } catch {
            guard case .absent(let what) = error else { throw error }
            #expect(what.contains(host.root))
        }
    }

    // MARK: timex

    private func timex(_ read: @escaping () throws(Errno) -> ClockDiscipline) throws -> TimexCollector {
        var section = try section()
        var collector = try TimexCollector(&section, host: Host())
        collector.read = read
        return collector
    }

    @Test func timexConvertsEachOfTheKernelsUnits() throws {
        var clock = ClockDiscipline()
        clock.status = 0x2001
        clock.offset = -1_234_567
        clock.frequency = -65_536 * 25
        clock.maximumError = 16_500_000
        clock.estimatedError = 250
        clock.constant = 7
        clock.tick = 10_000
        clock.ppsFrequency = 65_536
        clock.jitter = 2_000
        clock.shift = 4
        clock.stability = 32_768
        clock.jitterCount = 1
        clock.calibrationCount = 2
        clock.errorCount = 3
        clock.stabilityCount = 4
        clock.tai = 37
        var collector = try timex { () throws(Errno) in clock }
        let all = try samples(&collector).map { $0.replacingOccurrences(of: "node_timex_", with: "") }
        #expect(
            all == [
                "offset_seconds -0.001234567", "frequency_adjustment_ratio 0.999975", "maxerror_seconds 16.5",
                "estimated_error_seconds 0.00025", "status 8193", "loop_time_constant 7", "tick_seconds 0.01",
                "pps_frequency_hertz 1e-06", "pps_jitter_seconds 2e-06", "pps_shift_seconds 4",
                "pps_stability_hertz 5e-07", "pps_jitter_total 1", "pps_calibration_total 2", "pps_error_total 3",
                "pps_stability_exceeded_total 4", "tai_offset_seconds 37", "sync_status 1",
            ])
        // Without STA_NANO it is microseconds; and TIME_ERROR is a clock that nobody has set.
        clock.status = 0x40
        clock.state = 5
        let micro = try samples(&collector)
        #expect(micro.first == "node_timex_offset_seconds -1.234567" && micro.last == "node_timex_sync_status 0")
        #expect(micro.contains("node_timex_pps_jitter_seconds 0.002"))
    }

    @Test func aClockThatMayNotBeAskedIsAbsent() throws {
        var forbidden = try timex { () throws(Errno) in throw .notPermitted }
        #expect {
            try samples(&forbidden)
        } throws: { error in
            guard case .absent(let what)? = error as? CollectError else { return false }
            return what.contains("adjtimex")
        }
        var broken = try timex { () throws(Errno) in throw .invalid }
        #expect(throws: CollectError.failed("adjtimex: Invalid argument")) { try samples(&broken) }
    }

    @Test func thisMachinesClockAnswers() throws {
        let clock = try ClockDiscipline.current()
        #expect(clock.tick > 0 && (0...5).contains(clock.state))
    }

    // MARK: os

    @Test func osReadsTheSecondPlaceAndFollowsChanges() throws {
        let host = try TemporaryHost(["usr/lib/os-release": "ID=debian\nVERSION_ID=\"12.5.1\"\n"])
        var collector = try Self.collector("os", on: Host(root: host.root))
        func versions() throws -> [String] {
            var snapshot = Snapshot()
            try collector.collect(into: &snapshot)
            return snapshot.samples.map { "\(snapshot.families[$0.family].name) \($0.value)" }
        }
        #expect(try versions() == ["node_os_info 1.0", "node_os_version 12.5"])
        try host.write("etc/os-release", "ID=arch\nVERSION_ID=rolling\nSUPPORT_END=2028-02-29\n")
        #expect(try versions() == ["node_os_info 1.0", "node_os_support_end_timestamp_seconds 1835395200.0"])
    }

    @Test(arguments: [
        "/usr/lib/distribution", "../usr/lib/distribution", "/../../../usr/lib/distribution", "/link/distribution",
    ]) func osFollowsLinksInsideTheRootOfTheHost(target: String) throws {
        let host = try TemporaryHost(["usr/lib/distribution": "ID=inside\nVERSION_ID=1\n"])
        try FileManager.default.createDirectory(atPath: "\(host.root)/etc", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: "\(host.root)/link", withDestinationPath: "/usr/lib")
        try FileManager.default.createSymbolicLink(
            atPath: "\(host.root)/etc/os-release", withDestinationPath: target)
        var collector = try Self.collector("os", on: Host(root: host.root))
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        #expect(snapshot.labels(of: snapshot.samples[0])[1] == "inside")
        // Another content under the same names is another reading.
        try host.write("usr/lib/distribution", "ID=another\nVERSION_ID=1\n")
        snapshot.removeAll()
        try collector.collect(into: &snapshot)
        #expect(snapshot.labels(of: snapshot.samples[0])[1] == "another")
    }

    @Test func osDoesNotLookOutsideTheRootOfTheHost() throws {
        let outside = try TemporaryHost(["os-release": "ID=outside\n"])
        let host = try TemporaryHost(["usr/lib/os-release": "ID=inside\n", "etc/passwd": "x"])
        try FileManager.default.createSymbolicLink(
            atPath: "\(host.root)/etc/os-release", withDestinationPath: "\(outside.root)/os-release")
        var collector = try Self.collector("os", on: Host(root: host.root))
        var snapshot = Snapshot()
        try collector.collect(into: &snapshot)
        #expect(snapshot.labels(of: snapshot.samples[0])[1] == "inside", "the second place")
    }

    @Test func osServesWhatItCanOfABadFile() throws {
        let host = try TemporaryHost([
            "etc/os-release": "NAME=Linux\nthis is no assignment\nID=\"open\n\nVERSION_ID=7\nSUPPORT_END=soon\n"
        ])
        var collector = try Self.collector("os", on: Host(root: host.root))
        // Twice: the second time the file is known already, and what is left out of it is counted again.
        for _ in 0..<2 {
            var snapshot = Snapshot()
            let skipped = SkippedRows()
            try skipped.gather { () throws(CollectError) in try collector.collect(into: &snapshot) }
            #expect(skipped.count == 3 && skipped.files.map(\.path) == ["\(host.root)/etc/os-release"])
            #expect(snapshot.samples.map(\.value) == [1, 7])
            #expect(snapshot.labels(of: snapshot.samples[0])[5] == "Linux")
        }
        try host.write("etc/os-release", "# A comment.\nthis is no assignment\n")
        var snapshot = Snapshot()
        #expect(throws: CollectError.failed("\(host.root)/etc/os-release: line 2: expected <NAME>=<value>")) {
            try collector.collect(into: &snapshot)
        }
    }

    @Test(arguments: [
        ("1970-01-01", 0), ("2024-02-29", 1_709_164_800), ("2000-12-31", 978_220_800), ("1969-12-31", -86_400),
    ]) func days(text: String, seconds: Int64) { #expect(OSCollector.day(text) == seconds) }

    @Test(arguments: ["", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "2024-01", "2024-1-1x", "99999-1-1"])
    func noDays(text: String) { #expect(OSCollector.day(text) == nil) }

    // MARK: selinux

    @Test(arguments: [
        (
            "SELINUX=enforcing\n", "1",
            ["node_selinux_enabled 1", "node_selinux_config_mode 1", "node_selinux_current_mode 1"]
        ),
        (
            "SELINUX=disabled\n", "0",
            ["node_selinux_enabled 1", "node_selinux_config_mode -1", "node_selinux_current_mode 0"]
        ),
        ("", "1", ["node_selinux_enabled 1", "node_selinux_config_mode -1", "node_selinux_current_mode 1"]),
    ]) func selinuxModes(config: String, enforce: String, expected: [String]) throws {
        let host = try TemporaryHost(["etc/selinux/config": config, "sys/fs/selinux/enforce": enforce])
        var section = try section()
        var collector = try SelinuxCollector(
            &section, host: Host(proc: host.root, sys: "\(host.root)/sys", root: host.root))
        #expect(try samples(&collector) == expected)
        // As long as no policy is loaded the init process has the label of the kernel.
        try host.write("1/attr/current", "kernel\0")
        #expect(try samples(&collector) == ["node_selinux_enabled 0"])
    }
}
