// From values to documents: golden ones, every limit of the format, and what the table keeps.

import Bytes
import Foundation
import TestSupport
import Testing

@testable import Metrics

@Suite struct EMFDocumentTests {
    /// What a value is of: any object will do.
    private final class Source {
        let metric: EMFMetric?
        init(_ name: String, _ unit: EMFUnit = .count, isOnlyAggregated: Bool = false) {
            metric = EMFMetric(name, unit, isOnlyAggregated: isOnlyAggregated)
        }
        init() { metric = nil }
    }

    private static let time: Int64 = 1_795_230_523_015
    private let encoder = EMFEncoder(namespace: "CWAgent")

    private func documents(
        _ table: inout EMFTable, _ encoder: EMFEncoder? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> [String] {
        var encoder = encoder ?? self.encoder
        var documents: [[UInt8]] = []
        encoder.encode(&table, unixMilliseconds: Self.time, into: &documents)
        for document in documents {
            #expect(emfFault(in: document, at: Self.time) == nil, sourceLocation: sourceLocation)
        }
        return documents.map { String(decoding: $0, as: UTF8.self) }
    }

    private func add(_ source: Source, _ value: Double, to table: inout EMFTable) {
        table.add(source, value) { source.metric }
    }

    private func json(_ text: String) throws -> JSONValue { try parseJSON(Array(text.utf8)) }

    @Test func oneDocumentForEachSetOfDimensions() {
        var table = EMFTable(dimensions: [EMFDimension("host", "web \"1\"")])
        let (idle, total) = (Source("cpu_usage_idle", .percent), Source("mem_total", .bytes))
        table.begin([EMFDimension("cpu", "cpu0")])
        add(idle, 93.5, to: &table)
        table.begin([])
        add(total, 1024, to: &table)
        #expect(
            documents(&table) == [
                #"{"_aws":{"Timestamp":1795230523015,"CloudWatchMetrics":[{"Namespace":"CWAgent","Dimensions":"#
                    + #"[["host","cpu"]],"Metrics":[{"Name":"cpu_usage_idle","Unit":"Percent"}]}]},"#
                    + #""host":"web \"1\"","cpu":"cpu0","cpu_usage_idle":93.5}"#,
                #"{"_aws":{"Timestamp":1795230523015,"CloudWatchMetrics":[{"Namespace":"CWAgent","Dimensions":"#
                    + #"[["host"]],"Metrics":[{"Name":"mem_total","Unit":"Bytes"}]}]},"host":"web \"1\"","#
                    + #""mem_total":1024}"#,
            ])
        #expect(documents(&table).isEmpty, "what was written is gone")
    }

    @Test func severalReadingsAreAnArray() throws {
        var table = EMFTable()
        let (one, other) = (Source("a"), Source("b"))
        for value in [1.0, 2.5, -3e100] {
            table.begin([])
            add(one, value, to: &table)
            if value != 2.5 { add(other, value, to: &table) }
        }
        let documents = documents(&table)
        #expect(
            documents.count == 1 && documents[0].hasSuffix(#","a":[1,2.5,-3e+100],"b":[1,-3e+100]}"#), "\(documents)")
        // A dimension that nobody gives is no member, and the empty set is one.
        #expect(documents[0].contains(#""Dimensions":[[]]"#))
    }

    @Test func aggregatesAreSetsBesideTheWhole() throws {
        var table = EMFTable(dimensions: [EMFDimension("host", "h")])
        let (kept, dropped) = (Source("kept"), Source("dropped", isOnlyAggregated: true))
        table.begin([EMFDimension("cpu", "cpu0")])
        add(kept, 1, to: &table)
        add(dropped, 2, to: &table)
        table.begin([])
        add(kept, 3, to: &table)
        add(dropped, 4, to: &table)
        // The last two are the whole set of one document, and one with a dimension that none has.
        let encoder = EMFEncoder(namespace: "N", aggregates: [["host"], [], ["cpu", "host"], ["disk"], ["host"]])
        let texts = documents(&table, encoder)
        #expect(texts.count == 2)
        #expect(
            texts[0].contains(
                #"[{"Namespace":"N","Dimensions":[["host","cpu"],["host"],[]],"Metrics":"#
                    + #"[{"Name":"kept","Unit":"Count"}]},"#
                    + #"{"Namespace":"N","Dimensions":[["host"],[]],"Metrics":[{"Name":"dropped","Unit":"Count"}]}]"#))
        // With the host alone its set is the whole.
        #expect(texts[1].contains(#""Dimensions":[["host"],[]],"Metrics":[{"Name":"kept""#))
        #expect(texts[1].contains(#""Dimensions":[[]],"Metrics":[{"Name":"dropped""#))
    }

    @Test func whatHasNoAggregateIsDroppedWhole() {
        var table = EMFTable(dimensions: [EMFDimension("host", "h")])
        table.begin([])
        add(Source("dropped", isOnlyAggregated: true), 2, to: &table)
        #expect(documents(&table, EMFEncoder(namespace: "N", aggregates: [["cpu"]])).isEmpty)
    }

    @Test func metricsAndValuesOverTheLimitsAreDivided() throws {
        var table = EMFTable()
        let sources = (0..<250).map { Source("m\($0)") }
        for reading in 0..<130 {
            table.begin([])
            for (index, source) in sources.enumerated() where reading == 0 || index < 2 {
                add(source, Double(reading), to: &table)
            }
        }
        var found: [String: [Double]] = [:]
        for text in documents(&table) {
            let document = try json(text)
            let directives = document["_aws"]?["CloudWatchMetrics"]?.array ?? []
            let names = directives.flatMap { ($0["Metrics"]?.array ?? []).compactMap { $0["Name"]?.string } }
            #expect(names.count <= 100)
            for name in names {
                let values = document[name]?.array?.compactMap(\.double) ?? [document[name]?.double ?? .nan]
                #expect(values.count <= 100)
                found[name, default: []] += values
            }
        }
        #expect(found.count == 250 && found["m1"] == (0..<130).map(Double.init) && found["m249"] == [0])
    }

    @Test func aLargeDocumentIsHalved() throws {
        var table = EMFTable(dimensions: [EMFDimension("host", String(repeating: "h", count: 3_000))])
        let sources = (0..<100).map { Source("metric_with_a_long_name_\($0)") }
        for reading in 0..<100 {
            table.begin([])
            for source in sources { add(source, Double(reading) + 0.123456789, to: &table) }
        }
        let texts = documents(&table, EMFEncoder(namespace: "N", byteLimit: 20_000))
        #expect(texts.count > 4 && texts.allSatisfy { $0.utf8.count <= 20_000 })
        let names = try texts.flatMap { text in
            (try json(text)["_aws"]?["CloudWatchMetrics"]?.array?[0]["Metrics"]?.array ?? []).compactMap {
                $0["Name"]?.string
            }
        }
        #expect(names == sources.map { $0.metric?.name }, "in order, each once")
        #expect(try json(texts[0])["host"]?.string?.count == EMFLimit.dimensionValue, "what is too long is cut")
        #expect(EMFEncoder.byteLimit < EMFLimit.documentBytes)
    }

    @Test func theHighestOfAllLimitsIsStillADocument() {
        // 27 dimensions of the settings and 3 of a subject, as long as may be, of characters that are escaped.
        let long = String(repeating: "\"", count: EMFLimit.dimensionValue)
        var table = EMFTable(
            dimensions: (0..<27).map { EMFDimension("\($0)" + String(repeating: "d", count: 200), long) })
        table.begin((0..<3).map { EMFDimension("s\($0)", long) })
        let source = Source(String(repeating: "m", count: 255))
        for _ in 0..<100 { add(source, -1.234567890123456e-300, to: &table) }
        let sets = (0..<20).map { set in
            (0..<27).filter { $0 != set }.map { "\($0)" + String(repeating: "d", count: 200) }
        }
        #expect(documents(&table, EMFEncoder(namespace: "N", aggregates: sets)).count == 1)
    }

    @Test func whatCloudWatchWouldRefuseIsLeftOut() {
        var table = EMFTable(dimensions: [EMFDimension("host", "h")])
        table.begin([
            EMFDimension("blank", " \n"), EMFDimension("", "x"), EMFDimension(":x", "x"), EMFDimension("ü", "x"),
            EMFDimension("path", "/mnt/Büro\u{7}"),
        ])
        let source = Source("m")
        for value in [Double.nan, .infinity, -.infinity, 0x1p361, 1] { add(source, value, to: &table) }
        add(Source(), 5, to: &table)
        add(Source("m"), 6, to: &table)
        add(Source("path"), 7, to: &table)
        add(Source("_aws"), 8, to: &table)
        let texts = documents(&table)
        #expect(texts.count == 1 && texts[0].hasSuffix(#"},"host":"h","path":"/mnt/B?ro?","m":1}"#), "\(texts)")
        #expect(table.problems == ["the name m is taken", "the name path is taken", "the name _aws is taken"])
    }

    @Test func groupsThatCannotBeAreNamed() {
        var table = EMFTable(dimensions: [EMFDimension("host", "h")])
        for dimensions in [[EMFDimension("host", "x")], (0..<30).map { EMFDimension("d\($0)", "x") }] {
            table.begin(dimensions)
            add(Source("m"), 1, to: &table)
        }
        #expect(documents(&table).isEmpty && table.problems.count == 2, "\(table.problems)")
    }

    @Test func groupsComeAndGo() {
        var table = EMFTable()
        let source = Source("m")
        for reading in 0..<100 {
            for name in ["a", "r\(reading)", "b"] {
                table.begin([EMFDimension("d", name)])
                add(source, Double(reading), to: &table)
            }
            let texts = documents(&table)
            #expect(texts.count == 3 && texts[2].hasSuffix("\"d\":\"b\",\"m\":\(reading)}") || reading > 0)
            #expect(texts.allSatisfy { $0.hasSuffix(",\"m\":\(reading)}") }, "\(texts)")
        }
        #expect(table.groups.count < 20, "those that ended are forgotten")
    }
}
