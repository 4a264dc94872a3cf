// A path, or one name in a directory, as the kernel has it: bytes without a NUL. See path_resolution(7).
//
// A Swift `String` would repair what is not UTF-8, so that the file is never found again, and it compares by canonical
// equivalence, so that two files become one. A path becomes text only where a person or a JSON document reads it.

/// Compared, hashed and ordered by its bytes.
package struct Path: Hashable, Comparable, Sendable {
    /// With the NUL behind it that system calls need, so that a call copies nothing.
    private let terminated: [UInt8]

    /// A NUL ends the path, as it does for the kernel; settings that hold one are refused before they come here.
    package init(_ bytes: some Sequence<UInt8>) {
        // Not byte by byte: from another module each would be a call through a witness table, and an allocation.
        self = Path(Array(bytes)[...])
    }

    /// The same without a generic loop, since names come by the ten thousand.
    package init(_ bytes: ArraySlice<UInt8>) {
        var terminated: [UInt8] = []
        terminated.reserveCapacity(bytes.count + 1)
        terminated += bytes.prefix { $0 != 0 }
        terminated.append(0)
        self.terminated = terminated
    }

    package init(_ text: String) { self.init(Array(text.utf8)[...]) }

    /// Up to the NUL of what C gave.
    package init(_ bytes: UnsafeRawBufferPointer) { self.init(unsafe Array(bytes.prefix { $0 != 0 })[...]) }

    /// `terminated` ends in its only NUL.
    private init(terminated: [UInt8]) { self.terminated = terminated }

    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }
    package var isEmpty: Bool { terminated.count == 1 }
    package var isAbsolute: Bool { terminated[0] == UInt8(ascii: "/") }

    package func hash(into hasher: inout Hasher) {
        // As one piece: an array would be hashed byte by byte.
        unsafe terminated.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    package static func < (one: Path, other: Path) -> Bool { one.bytes.lexicographicallyPrecedes(other.bytes) }

    /// The path of `name` in this directory. The empty path stands for the root here, as before the first slash.
    package static func / (directory: Path, name: Path) -> Path {
        var joined: [UInt8] = []
        joined.reserveCapacity(directory.terminated.count + name.terminated.count)
        joined += directory.bytes
        if joined.last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined += name.terminated
        return Path(terminated: joined)
    }

    package static func / (directory: Path, name: String) -> Path { directory / Path(name) }

    /// What stands behind the last slash; all of a path that has none.
    package var name: Path { Path(bytes[(lastSlash.map { $0 + 1 } ?? bytes.startIndex)...]) }

    /// The path before the last slash: `/` for a name in the root, nil for the root itself and for a bare name.
    package var directory: Path? {
        guard let slash = lastSlash, terminated.count > 2 else { return nil }
        return Path(bytes[..<max(slash, 1)])
    }

    private var lastSlash: Int? { bytes.lastIndex(of: UInt8(ascii: "/")) }

    /// Whether this is `directory` or lies somewhere in it, by the names alone.
    package func isInside(_ directory: Path) -> Bool {
        guard bytes.starts(with: directory.bytes) else { return false }
        return directory.bytes.last == UInt8(ascii: "/") || directory.isEmpty
            || bytes.count == directory.bytes.count || bytes[directory.bytes.count] == UInt8(ascii: "/")
    }

    /// The names between the slashes, without empty ones and `.`.
    package var components: [Path] {
        bytes.split(separator: UInt8(ascii: "/")).map { Path($0) }.filter { $0 != "." }
    }

    package func hasPrefix(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    package func hasPrefix(_ other: Path) -> Bool { bytes.starts(with: other.bytes) }
    package func hasSuffix(_ text: String) -> Bool { bytes.suffix(text.utf8.count).elementsEqual(text.utf8) }

    /// Lends the path to a system call.
    package func withCString<Result, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe terminated.withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
            // The array is never empty, so that there is an address.
            guard let start = buffer.baseAddress else { bug("a path without its NUL") }
            return try unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count, body)
        }
    }

    /// The path as text when its bytes are UTF-8; nil when they are not, and no text leads back to the file.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    /// With U+FFFD for what is not UTF-8: for JSON and the agent's log, which escape what they are given. No way back
    /// to the file, and no key: two files may have the same.
    package var repaired: String { String(decoding: bytes, as: UTF8.self) }
}

extension Path: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}

extension Path: CustomStringConvertible {
    /// For a person: see `String.init(shown:)`.
    package var description: String { String(shown: bytes) }
}

extension String {
    /// Bytes from outside, as a person may see them on a terminal: what is not UTF-8 is U+FFFD, and what would move the
    /// cursor, end the line or turn the direction of reading is an escape (`\n`, `\x1b`, `\u{202e}`).
    package init(shown bytes: some Sequence<UInt8>) {
        self = escaped(String(decoding: Array(bytes), as: UTF8.self), backslash: "\\\\")
    }

    /// A message that is one line on a terminal whatever the texts in it hold. Names in it that are `shown` stay as
    /// they are, and so does what this has made.
    package init(printable message: String) { self = escaped(message, backslash: "\\") }
}

private func escaped(_ text: String, backslash: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": shown += "\\n"
        case "\r": shown += "\\r"
        case "\t": shown += "\\t"
        case "\\": shown += backslash
        case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value):
            let digits = String(scalar.value, radix: 16)
            shown += scalar.value < 0x10 ? "\\x0\(digits)" : "\\x\(digits)"
        case _ where !scalar.isPrintable: shown += "\\u{\(String(scalar.value, radix: 16))}"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return shown
}

extension Unicode.Scalar {
    /// False for control characters, separators of lines, marks of direction and other format characters: one cannot
    /// see them, only what they do.
    package var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
