// Holds the names of all metrics to Prometheus' rules, and to node_exporter's where those differ.

import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct MetricNameTests {
    private static let ownCollectors = ["cgroup", "process_groups", "top"]

    private func expectGood(_ metric: MetricDescriptor, _ collector: String) {
        let name = metric.name
        // What node_exporter does not have must not look as if it did.
        if Self.ownCollectors.contains(collector) {
            #expect(name.wholeMatch(of: /vitals_[a-z_]*[a-z]/) != nil, "\(name)")
        } else {
            #expect(name.wholeMatch(of: /(node|vitals_textfile)_[a-zA-Z0-9_]*[a-zA-Z0-9]/) != nil, "\(name)")
        }
        #expect(!name.contains("__"), "\(name)")
        switch metric.kind {
        case .counter: #expect(name.hasSuffix("_total"), "\(name): a counter ends with _total")
        // Of sockets node_exporter counts what was accepted, and calls what was refused a gauge.
        case .gauge where name == "node_systemd_socket_refused_connections_total": break
        case .gauge: #expect(!name.hasSuffix("_total"), "\(name): only a counter ends with _total")
        // The kernel does not say what these are, and node_exporter gives them no type.
        case .untyped:
            #expect(["ethtool", "netstat", "vmstat"].contains(collector), "\(name): of these only some are untyped")
        case .histogram, .summary: Issue.record("\(name): nothing of its own is a histogram")
        }
        #expect(
            metric.labels == metric.labels.sorted(), "\(name): labels in the order in which node_exporter writes them")
        #expect(Set(metric.labels).count == metric.labels.count, "\(name)")
        for label in metric.labels { #expect(label.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil, "\(name): \(label)") }
        #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n"), "\(name): \(metric.help)")
    }

    @Test func fixedNames() {
        for collector in allCollectors {
            for metric in collector.metrics { expectGood(metric, collector.name) }
        }
        var names = allCollectors.flatMap { $0.metrics.map(\.name) }
        // From /proc/cpuinfo by package and core, and from sysfs by CPU alone, as node_exporter has it.
        names.firstIndex(of: "node_cpu_frequency_hertz").map { _ = names.remove(at: $0) }
        #expect(Set(names).count == names.count, "a name stands in two collectors")
    }

    /// What collectors really add, on every fixture host: names made from fields, and no fixed name that is not
    /// declared.
    @Test(arguments: ["composed-x86-8cpu", "debian12-6.18-vm", "old-kernel"])
    func servedNames(host: String) throws {
        let root = "\(Repository.fixtures)/hosts/\(host)"
        for type in allCollectors where GoldenTests.names.contains(type.name) {
            var section = try section()
            var collector = try type.init(&section, host: Host(proc: "\(root)/proc", sys: "\(root)/sys"))
            var snapshot = Snapshot()
            do throws(CollectError) { try collector.collect(into: &snapshot) } catch {
                guard case .absent = error else { throw error }
            }
            let declared = Set(type.metrics.map(\.name))
            for metric in snapshot.families {
                expectGood(metric, type.name)
                #expect(declared.isEmpty || declared.contains(metric.name), "\(metric.name) is not in \(type).metrics")
            }
        }
    }

    @Test func theListIsComplete() throws {
        let names = allCollectors.map { $0.name }
        #expect(names == names.sorted())
        let folders = ["Node", "Vitals"].map { "\(Repository.path)/Sources/Collectors/\($0)" }
        let paths = try folders.flatMap { folder -> [String] in
            try FileManager.default.subpathsOfDirectory(atPath: folder)
        }
        let files = paths.compactMap { path in path.split(separator: "/").last.map(String.init) }
        let found = Set(files.filter { $0.hasSuffix("Collector.swift") })
        #expect(found == Set(allCollectors.map { String(describing: $0) + ".swift" }))
    }
}
