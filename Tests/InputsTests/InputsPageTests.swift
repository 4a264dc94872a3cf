// docs/inputs.md is complete: every key that an input takes, and every reason that it counts under, is on its page.

import Foundation
import Inputs
import Logs
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@Suite struct InputsPageTests {
    /// The part of the page that is about one type.
    private func part(of type: String) throws -> String {
        let page = try String(contentsOfFile: Repository.path + "/docs/inputs.md", encoding: .utf8)
        return try #require(page.components(separatedBy: "\n## ").first { $0.hasPrefix("\(type)\n") })
    }

    private var context: InputContext {
        InputContext(name: "any", host: Host(), hostName: "host", log: .silent, resume: nil, now: someMoment)
    }

    /// The keys it asks for, as the error about an unknown one lists them.
    private func keys<Kind: Input>(of input: Kind.Type) throws -> [Substring] {
        var section = try section(#"{ "0123456789abcdef": null, "paths": ["/nowhere/*"] }"#)
        _ = try Kind(&section, context)
        var said = ""
        do { try section.finish() } catch { said = "\(error)" }
        let list = try #require(said.range(of: "; known here: "))
        return said[list.upperBound...].split(separator: ", ")
    }

    private func reasons<Kind: Input>(of input: Kind.Type) throws -> [String] {
        var section = try section(#"{ "paths": ["/nowhere/*"] }"#)
        return try Kind(&section, context).status(at: someMoment).counts.map(\.reason)
    }

    @Test(arguments: allInputs.map { $0.type }) func namesEveryKeyAndReason(type: String) throws {
        let input = try #require(allInputs.first { $0.type == type })
        let text = try part(of: type)
        let keys = try keys(of: input)
        #expect(keys.count >= 5)
        for key in keys { #expect(text.contains("| `\(key)` |"), "\(type) takes \(key)") }
        for reason in try reasons(of: input) { #expect(text.contains("`\(reason)`"), "\(type) counts \(reason)") }
    }
}
