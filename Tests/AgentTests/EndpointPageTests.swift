// docs/endpoint.md is complete, and its example is right.

import Foundation
import TestSupport
import Testing

@testable import Agent
@testable import Settings

@Suite struct EndpointPageTests {
    private let page: String

    init() throws { page = try String(contentsOfFile: Repository.path + "/docs/endpoint.md", encoding: .utf8) }

    /// The keys that are known, as the error about another one lists them.
    private func keys(_ text: String) throws -> [Substring] {
        var said = ""
        do {
            var section = try section(text, path: "endpoint")
            _ = try EndpointSettings(&section)
        } catch { said = "\(error)" }
        let list = try #require(said.range(of: "; known here: "), "\(said)")
        return said[list.upperBound...].split(separator: ", ")
    }

    @Test func namesEveryKey() throws {
        let outer = try keys(#"{ "0123456789abcdef": 1 }"#)
        let tls = try keys(#"{ "tls": { "certificate": "/c", "key": "/k", "0123456789abcdef": 1 } }"#)
        #expect(outer.count == 6 && tls.count == 8)
        for key in outer + tls { #expect(page.contains("\n| `\(key)` |"), "\(key)") }
    }

    @Test func showsSettingsThatAreRight() throws {
        let start = try #require(page.range(of: "```jsonc\n")).upperBound
        let end = try #require(page.range(of: "```", range: start..<page.endIndex)).lowerBound
        var top = try section("{\(page[start..<end])}", path: "")
        var endpoint = try top.section("endpoint")
        let settings = try EndpointSettings(&endpoint)
        #expect(settings.tls != nil && settings.users.keys.contains("prometheus"))
    }
}
