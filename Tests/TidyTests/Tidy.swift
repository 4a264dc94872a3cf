// The rules of this house that a machine can hold. CONTRIBUTING.md says why each is there.

import Foundation

struct SourceFile {
    /// From the root of the repository: `Sources/Bytes/Bug.swift`.
    let path: String
    let lines: [Substring]
    /// The lines without comments and without the text of strings; what is interpolated is code, and stays.
    var code: [String] { CodeOnly(lines).lines }

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

    /// `try?` makes "I could not find out" into "no". Where it may stand, and in how many lines: in two questions where
    /// no answer means no.
    static let swallowedErrors: [String: Int] = [
        "Sources/Platform/Directory.swift": 1,
        "Sources/Platform/FileFinder.swift": 1,
    ]

    /// What only one machine has, or what lies outside the repository. In two parts each, since this file is read too.
    static let machinePaths = ["/wo" + "rk/", "/Use" + "rs/", "../sha" + "red"]

    /// A test, a script or a page that names such a path works on one machine only. `root` is where this checkout lies.
    static func machinePathFindings(in file: SourceFile, root: String) -> [String] {
        file.lines.enumerated().flatMap { number, line in
            (machinePaths + ["\(root)/"]).filter { line.contains($0) }.map {
                "\(file.path):\(number + 1): names \($0), which other machines do not have"
            }
        }
    }

    static func findings(in files: [SourceFile]) -> [String] {
        files.flatMap { file in
            lineFindings(file) + longFunctions(file) + fileFindings(file) + swallowedErrors(file)
        } + unregistered(files)
    }

    private static func swallowedErrors(_ file: SourceFile) -> [String] {
        guard file.isSource else { return [] }
        let found = file.code.enumerated().filter { _, code in contains("try?", in: code) }
        let allowed = swallowedErrors[file.path] ?? 0
        if found.count == allowed { return [] }
        if found.count < allowed { return ["\(file.path): has fewer lines with try? than are allowed, allow fewer"] }
        return found.map { "\(file.path):\($0.offset + 1): try? is banned, use a do that knows the errors" }
    }

    private static func lineFindings(_ file: SourceFile) -> [String] {
        let code = file.isSource ? file.code : []
        return file.lines.enumerated().flatMap { number, line -> [String] in
            let place = "\(file.path):\(number + 1)"
            var found: [String] = []
            if line.count > columnLimit { found.append("\(place): longer than \(columnLimit) columns") }
            if line.last == " " || line.contains("\t") { found.append("\(place): tab or trailing space") }
            guard file.isSource else { return found }
            for (word, instead) in banned where contains(word, in: code[number]) {
                found.append("\(place): \(word) is banned, use \(instead)")
            }
            return found
        }
    }

    /// As a word of its own: `print(` is banned, `fingerprint(` is not.
    private static func contains(_ word: String, in code: String) -> Bool {
        var rest = code[...]
        while let range = rest.range(of: word) {
            let before = range.lowerBound > code.startIndex ? code[code.index(before: range.lowerBound)] : " "
            if !before.isLetter, before != "_", before != "." { return true }
            rest = code[range.upperBound...]
        }
        return false
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
