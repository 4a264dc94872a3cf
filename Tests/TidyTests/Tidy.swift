// The rules of this house that a machine can hold. CONTRIBUTING.md says why each is there.

import Foundation

struct SourceFile {
    /// From the root of the repository: `Sources/Bytes/Bug.swift`.
    let path: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var isSource: Bool { path.hasPrefix("Sources/") }
}

enum Tidy {
    static let columnLimit = 120
    static let functionLimit = 70
    static let fileLimit = 500

    /// Words that must not stand in Sources, and what stands there instead.
    static let banned: [(word: String, instead: String)] = [
        ("import Foundation", "the toolchain's own types: Foundation links 50 MB of ICU"),
        ("fatalError(", "bug(), which says where"),
        ("precondition(", "bug(): a precondition's message is lost in a release build"),
        ("preconditionFailure(", "bug()"),
        ("assert(", "bug()"),
        ("try!", "a typed throw"),
        ("as!", "a typed value"),
        ("public ", "package"),
        ("nonisolated(unsafe)", "Mutex"),
        ("Task {", "a Worker"),
        ("async let", "a Worker"),
        ("DispatchQueue.global", "a Worker"),
        ("DispatchQueue.main", "a Worker"),
        ("any Error", "a closed enum of errors"),
        ("print(", "AgentLog, or standard output by its descriptor"),
        ("FIXME", "an issue"),
        ("TODO", "an issue"),
        ("XXX", "an issue"),
    ]

    static func findings(in files: [SourceFile]) -> [String] {
        files.flatMap { file in
            lineFindings(file) + longFunctions(file) + fileFindings(file)
        } + unregistered(files)
    }

    private static func lineFindings(_ file: SourceFile) -> [String] {
        file.lines.enumerated().flatMap { number, line -> [String] in
            let place = "\(file.path):\(number + 1)"
            var found: [String] = []
            if line.count > columnLimit { found.append("\(place): longer than \(columnLimit) columns") }
            if line.last == " " || line.contains("\t") { found.append("\(place): tab or trailing space") }
            let code = line.prefix(upTo: line.range(of: "//")?.lowerBound ?? line.endIndex)
            guard file.isSource, !code.contains("\"") else { return found }
            for (word, instead) in banned where code.contains(word) && !isPartOfLongerWord(word, in: code) {
                found.append("\(place): \(word) is banned, use \(instead)")
            }
            return found
        }
    }

    /// `print(` is banned, `fingerprint(` is not.
    private static func isPartOfLongerWord(_ word: String, in code: Substring) -> Bool {
        guard let range = code.range(of: word), range.lowerBound > code.startIndex else { return false }
        let before = code[code.index(before: range.lowerBound)]
        return before.isLetter || before == "_" || before == "."
    }

    /// A function that does not fit a screen is two functions.
    private static func longFunctions(_ file: SourceFile) -> [String] {
        var found: [String] = []
        var open: [(indent: Int, line: Int)] = []
        for (number, line) in file.lines.enumerated() {
            let indent = line.prefix { $0 == " " }.count
            let text = line.dropFirst(indent)
            if text.contains("func ") || text.contains("init("), !text.hasPrefix("//"), !text.hasSuffix("}") {
                open.append((indent, number))
            }
            if text == "}" || text.hasPrefix("} "), let last = open.last, last.indent == indent {
                open.removeLast()
                if number - last.line > functionLimit {
                    found.append("\(file.path):\(last.line + 1): function longer than \(functionLimit) lines")
                }
            }
        }
        return found
    }

    private static func fileFindings(_ file: SourceFile) -> [String] {
        var found: [String] = []
        if file.lines.count > fileLimit { found.append("\(file.path): longer than \(fileLimit) lines") }
        if file.isSource, file.lines.first?.hasPrefix("//") != true {
            found.append("\(file.path):1: the file does not say what it is for")
        }
        return found
    }

    /// A plug-in that is in its folder but not in the visible list would never run.
    private static func unregistered(_ files: [SourceFile]) -> [String] {
        let kinds = [
            ("Sources/Collectors/Node/", "Collector", "Sources/Collectors/AllCollectors.swift"),
            ("Sources/Collectors/Vitals/", "Collector", "Sources/Collectors/AllCollectors.swift"),
            ("Sources/Inputs/", "Input", "Sources/Inputs/AllInputs.swift"),
            ("Sources/Outputs/", "Output", "Sources/Outputs/AllOutputs.swift"),
        ]
        return kinds.flatMap { folder, suffix, list -> [String] in
            let listed = files.first { $0.path == list }?.lines.joined(separator: "\n") ?? ""
            return files.compactMap { file in
                let name = (file.path.split(separator: "/").last ?? "").dropLast(".swift".count)
                guard file.path.hasPrefix(folder), name.hasSuffix(suffix), name != suffix else { return nil }
                return listed.contains("\(name)") ? nil : "\(file.path): not in \(list)"
            }
        }
    }
}
