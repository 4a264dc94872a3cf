// Holds every collector to what node_exporter 1.12.1 serves on the same host: Tests/Fixtures/node_exporter-1.12, whose
// README says how it was measured. What differs has its line in NodeExporterDifferences.swift.

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

@Suite struct NodeExporterSamplesTests {
    private static let facts = "\(Repository.fixtures)/node_exporter-1.12"
    /// What these serve was measured on the machine, not on the host's tree.
    private static let ofTheMachine: Set<String> = ["qdisc", "selinux"]

    /// The options with which node_exporter was run.
    private static let options = [
        "bcache": #"{ "priorityStats": true }"#, "cpu": #"{ "info": true, "guest": true }"#,
        "netclass": #"{ "netlink": false }"#, "netdev": #"{ "netlink": false }"#, "stat": #"{ "softirq": true }"#,
        "sysctl": #"{ "include": ["fs.file-nr", "kernel.threads-max"] }"#,
    ]

    /// A row of success.tsv.
    struct Row: Sendable, CustomTestStringConvertible {
        let host: String
        let collector: String
        let isSuccess: Bool
        var testDescription: String { "\(host) \(collector)" }
    }

    private static let rows: [Row] = {
        let text = (try? String(contentsOfFile: "\(facts)/success.tsv", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: "\t").map(String.init)
            return Row(host: fields[0], collector: fields[1], isSuccess: fields[2] == "1")
        }.filter { !ofTheMachine.contains($0.collector) }
    }()

    private struct Exposition {
        /// By name and labels, these in the order of their names.
        var values: [String: Double] = [:]
        var types: [String: String] = [:]

        init(_ text: String, root: String) throws {
            for line in text.replacingOccurrences(of: root, with: "@ROOT@").split(separator: "\n") {
                let words = line.split(separator: " ")
                if line.hasPrefix("#") {
                    if words[1] == "TYPE" { types[String(words[2])] = String(words[3]) }
                    continue
                }
                let name = line.prefix { $0 != "{" && $0 != " " }
                let labels = line.matches(of: /([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*")[,}]/).map {
                    String($0.output.1)
                }
                let value = try #require(Double(words.last ?? ""), "\(line)")
                let series = "\(name){\(labels.sorted().joined(separator: ","))}"
                #expect(values.updateValue(value, forKey: series) == nil, "served twice: \(series)")
            }
        }
    }

    private func served(_ row: Row) throws -> (Exposition, isSuccess: Bool) {
        let root = "\(Repository.fixtures)/hosts/\(row.host)"
        let host = Host(proc: "\(root)/proc", sys: "\(root)/sys", root: root, udev: "\(root)/udev")
        var section = try section(Self.options[row.collector] ?? "{}")
        let type = try #require(allCollectors.first { $0.name == row.collector })
        var collector = try type.init(&section, host: host)
        try section.finish()
        var snapshot = Snapshot()
        var isSuccess = true
        do throws(CollectError) { try collector.collect(into: &snapshot) } catch {
            isSuccess = false
            if case .absent = error { isSuccess = collector.isAbsenceSuccess }
        }
        var text: [UInt8] = []
        var encoder = PrometheusText()
        encoder.encode([snapshot], into: &text)
        return (try Exposition(String(decoding: text, as: UTF8.self), root: root), isSuccess)
    }

    private func measured(_ row: Row) throws -> Exposition {
        let path = "\(Self.facts)/\(row.host)/\(row.collector).txt"
        guard FileManager.default.fileExists(atPath: path) else { return try Exposition("", root: "@ROOT@") }
        return try Exposition(String(contentsOfFile: path, encoding: .utf8), root: "@ROOT@")
    }

    /// The last digit may differ: node_exporter multiplies by a thousandth where Vitals divides by a thousand.
    private static func isSame(_ left: Double, _ right: Double) -> Bool {
        left == right || left.isNaN && right.isNaN || abs(left - right) <= 1e-14 * max(abs(left), abs(right))
    }

    private struct Found: Hashable {
        let collector: String
        let kind: NodeExporterDifference.Kind
        let series: String
    }

    /// What differs on one host, and as a line of the table what would allow it.
    private func differences(_ row: Row) throws -> [(what: String, found: Found)] {
        let (ours, isSuccess) = try served(row)
        let theirs = try measured(row)
        var all: [(String, Found)] = []
        func add(_ what: String, _ kind: NodeExporterDifference.Kind, _ series: Substring = "") {
            all.append((what, Found(collector: row.collector, kind: kind, series: String(series.dropFirst(5)))))
        }
        if isSuccess, !row.isSuccess {
            add("success is 1, node_exporter's is 0", .survives)
        } else if isSuccess != row.isSuccess {
            all.append(
                ("success is 0, node_exporter's is 1", Found(collector: row.collector, kind: .survives, series: "-")))
        }
        let isWhole = row.isSuccess || !isSuccess
        for (name, type) in theirs.types where ours.types[name] != nil && ours.types[name] != type {
            all.append(
                (
                    "\(name) is a \(ours.types[name] ?? ""), node_exporter's a \(type)",
                    Found(collector: row.collector, kind: .value, series: "-")
                ))
        }
        for series in Set(ours.values.keys).union(theirs.values.keys).sorted() {
            let name = series.prefix { $0 != "{" }
            switch (ours.values[series], theirs.values[series]) {
            case (let our?, nil) where isWhole: add("\(series) \(our) is only here", .more, name)
            case (nil, let their?): add("\(series) \(their) is only in node_exporter", .fewer, name)
            case (let our?, let their?) where !Self.isSame(our, their):
                add("\(series) is \(our), in node_exporter \(their)", .value, name)
            default: break
            }
        }
        return all
    }

    private static let allowed = Set(
        NodeExporter.differences.filter(\.isMeasured).flatMap { line in
            (line.series.isEmpty ? [""] : line.series).map {
                Found(collector: line.collector, kind: line.kind, series: $0)
            }
        })

    @Test(arguments: rows) func servesWhatNodeExporterServes(row: Row) throws {
        let unexplained = try differences(row).filter { !Self.allowed.contains($0.found) }.map(\.what)
        #expect(unexplained == [], "\(row.host) \(row.collector)")
    }

    @Test func everyLineOfTheTableIsNeeded() throws {
        #expect(Self.rows.count > 800)
        let found = Set(try Self.rows.flatMap { try differences($0).map(\.found) })
        #expect(Self.allowed.subtracting(found) == [], "nothing differs there any more")
        for line in NodeExporter.differences { #expect(!line.series.isEmpty || line.kind == .survives) }
    }

    /// On the host that has nothing, so that no collector has a success that nobody decided on.
    @Test func anAbsentCollectorHasTheSuccessThatNodeExporterHas() throws {
        let empty = Self.rows.filter { $0.host == "empty" }
        #expect(empty.count > 55)
        for row in empty {
            let (exposition, isSuccess) = try served(row)
            #expect(isSuccess == row.isSuccess, "\(row.collector)")
            #expect(exposition.values.filter { $0.value != 0 } == [:], "\(row.collector)")
        }
        let names = Set(allCollectors.map { $0.name })
        #expect(NodeExporter.successfulWhenAbsent.subtracting(names) == [])
    }
}
