// Names that come from the kernel are bytes (docs/design.md section 7): text would lose files, or take two for one.

import Foundation
import Testing

enum NamesRule {
    /// Where names from the kernel go through: bytes there become text only in the places listed here.
    static let floors = ["Sources/Platform/", "Sources/Inputs/FileInput", "Sources/Durable/"]

    /// Text that is no name of a file, or that the agent itself has made. By file, with a part of the line.
    static let texts: [(file: String, line: String)] = [
        ("Sources/Platform/AgentLog.swift", "let quoted ="), ("Sources/Platform/Errno.swift", "let message ="),
        ("Sources/Platform/Environment.swift", "String(cString: value)"),
        ("Sources/Platform/SocketAddress.swift", "let address ="),
        ("Sources/Platform/SocketAddress.swift", ".unix(path:"),
        ("Sources/Platform/BtrfsFileSystem.swift", "path: String(decoding: path"),
        ("Sources/Platform/BtrfsFileSystem.swift", "return String(decoding: text"),
        ("Sources/Platform/NetlinkSocket.swift", "name.prefix"), ("Sources/Platform/Library.swift", "message"),
        ("Sources/Platform/HostLookup.swift", "gai_strerror"), ("Sources/Platform/SystemName.swift", "bytes.prefix"),
        ("Sources/Platform/SystemName.swift", "abbreviation"), ("Sources/Platform/InstanceID.swift", "word"),
        ("Sources/Platform/ThreadRoom.swift", "readWhole(path)"),
        // For messages: the path itself stays bytes.
        ("Sources/Platform/NumberedFiles.swift", "var text: String"),
        ("Sources/Inputs/FileInput/FileCursor.swift", "decoding: digits"),
        ("Sources/Durable/SpoolDisk.swift", "decoding: name"), ("Sources/Durable/CursorFiles.swift", "decoding: name"),
        ("Sources/Durable/RejectedFiles.swift", "decoding: name"),
        ("Sources/Durable/RejectedFiles.swift", "decoding: text"),
    ]

    /// Tables of something else than paths, though their names sound so.
    static let tables: [(file: String, line: String)] = []

    static func findings(in files: [SourceFile]) -> [String] {
        files.filter(\.isSource).flatMap { file -> [String] in
            file.lines.enumerated().compactMap { number, line -> String? in
                let code = line.prefix(upTo: line.range(of: "//")?.lowerBound ?? line.endIndex)
                return finding(code, in: file.path).map { "\(file.path):\(number + 1): \($0)" }
            }
        }
    }

    private static func finding(_ code: Substring, in path: String) -> String? {
        func isListed(in list: [(file: String, line: String)]) -> Bool {
            list.contains { $0.file == path && code.contains($0.line) }
        }
        let makesText = code.contains("String(decoding:") || code.contains("String(cString:")
        if makesText, floors.contains(where: { path.hasPrefix($0) }), !isListed(in: texts) {
            return "a name from the kernel becomes text; keep it as Path, or list the line in NamesRule.texts"
        }
        if isTableOfPaths(code), !isListed(in: tables) {
            return "paths as keys are Path: String takes two for one; or list the line in NamesRule.tables"
        }
        return nil
    }

    /// A variable or an argument whose name says that it holds paths.
    private static func isTableOfPaths(_ code: Substring) -> Bool {
        for type in ["Set<String>", "[String: "] {
            guard let range = code.range(of: ": " + type) else { continue }
            let word = String(code[..<range.lowerBound].reversed().prefix { $0.isLetter }.reversed()).lowercased()
            if ["path", "director", "place", "listing", "mount"].contains(where: { word.contains($0) }) { return true }
        }
        return false
    }
}

@Suite struct NamesRuleTests {
    @Test func namesStayBytes() throws {
        let findings = NamesRule.findings(in: try TidyTests.swiftFiles())
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    @Test func whatIsListedIsThere() throws {
        let files = try TidyTests.swiftFiles()
        for (path, line) in NamesRule.texts + NamesRule.tables {
            let file = files.first { $0.path == path }
            let isThere = file?.lines.contains { $0.contains(line) } ?? false
            #expect(isThere, "\(path): nothing there has: \(line)")
        }
    }

    @Test(arguments: [
        ("Sources/Platform/Bad.swift", "    let name = String(decoding: entry.d_name, as: UTF8.self)"),
        ("Sources/Platform/Bad.swift", "    return unsafe String(cString: found)"),
        ("Sources/Inputs/FileInput/Bad.swift", "    let text = String(decoding: path.bytes, as: UTF8.self)"),
        ("Sources/Collectors/Bad.swift", "    var seenPaths: Set<String> = []"),
        ("Sources/Inputs/FileInput/Bad.swift", "    var byPlace: [String: Tail] = [:]"),
        ("Sources/Agent/Bad.swift", "func list(_ directories: Set<String>) {}"),
    ]) func findsABadLine(path: String, line: String) {
        #expect(NamesRule.findings(in: [SourceFile(path: path, text: "// For a test.\n\(line)")]).count == 1)
    }

    @Test(arguments: [
        ("Sources/Platform/Errno.swift", "        let message = String(decoding: text, as: UTF8.self)"),
        ("Sources/Agent/Good.swift", "    var users: [String: Int] = [:]"),
        ("Sources/Platform/Good.swift", "    // String(decoding: would repair it"),
    ]) func passesOthers(path: String, line: String) {
        #expect(NamesRule.findings(in: [SourceFile(path: path, text: "// For a test.\n\(line)")]).isEmpty)
    }
}
