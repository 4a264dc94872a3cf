// docs/collectors.md is true and complete: its tables of metrics are made from the collectors' own descriptors, and
// every option that a collector takes is on the page.
//
// `UPDATE_DOCS=1 swift test --filter CollectorsPage` writes the tables anew: read the diff before you commit it.

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

@Suite(.serialized) struct CollectorsPageTests {
    private static let path = Repository.path + "/docs/collectors.md"
    private static let end = "<!-- end of metrics -->"

    private static func begin(_ name: String) -> String { "<!-- metrics of \(name), made by CollectorsPageTests -->" }

    /// A table of all metrics with fixed names; empty for a collector whose names are all the kernel's.
    private static func table(of collector: any Collector.Type) -> String {
        var text = begin(collector.name) + "\n"
        if !collector.metrics.isEmpty { text += "| metric | | labels | |\n|---|---|---|---|\n" }
        var seen: Set<String> = []
        for metric in collector.metrics.sorted(by: { $0.name < $1.name }) {
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
            let line = "| `\(metric.name)` | \(metric.kind) | \(labels) | \(metric.help) |\n"
            if seen.insert(line).inserted { text += line }
        }
        return text + end
    }

    /// The part of the page that is about one collector.
    private static func part(_ name: String, of page: String) -> String? {
        page.components(separatedBy: "\n## ").first { $0.hasPrefix("\(name)\n") }
    }

    @Test func everyTableIsThatOfItsCollector() throws {
        var page = try String(contentsOfFile: Self.path, encoding: .utf8)
        let isUpdating = ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1"
        for collector in allCollectors {
            let name = collector.name
            guard let part = Self.part(name, of: page) else {
                Issue.record("docs/collectors.md has no section \"## \(name)\"")
                continue
            }
            guard let start = part.range(of: Self.begin(name)),
                let end = part.range(of: Self.end, range: start.upperBound..<part.endIndex)
            else {
                Issue.record("the section of \(name) has no lines \(Self.begin(name)) and \(Self.end)")
                continue
            }
            let old = String(part[start.lowerBound..<end.upperBound])
            let new = Self.table(of: collector)
            if isUpdating {
                page = page.replacingOccurrences(of: old, with: new)
            } else {
                #expect(old == new, "the table of \(name) is stale: UPDATE_DOCS=1 writes it")
            }
        }
        if isUpdating { try page.write(toFile: Self.path, atomically: true, encoding: .utf8) }
    }

    private static let differencesBegin = "<!-- differences, made by CollectorsPageTests -->"
    private static let differencesEnd = "<!-- end of differences -->"

    private static func differences() -> String {
        var text = differencesBegin + "\n| collector | | series | why |\n|---|---|---|---|\n"
        for line in NodeExporter.differences.sorted(by: { $0.collector < $1.collector }) {
            let kind =
                switch line.kind {
                case .more: "only here"
                case .fewer: "only in node_exporter"
                case .value: "another value"
                case .survives: "not failed"
                }
            let series = line.series.map { "`\($0)`" }.joined(separator: " ")
            text += "| `\(line.collector)` | \(kind) | \(series) | \(line.reason) |\n"
        }
        let names = NodeExporter.successfulWhenAbsent.sorted().map { "`\($0)`" }.joined(separator: " ")
        return text + "\n`node_scrape_collector_success` is 1 also without anything to read for: \(names).\n\n"
            + differencesEnd
    }

    @Test func theDifferencesAreThoseOfTheTable() throws {
        var page = try String(contentsOfFile: Self.path, encoding: .utf8)
        let start = try #require(page.range(of: Self.differencesBegin))
        let end = try #require(page.range(of: Self.differencesEnd))
        let range = start.lowerBound..<end.upperBound
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            page.replaceSubrange(range, with: Self.differences())
            try page.write(toFile: Self.path, atomically: true, encoding: .utf8)
        } else {
            #expect(page[range] == Self.differences(), "UPDATE_DOCS=1 writes it")
        }
        let names = Set(allCollectors.map { $0.name })
        for line in NodeExporter.differences { #expect(names.contains(line.collector), "\(line.collector)") }
    }

    @Test func saysOfEachWhetherItIsOn() throws {
        let page = try String(contentsOfFile: Self.path, encoding: .utf8)
        for collector in allCollectors {
            let part = try #require(Self.part(collector.name, of: page), "\(collector.name)")
            let isCalledOff = part.contains("Off by default")
            #expect(isCalledOff != collector.isEnabledByDefault, "\(collector.name)")
        }
    }

    @Test func namesEveryOption() throws {
        let page = try String(contentsOfFile: Self.path, encoding: .utf8)
        for collector in allCollectors {
            // The keys it asks for, as the error about an unknown one lists them.
            let groups = collector.name == "process_groups" ? #""groups": { "a": { "unit": "b" } }, "# : ""
            var options = try section("{ \(groups)\"0123456789abcdef\": null }")
            _ = try collector.init(&options, host: Host())
            var said = ""
            do { try options.finish() } catch { said = "\(error)" }
            guard let list = said.range(of: "; known here: ") else { continue }
            let part = try #require(Self.part(collector.name, of: page))
            for key in said[list.upperBound...].split(separator: ", ") {
                #expect(part.contains("`\(key)`"), "\(collector.name) takes \(key)")
            }
        }
    }
}
