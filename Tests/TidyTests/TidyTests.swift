import Foundation
import Testing

@Suite struct TidyTests {
    /// The repository's root, from where this file stands.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func swiftFiles() throws -> [SourceFile] {
        let folders = ["Sources", "Tests"]
        return try folders.flatMap { folder -> [SourceFile] in
            let enumerator = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
            return try (enumerator?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }.map { path in
                let path = "\(folder)/\(path)"
                return SourceFile(
                    path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
            }
        }
    }

    @Test func theTreeIsTidy() throws {
        let files = try Self.swiftFiles()
        #expect(files.count > 50, "the tree was not found at \(Self.root.path)")
        let findings = Tidy.findings(in: files)
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    /// A rule that finds nothing in bad code would be no rule.
    @Test(arguments: [
        "    let x = try! f()", "import Foundation", "    DispatchQueue.global().async {}", "    print(1)",
        "let y = 1 ", "\tlet z = 2", "func f() throws(any Error) {}",
    ]) func findsWhatIsBanned(line: String) {
        let file = SourceFile(path: "Sources/Bytes/Bad.swift", text: "// For a test.\n\(line)")
        #expect(Tidy.findings(in: [file]).count == 1)
    }

    @Test func findsLongFunctionsAndFiles() {
        let body = Array(repeating: "    work()", count: 80).joined(separator: "\n")
        let function = SourceFile(path: "Sources/Bytes/Long.swift", text: "// For a test.\nfunc f() {\n\(body)\n}\n")
        #expect(Tidy.findings(in: [function]).count == 1)
        let lines = Array(repeating: "let a = 1", count: 501).joined(separator: "\n")
        #expect(Tidy.findings(in: [SourceFile(path: "Sources/Bytes/Long.swift", text: "//\n\(lines)")]).count == 1)
    }

    @Test func findsWhatIsNotRegistered() {
        let files = [
            SourceFile(path: "Sources/Collectors/Node/LostCollector.swift", text: "// For a test."),
            SourceFile(path: "Sources/Collectors/AllCollectors.swift", text: "// Lists nothing."),
        ]
        #expect(Tidy.findings(in: files).count == 1)
    }
}
