// Holds the list of collectors to Tests/Fixtures/node_exporter-1.12.txt: what node_exporter has, is had here, under the
// same name, with the same options, of the same type and with the same labels.

import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct NodeExporterFactsTests {
    private struct Served: Hashable, CustomStringConvertible {
        var name: String
        var type: String
        var labels: [String]
        var description: String { "\(type) \(name){\(labels.joined(separator: ","))}" }
    }

    private struct Facts {
        var isOn = false
        /// The key in the settings, and a value as JSON.
        var options: [(key: String, value: String)] = []
        var served: [Served] = []
    }

    /// What is served here besides, by collectors that node_exporter has.
    private static let more = Set(
        NodeExporter.differences.filter { $0.kind == .more }.flatMap(\.series).map {
            $0.hasPrefix("vitals_") ? $0 : "node_\($0)"
        })

    private static func facts() throws -> [String: Facts] {
        var facts: [String: Facts] = [:]
        var name = ""
        let text = String(decoding: try readWhole("\(Repository.fixtures)/node_exporter-1.12.txt"), as: UTF8.self)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            if !line.hasPrefix(" ") {
                name = words[0]
                facts[name, default: Facts()].isOn = words[1] == "on"
            } else if words[0].hasPrefix("--") {
                // The flags of powersupplyclass are called after a shorter name.
                let flag = words[0].split(separator: ".", maxSplits: 2)[2]
                let key = String(flag.map { $0 == "-" || $0 == "." ? "_" : $0 })
                facts[name]?.options.append((key, words[1...].joined(separator: " ")))
            } else {
                let labels = words[1].filter { !"{}:".contains($0) }.split(separator: ",").map(String.init)
                facts[name]?.served += words[2...].map { Served(name: "node_\($0)", type: words[0], labels: labels) }
            }
        }
        return facts
    }

    @Test func everyCollectorIsThereAndOnWhereItIsOn() throws {
        let facts = try Self.facts()
        #expect(facts.count == 76)
        for (name, its) in facts {
            let collector = try #require(allCollectors.first { $0.name == name }, "\(name)")
            #expect(collector.isEnabledByDefault == its.isOn, "\(name)")
        }
    }

    @Test func everyOptionIsTaken() throws {
        for (name, its) in try Self.facts() {
            let collector = try #require(allCollectors.first { $0.name == name })
            for option in its.options {
                var options = try section("{ \"\(option.key)\": \(option.value) }")
                do throws(SettingsError) {
                    _ = try collector.init(&options, host: Host())
                    try options.finish()
                } catch { Issue.record("\(name): \(error)") }
            }
        }
    }

    /// Declared, or, where the names come from what a file says, served on one of the fixture hosts.
    @Test func everySeriesHasItsTypeAndItsLabels() throws {
        let golden = try Self.served()
        for (name, its) in try Self.facts() {
            let collector = try #require(allCollectors.first { $0.name == name })
            for wanted in its.served {
                let declared = collector.metrics.filter { $0.name == wanted.name }.map {
                    Served(name: $0.name, type: $0.kind.rawValue, labels: $0.labels.sorted())
                }
                let found = declared.isEmpty ? golden[wanted.name] ?? [] : Set(declared)
                #expect(found.contains(wanted), "\(name) has \(found)")
            }
            let known = Set(its.served.map(\.name))
            let others = collector.metrics.map(\.name).filter { !known.contains($0) && !Self.more.contains($0) }
            #expect(others == [], "\(name) serves more than node_exporter")
        }
    }

    /// All series of the golden expositions, by name.
    private static func served() throws -> [String: Set<Served>] {
        var served: [String: Set<Served>] = [:]
        let folder = "\(Repository.fixtures)/golden"
        for file in try FileManager.default.subpathsOfDirectory(atPath: folder) where file.hasSuffix(".txt") {
            var types: [Substring: Substring] = [:]
            for line in String(decoding: try readWhole("\(folder)/\(file)"), as: UTF8.self).split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count == 4, words[1] == "TYPE" { types[words[2]] = words[3] }
                guard let name = line.prefixMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/)?.output, let type = types[name] else {
                    continue
                }
                let labels = line.matches(of: /([a-z][a-z0-9_]*)="(?:[^"\\]|\\.)*"/).map { String($0.output.1) }
                    .sorted()
                served[String(name), default: []].insert(
                    Served(name: String(name), type: String(type), labels: labels))
            }
        }
        return served
    }
}
