// docs/outputs.md is complete: every key that an output takes is on its page, and those of batches with their defaults.

import Foundation
import Outputs
import Platform
import Settings
import TestSupport
import Testing

@testable import Delivery

@Suite struct OutputsPageTests {
    /// The part of the page under one heading.
    private func part(_ heading: String) throws -> String {
        let page = try String(contentsOfFile: Repository.path + "/docs/outputs.md", encoding: .utf8)
        return try #require(page.components(separatedBy: "\n## ").first { $0.hasPrefix("\(heading)\n") })
    }

    /// The keys that `take` asks for, as the error about an unknown one lists them.
    private func keys(_ take: (inout SettingsSection) throws -> Void) throws -> [Substring] {
        var section = try section(
            #"{ "0123456789abcdef": null, "path": "/nowhere/out", "address": "127.0.0.1:9", "log_group": "/g", "#
                + #""url": "http://127.0.0.1:9/" }"#)
        try take(&section)
        var said = ""
        do { try section.finish() } catch { said = "\(error)" }
        let list = try #require(said.range(of: "; known here: "))
        return said[list.upperBound...].split(separator: ", ")
    }

    @Test(arguments: allOutputs.map { $0.type }) func namesEveryKey(type: String) throws {
        let output = try #require(allOutputs.first { $0.type == type })
        let context = OutputContext(inputName: "any", fields: [], hostName: "host", log: .silent)
        let text = try part(type)
        let keys = try keys { _ = try output.init(&$0, context) }
        #expect(!keys.isEmpty)
        for key in keys { #expect(text.contains("| `\(key)` |"), "\(type) takes \(key)") }
    }

    /// The cells of the rows of the tables under one heading.
    private func rows(_ heading: String) throws -> [[String]] {
        try part(heading).split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { row in row.split(separator: "|").map { $0.trimmingCharacters(in: [" ", "`"]) } }
    }

    /// The page, read as settings, says what holds without any.
    @Test func namesTheKeysOfBatchesWithTheirDefaults() throws {
        let rows = try rows("Batches").filter { $0.count == 3 }
        let keys = try keys { _ = try RouteOptions(&$0) }
        #expect(rows.map { $0[0] }.sorted() == keys.map(String.init))
        let given = rows.filter { $0[1] != "none" }
        #expect(given.count == rows.count - 1, "only give_up_after has no default")
        var said = try section("{ \(given.map { "\"\($0[0])\": \($0[1])" }.joined(separator: ", ")) }")
        let (options, defaults) = (try RouteOptions(&said), RouteOptions())
        #expect(options.batchBytes == defaults.batchBytes && options.batchRecords == defaults.batchRecords)
        #expect(options.batchAge == defaults.batchAge && options.inFlight == defaults.inFlight)
        #expect(options.batchSpacing == defaults.batchSpacing)
        #expect(defaults.giveUpAfter == nil)
    }

    @Test(arguments: allOutputs.map { $0.type }) func namesTheDefaultsOfEachType(type: String) throws {
        let output = try #require(allOutputs.first { $0.type == type })
        let row = try rows("Batches").first { $0.count == 5 && $0[0] == type }
        var text = "{}"
        if let row {
            let keys = ["batch_bytes", "batch_records", "batch_age", "batch_spacing"]
            text = "{ \(zip(keys, row.dropFirst()).map { "\"\($0)\": \($1)" }.joined(separator: ", ")) }"
        }
        var said = try section(text)
        let (options, defaults) = (try RouteOptions(&said), RouteOptions(output.batchDefaults))
        #expect(options.batchBytes == defaults.batchBytes && options.batchRecords == defaults.batchRecords)
        #expect(options.batchAge == defaults.batchAge && options.batchSpacing == defaults.batchSpacing)
    }
}
