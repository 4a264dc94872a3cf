// Patterns for paths and names, as in glob(7): `*`, `?`, `[a-z]`, `[!a-z]`, and besides `**` for any directories and
// `{a,b}`.
//
// Braces are expanded when the pattern is read, up to a limit; what is left is matched with one point to go back to for
// each star, so that the time grows with pattern times text and no faster.

package struct GlobError: Error, Equatable, CustomStringConvertible {
    package let pattern: String
    package let reason: String

    package var description: String { "\(reason) in the pattern \"\(pattern)\"" }
}

/// A pattern over bytes. `*`, `?` and sets do not match a slash, nor a dot that begins a name (as in a shell), so that
/// an editor's `.app.log.swp` is no log file.
package struct Glob: Sendable {
    /// What stands between two slashes.
    package enum Component: Sendable, Equatable {
        case literal([UInt8])
        /// `**`: any number of directories, also none.
        case anyDirectories
        case wildcard([Element])
    }

    package enum Element: Sendable, Equatable {
        case byte(UInt8)
        /// `?`
        case anyByte
        /// `*`
        case anyRun
        case set([ClosedRange<UInt8>], isNegated: Bool)
    }

    /// Braces multiply; beyond this many patterns it is a mistake.
    package static let alternativeLimit = 256

    package let text: String
    /// The pattern without braces, once for each choice in them. An absolute one begins with an empty literal.
    package let alternatives: [[Component]]

    package init(_ text: String) throws(GlobError) {
        self.text = text
        guard !text.isEmpty else { throw GlobError(pattern: text, reason: "nothing stands") }
        var alternatives: [[Component]] = []
        for plain in try BraceExpansion(text).expand() {
            var components: [Component] = []
            let parts = splitAtSlashes(plain)
            for (index, part) in parts.enumerated() {
                // Two slashes are one, as they are to the kernel.
                if part.isEmpty, index > 0, index < parts.count - 1 { continue }
                components.append(try parseComponent(part, of: text))
            }
            alternatives.append(components)
        }
        self.alternatives = alternatives
    }

    package func matches(_ text: String) -> Bool { matches(Array(text.utf8)[...]) }

    package func matches(_ bytes: [UInt8]) -> Bool { matches(bytes[...]) }

    package func matches(_ path: Path) -> Bool { matches(path.bytes) }

    private func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        let names = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return alternatives.contains { Self.matches(names, $0) }
    }

    /// How many names of `path`, from its first on, stand in the pattern as they are, as names of directories before
    /// any wildcard.
    package func literalDirectoryCount(of path: Path) -> Int {
        let names = path.components
        return alternatives.map { components in
            zip(components.dropFirst().dropLast(), names).prefix { component, name in
                if case .literal(let bytes) = component { name.bytes.elementsEqual(bytes) } else { false }
            }.count
        }.max() ?? 0
    }

    /// Directories of a path against components: `**` is to them what `*` is to bytes.
    private static func matches(_ names: [ArraySlice<UInt8>], _ components: [Component]) -> Bool {
        var (name, component) = (0, 0)
        var retry: (name: Int, component: Int)?
        while name < names.count {
            if component < components.count, components[component] == .anyDirectories {
                retry = (name, component)
                component += 1
            } else if component < components.count, components[component].matches(names[name]) {
                name += 1
                component += 1
            } else if let last = retry, !names[last.name].isHidden {
                // The last `**` takes one directory more.
                retry = (last.name + 1, last.component)
                (name, component) = (last.name + 1, last.component + 1)
            } else {
                return false
            }
        }
        return components[component...].allSatisfy { $0 == .anyDirectories }
    }
}

extension Glob.Component {
    package func matches(_ name: ArraySlice<UInt8>) -> Bool {
        switch self {
        case .literal(let bytes): name.elementsEqual(bytes)
        case .anyDirectories: !name.isHidden
        case .wildcard(let elements): matches(name, elements)
        }
    }

    private func matches(_ name: ArraySlice<UInt8>, _ elements: [Glob.Element]) -> Bool {
        if name.isHidden, elements.first != .byte(UInt8(ascii: ".")) { return false }
        var (index, element) = (name.startIndex, 0)
        var retry: (index: Int, element: Int)?
        while index < name.endIndex {
            if element < elements.count, elements[element] == .anyRun {
                retry = (index, element)
                element += 1
            } else if element < elements.count, elements[element].matches(name[index]) {
                index += 1
                element += 1
            } else if let last = retry {
                retry = (last.index + 1, last.element)
                (index, element) = (last.index + 1, last.element + 1)
            } else {
                return false
            }
        }
        return elements[element...].allSatisfy { $0 == .anyRun }
    }
}

extension Glob.Element {
    fileprivate func matches(_ byte: UInt8) -> Bool {
        switch self {
        case .byte(let own): own == byte
        case .anyByte, .anyRun: true
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate var isHidden: Bool { first == UInt8(ascii: ".") }
}

/// Escaped slashes are slashes all the same: no file name has one.
private func splitAtSlashes(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
}

private func parseComponent(_ part: ArraySlice<UInt8>, of pattern: String) throws(GlobError) -> Glob.Component {
    if part.elementsEqual("**".utf8) { return .anyDirectories }
    var elements: [Glob.Element] = []
    var index = part.startIndex
    while index < part.endIndex {
        let byte = part[index]
        index += 1
        switch byte {
        case UInt8(ascii: "*"): if elements.last != .anyRun { elements.append(.anyRun) }
        case UInt8(ascii: "?"): elements.append(.anyByte)
        case UInt8(ascii: "["): elements.append(try parseSet(part, &index, of: pattern))
        case UInt8(ascii: "\\"):
            guard index < part.endIndex else {
                throw GlobError(pattern: pattern, reason: "a backslash escapes nothing")
            }
            elements.append(.byte(part[index]))
            index += 1
        default: elements.append(.byte(byte))
        }
    }
    var literal: [UInt8] = []
    for element in elements {
        guard case .byte(let byte) = element else { return .wildcard(elements) }
        literal.append(byte)
    }
    return .literal(literal)
}

/// `[abc]`, `[a-z]`, `[!a-z]` or `[^a-z]`; a `]` that stands first is one of the set.
private func parseSet(
    _ part: ArraySlice<UInt8>, _ index: inout Int, of pattern: String
) throws(GlobError) -> Glob.Element {
    var ranges: [ClosedRange<UInt8>] = []
    var isNegated = false
    if index < part.endIndex, part[index] == UInt8(ascii: "!") || part[index] == UInt8(ascii: "^") {
        isNegated = true
        index += 1
    }
    while index < part.endIndex, part[index] != UInt8(ascii: "]") || ranges.isEmpty {
        let low = try setByte(part, &index, of: pattern)
        var high = low
        if index + 1 < part.endIndex, part[index] == UInt8(ascii: "-"), part[index + 1] != UInt8(ascii: "]") {
            index += 1
            high = try setByte(part, &index, of: pattern)
        }
        guard low <= high else { throw GlobError(pattern: pattern, reason: "a range runs backwards") }
        ranges.append(low...high)
    }
    guard index < part.endIndex else { throw GlobError(pattern: pattern, reason: "a '[' has no ']'") }
    index += 1
    return .set(ranges, isNegated: isNegated)
}

private func setByte(_ part: ArraySlice<UInt8>, _ index: inout Int, of pattern: String) throws(GlobError) -> UInt8 {
    if part[index] == UInt8(ascii: "\\") { index += 1 }
    guard index < part.endIndex else { throw GlobError(pattern: pattern, reason: "a '[' has no ']'") }
    index += 1
    return part[index - 1]
}

/// `a{b,c{d,e}}` to `ab`, `acd`, `ace`. Backslashes stay for the next step.
private struct BraceExpansion {
    let pattern: String
    let bytes: [UInt8]

    init(_ pattern: String) {
        self.pattern = pattern
        bytes = Array(pattern.utf8)
    }

    func expand() throws(GlobError) -> [[UInt8]] {
        var index = 0
        let all = try sequence(from: &index, depth: 0)
        guard index == bytes.count else { throw GlobError(pattern: pattern, reason: "a '}' has no '{'") }
        return all
    }

    /// Up to the end, or to the `,` or `}` of the brace around it.
    private func sequence(from index: inout Int, depth: Int) throws(GlobError) -> [[UInt8]] {
        var all: [[UInt8]] = [[]]
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "{"):
                guard depth < 8 else { throw GlobError(pattern: pattern, reason: "braces are nested too deep") }
                index += 1
                let choices = try choices(from: &index, depth: depth + 1)
                guard all.count * choices.count <= Glob.alternativeLimit else {
                    throw GlobError(pattern: pattern, reason: "more than \(Glob.alternativeLimit) choices of braces")
                }
                all = all.flatMap { start in choices.map { start + $0 } }
            case UInt8(ascii: "}"): return all
            case UInt8(ascii: ",") where depth > 0: return all
            default:
                let length = plainLength(at: index)
                for each in all.indices { all[each].append(contentsOf: bytes[index..<index + length]) }
                index += length
            }
        }
        guard depth == 0 else { throw GlobError(pattern: pattern, reason: "a '{' has no '}'") }
        return all
    }

    private func choices(from index: inout Int, depth: Int) throws(GlobError) -> [[UInt8]] {
        var choices: [[UInt8]] = []
        while true {
            choices += try sequence(from: &index, depth: depth)
            index += 1
            if bytes[index - 1] == UInt8(ascii: "}") { return choices }
        }
    }

    /// One byte, an escaped one with its backslash, or a whole set, in which braces and commas mean nothing.
    private func plainLength(at index: Int) -> Int {
        if bytes[index] == UInt8(ascii: "\\") { return min(2, bytes.count - index) }
        guard bytes[index] == UInt8(ascii: "[") else { return 1 }
        var end = index + 1
        if end < bytes.count, bytes[end] == UInt8(ascii: "!") || bytes[end] == UInt8(ascii: "^") { end += 1 }
        if end < bytes.count, bytes[end] == UInt8(ascii: "]") { end += 1 }
        while end < bytes.count, bytes[end] != UInt8(ascii: "]") { end += 1 }
        return end < bytes.count ? end + 1 - index : 1
    }
}
