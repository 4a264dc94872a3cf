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

    /// All that people wrote: what machines wrote (fixtures of hosts) names paths of those machines.
    @Test func noFileNamesAPathOfOneMachine() throws {
        let top = try FileManager.default.contentsOfDirectory(atPath: Self.root.path)
            .filter { $0 != ".git" && !$0.hasPrefix(".build") }
        let paths =
            top
            + top.flatMap { folder -> [String] in
                let inside = FileManager.default.enumerator(atPath: Self.root.appending(path: folder).path)
                return (inside?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
            }.filter { !$0.hasPrefix("Tests/Fixtures/") }
        var read = 0
        for path in paths {
            var isDirectory: ObjCBool = false
            let whole = Self.root.appending(path: path).path
            guard FileManager.default.fileExists(atPath: whole, isDirectory: &isDirectory), !isDirectory.boolValue,
                let text = String(data: try Data(contentsOf: URL(filePath: whole)), encoding: .utf8)
            else { continue }
            read += 1
            let findings = Tidy.machinePathFindings(in: SourceFile(path: path, text: text), root: Self.root.path)
            #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
        }
        #expect(read > 500)
        let bad = SourceFile(path: "a.py", text: "open('\(Tidy.machinePaths[0])x')\nx = '\(Self.root.path)/y'\nfine")
        #expect(Tidy.machinePathFindings(in: bad, root: "\(Self.root.path)").count >= 2)
    }

    /// A rule that finds nothing in bad code would be no rule.
    @Test(arguments: [
        "    let x = try! f()", "import Foundation", "    DispatchQueue.global().async {}", "    print(1)",
        "let y = 1 ", "\tlet z = 2", "func f() throws(any Error) {}", #"    try! f("x")"#,
        #"    g("a \(try! f("x"))")"#,
        #"    let url = "https://x"; print(url)"#, "    fingerprint(print(1))", "    let size = try? f()",
    ]) func findsWhatIsBanned(line: String) {
        let file = SourceFile(path: "Sources/Bytes/Bad.swift", text: "// For a test.\n\(line)")
        #expect(Tidy.findings(in: [file]).count == 1)
    }

    @Test(arguments: [
        #"    let a = "try! print(1)""#, "    // as! is said here", ##"    let b = #"a " print(1)"# + c"##,
        #"    f("a\\(b) print(")"#, "    func entry() -> Entry? {}",
        "    let c = \"\"\"\n        print(1)\n        \"\"\"",
    ]) func leavesTextAlone(text: String) {
        let file = SourceFile(path: "Sources/Bytes/Good.swift", text: "// For a test.\n\(text)")
        #expect(Tidy.findings(in: [file]) == [])
    }

    @Test func findsAListOfSwallowedErrorsThatIsTooLong() {
        let path = "Sources/Platform/FileFinder.swift"
        #expect(Tidy.findings(in: [SourceFile(path: path, text: "// For a test.")]).count == 1)
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
