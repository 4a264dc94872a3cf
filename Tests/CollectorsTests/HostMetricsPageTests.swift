// docs/host-metrics.md is true and complete: its tables are made from the list of the CloudWatch vocabulary.
//
// `UPDATE_DOCS=1 swift test --filter HostMetricsPage` writes them anew: read the diff before you commit it.

import Foundation
import Metrics
import TestSupport
import Testing

@testable import Collectors

@Suite(.serialized) struct HostMetricsPageTests {
    private static let path = Repository.path + "/docs/host-metrics.md"
    private static let begin = "<!-- metrics, made by HostMetricsPageTests -->\n"
    private static let end = "<!-- end of metrics -->"

    private static func tables() -> String {
        var text = ""
        for subject in allCloudWatchSubjects {
            let dimensions = subject.dimensions.map { name in
                name.components(separatedBy: " | ").map { "`\($0)`" }.joined(separator: " or ")
            }
            text += "\n### \(subject.name)\n\n"
            text += dimensions.isEmpty ? "No dimensions" : "Dimensions: \(dimensions.joined(separator: ", "))"
            text += " besides those of the settings.\n\n| metric | unit | |\n|---|---|---|\n"
            for metric in subject.metrics.sorted(by: { $0.name < $1.name }) {
                text += "| `\(metric.name)` | \(metric.unit.rawValue) | \(metric.meaning) |\n"
            }
        }
        return text + "\n"
    }

    @Test func theTablesAreThoseOfTheList() throws {
        var page = try String(contentsOfFile: Self.path, encoding: .utf8)
        let start = try #require(page.range(of: Self.begin))
        let end = try #require(page.range(of: Self.end))
        let old = String(page[start.upperBound..<end.lowerBound])
        let new = Self.tables()
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            page.replaceSubrange(start.upperBound..<end.lowerBound, with: new)
            try page.write(toFile: Self.path, atomically: true, encoding: .utf8)
        } else {
            #expect(old == new, "the tables are stale: UPDATE_DOCS=1 writes them")
        }
    }
}
