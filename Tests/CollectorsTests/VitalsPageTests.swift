// Holds docs/collectors.md to the collectors that node_exporter does not have: every metric and every option.

import Foundation
import Metrics
import TestSupport
import Testing

@testable import Collectors

@Suite struct VitalsPageTests {
    /// The words in backticks; `a_{b,c}_d` is two of them.
    private func words() throws -> Set<String> {
        let page = try String(contentsOfFile: "\(Repository.path)/docs/collectors.md", encoding: .utf8)
        var words: Set<String> = []
        for match in page.matches(of: /`([^`\s]+)`/) {
            let word = String(match.1)
            guard let brace = word.firstMatch(of: /^([a-z_]*)\{([a-z_,]*)\}([a-z_]*)$/) else {
                words.insert(word)
                continue
            }
            for part in brace.2.split(separator: ",") { words.insert("\(brace.1)\(part)\(brace.3)") }
        }
        return words
    }

    @Test(arguments: ["cgroup", "process_groups", "top"]) func namesEveryMetric(collector: String) throws {
        let type = try #require(allCollectors.first { $0.name == collector })
        let words = try words()
        #expect(type.metrics.map(\.name).filter { !words.contains($0) } == [])
    }

    /// An unknown key is answered with all that are known.
    @Test(arguments: ["cgroup", "process_groups", "top"]) func namesEveryOption(collector: String) throws {
        let words = try words()
        let groups = collector == "process_groups" ? #""groups": { "a": { "unit": "b" } }, "# : ""
        var known: [String] = []
        do {
            _ = try KernelCollectorsTests.collector(
                collector, "{ \(groups)\"zzzzzzzzzzzzzzzz\": 1 }", on: KernelCollectorsTests.host("old-kernel"))
        } catch {
            known = "\(error)".components(separatedBy: "known here: ").last?.components(separatedBy: ", ") ?? []
        }
        #expect(known.count >= 2 && known.filter { !words.contains($0) } == [])
    }
}
