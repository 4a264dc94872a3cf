// What each collector serves on each fixture host, as text; Tests/Fixtures/golden/<host>/<collector>.txt.
// `UPDATE_GOLDEN=1 swift test --filter Golden` writes the files anew: read their diff before you commit it.

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

@Suite struct GoldenTests {
    /// Collectors whose files are all in the fixture trees. The time and the machine's name are put in below.
    static let names = [
        "cpu", "filefd", "loadavg", "meminfo", "netstat", "pressure", "sockstat", "stat", "time", "uname", "vmstat",
    ]

    @Test(
        arguments: ["composed-x86-8cpu", "debian12-6.18-vm", "old-kernel"], names)
    func serves(host: String, collector: String) throws {
        try Golden.expect("\(host)/\(collector)", try exposition(host, collector))
    }

    /// Collects twice: the second time everything is known already, and nothing may be different.
    private func exposition(_ host: String, _ name: String) throws -> String {
        let root = "\(Repository.fixtures)/hosts/\(host)"
        var collector = try made(name, Host(proc: "\(root)/proc", sys: "\(root)/sys"))
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

    private func made(_ name: String, _ host: Host) throws -> any Collector {
        let options =
            switch name {
            case "cpu": #"{ "info_flags_include": "^a", "info_bugs_include": ".*" }"#
            case "stat": #"{ "softirq": true }"#
            default: "{}"
            }
        var section = try section(options)
        switch name {
        case "time":
            var time = try TimeCollector(&section, host: host)
            time.now = { Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 1_795_230_523_015_832_000) }
            time.zone = { _ in LocalZone(abbreviation: "CET", offsetSeconds: 3_600) }
            return time
        case "uname":
            var uname = try UnameCollector(&section, host: host)
            uname.read = {
                SystemName(
                    sysname: "Linux", nodename: "fixture", release: "6.18.44", version: "#1 SMP", machine: "x86_64",
                    domainname: "(none)")
            }
            return uname
        default:
            let type = try #require(allCollectors.first { $0.name == name })
            let collector = try type.init(&section, host: host)
            try section.finish()
            return collector
        }
    }
}
