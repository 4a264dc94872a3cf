// Collectors that read several files: one that is odd, or cannot be read, costs what is in it, and is named.

import Foundation
import Metrics
import Settings
import TestSupport
import Testing

@testable import Collectors

/// A collector, the files of a host, and which of them is odd.
struct OddFileCase: Sendable, CustomTestStringConvertible {
    let collector: String
    var options = "{}"
    let files: [String: String]
    let odd: String
    /// What is served all the same.
    let served: [String]

    var testDescription: String { "\(collector): \(odd)" }
}

private let stat = "cpu  100 2 3 4\ncpu0 100 2 3 4\ncpu1 100 2 3 4\nbtime 5\n"
private let processStat =
    "1 (init) S 1 1 1 0 -1 4194560 1 0 0 0 3 5 0 0 20 0 1 0 11 4096 7" + String(repeating: " 0", count: 28) + "\n"

@Suite struct OddFileTests {
    private static let conntrack = "proc/sys/net/netfilter/nf_conntrack"
    private static let cases = [
        OddFileCase(
            collector: "conntrack", files: ["\(conntrack)_count": "7\n", "\(conntrack)_max": "9\n"],
            odd: "\(conntrack)_count", served: ["node_nf_conntrack_entries_limit 9"]),
        OddFileCase(
            collector: "conntrack", files: ["\(conntrack)_count": "7\n", "\(conntrack)_max": "9\n"],
            odd: "\(conntrack)_max", served: ["node_nf_conntrack_entries 7"]),
        OddFileCase(
            collector: "ksmd",
            files: ["sys/kernel/mm/ksm/pages_shared": "7\n", "sys/kernel/mm/ksm/pages_sharing": "8\n"],
            odd: "sys/kernel/mm/ksm/pages_shared", served: ["node_ksmd_pages_sharing 8"]),
        OddFileCase(
            collector: "cpu",
            files: [
                "proc/stat": stat, "sys/devices/system/cpu/present": "0-1\n", "sys/devices/system/cpu/isolated": "1\n",
                "sys/devices/system/cpu/cpu1/online": "1\n",
            ], odd: "sys/devices/system/cpu/present", served: ["node_cpu_isolated{1} 1"]),
        OddFileCase(
            collector: "cpu",
            files: [
                "proc/stat": stat, "sys/devices/system/cpu/present": "0-1\n", "sys/devices/system/cpu/isolated": "1\n",
                "sys/devices/system/cpu/cpu1/online": "1\n",
            ], odd: "sys/devices/system/cpu/isolated", served: ["node_cpu_online{0} 1", "node_cpu_online{1} 1"]),
        OddFileCase(
            collector: "cpu", options: #"{"info": true}"#,
            files: ["proc/stat": stat, "proc/cpuinfo": "processor : 0\n\n", "sys/devices/system/cpu/isolated": "1\n"],
            odd: "proc/cpuinfo", served: ["node_cpu_isolated{1} 1"]),
        OddFileCase(
            collector: "process_groups", options: #"{"groups": {"all": {"command": ["init"]}}}"#,
            files: ["proc/stat": stat, "proc/1/stat": processStat], odd: "proc/stat",
            served: ["vitals_process_group_unmatched 0"]),
    ]

    private func collect<Made: Collector>(_ type: Made.Type, _ options: String, _ host: TemporaryHost) throws
        -> [String]
    {
        var section = try section(options)
        var collector = try type.init(&section, host: host.host)
        return try samples(&collector)
    }

    @Test(arguments: cases) func anOddFileCostsItself(odd: OddFileCase) throws {
        let type = try #require(allCollectors.first { $0.name == odd.collector })
        let host = try TemporaryHost(odd.files)
        let whole = try collect(type, odd.options, host)
        #expect(Set(odd.served).isSubset(of: whole), "\(whole)")
        try host.write(odd.odd, "odd\n")
        var served: [String] = []
        var named = try leftOut(below: host.root) { served = try collect(type, odd.options, host) }
        #expect(Set(odd.served).isSubset(of: served) && served.count < whole.count, "\(served)")
        #expect(named.count == 1 && named[0].hasPrefix("\(odd.odd): line "), "\(named)")
        try FileManager.default.removeItem(atPath: "\(host.root)/\(odd.odd)")
        try FileManager.default.createSymbolicLink(
            atPath: "\(host.root)/\(odd.odd)", withDestinationPath: "/proc/self/mem")
        named = try leftOut(below: host.root) { served = try collect(type, odd.options, host) }
        #expect(Set(odd.served).isSubset(of: served) && served.count < whole.count, "\(served)")
        #expect(named == ["\(odd.odd): Input/output error"])
    }
}
