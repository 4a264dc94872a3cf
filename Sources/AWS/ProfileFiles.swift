// The files `credentials` and `config` of AWS's own clients. See
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
//
//     [default]                                in either
//     region = eu-west-1
//     [profile logs]                           in config; in credentials it is [logs]
//     role_arn = arn:aws:iam::123456789012:role/logs
//     source_profile = default
//     services = local
//     [services local]                         in config
//     cloudwatch_logs =
//       endpoint_url = http://127.0.0.1:5555

package import Bytes

/// One file as it stands. What is no setting is lost alone, and named.
package struct ProfileFile: Sendable, Equatable {
    package struct Section: Sendable, Equatable {
        /// What stands between the brackets, blanks as one space.
        package let title: String
        /// By name in lower case; of a name that stands twice the last. Those below another setting have its name, a
        /// slash and their own: `cloudwatch_logs/endpoint_url`.
        package var settings: [String: String] = [:]
    }

    package private(set) var sections: [Section] = []
    /// Their texts are not repeated: a secret may stand there.
    package private(set) var problems: [ParseError] = []
    /// What follows a line that should be the name of one is lost: it is not the section's before that.
    private var isInSection = false

    package init(_ bytes: [UInt8]) {
        var cursor = ByteCursor(bytes)
        var above: Above?
        while !cursor.isAtEnd {
            let start = cursor
            let indent = cursor.skipBlanks()
            let line = cursor.text(cursor.restOfLine())
            cursor.skipToNextLine()
            do throws(ParseError) { try add(line, indent, &above, at: start) } catch {
                problems.append(error)
            }
        }
    }

    /// The last setting that is none of those below another, and how far it is indented.
    private struct Above {
        let name: String
        let indent: Int
    }

    /// Blanks at the beginning of a line mean nothing by themselves: a line is below the setting above it when it has
    /// more of them. So a section may be indented as a whole, as Python's configparser reads it, and with it botocore.
    private mutating func add(
        _ line: String, _ indent: Int, _ above: inout Above?, at place: ByteCursor
    ) throws(ParseError) {
        let text = withoutComment(line)
        guard let first = text.utf8.first else { return }
        let parent = above.flatMap { indent > $0.indent ? $0.name : nil }
        if first == UInt8(ascii: "["), parent == nil {
            above = nil
            // What comes behind it is passed over, as botocore does.
            let end = text.utf8.lastIndex(of: UInt8(ascii: "]"))
            isInSection = end != nil
            guard let end else { throw place.error("\"]\" behind the name of the section") }
            sections.append(Section(title: title(Substring(text.utf8[..<end].dropFirst()))))
            return
        }
        guard let equals = text.utf8.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }) else {
            // The value before goes on here, which none that is used does.
            if parent != nil { return }
            throw place.error("name = value, or [section]")
        }
        let name = trimmed(text[..<equals]).lowercased()
        let value = trimmed(text[equals...].dropFirst())
        guard !name.isEmpty else { throw place.error("a name before \"=\"") }
        guard isInSection else { throw place.error("a [section] before the first setting") }
        let last = sections.count - 1
        if let parent {
            sections[last].settings["\(parent)/\(name)"] = value
        } else {
            sections[last].settings[name] = value
            above = Above(name: name, indent: indent)
        }
    }
}

extension ByteCursor {
    /// Returns how many there were.
    fileprivate mutating func skipBlanks() -> Int {
        let start = index
        while let next, next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") { _ = skip(byte: next) }
        return index - start
    }
}

/// What both files say of the profiles.
package struct Profiles: Sendable, Equatable {
    private var profiles: [String: [String: String]] = [:]
    private var services: [String: [String: String]] = [:]

    package init(config: ProfileFile = ProfileFile([]), credentials: ProfileFile = ProfileFile([])) {
        for section in config.sections {
            let words = section.title.split(separator: " ", maxSplits: 1).map(String.init)
            if words == ["default"] {
                // `[profile default]` wins, wherever it stands.
                profiles["default"] = section.settings.merging(profiles["default"] ?? [:]) { _, later in later }
            } else if words.count == 2, words[0] == "profile" {
                profiles[unquoted(words[1]), default: [:]].merge(section.settings) { _, later in later }
            } else if words.count == 2, words[0] == "services" {
                services[unquoted(words[1]), default: [:]].merge(section.settings) { _, later in later }
            }
        }
        // What stands in both is taken from `credentials`.
        for section in credentials.sections {
            profiles[unquoted(section.title), default: [:]].merge(section.settings) { _, later in later }
        }
    }

    /// Nil when no file has it. Settings without a value are left out.
    package subscript(name: String) -> [String: String]? { profiles[name]?.filter { !$0.value.isEmpty } }

    package var names: [String] { profiles.keys.sorted() }

    /// `endpoint_url` of a service, named as in `cloudwatch_logs`, in the services that the profile speaks of.
    func endpoint(of service: String, profile: String) -> String? {
        guard let name = profiles[profile]?["services"] else { return nil }
        return services[name]?["\(service)/endpoint_url"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// Also without blanks at its ends. A comment is a whole line, or begins after a blank.
private func withoutComment(_ line: String) -> String {
    let bytes = Array(line.utf8)
    var wasBlank = true
    for (index, byte) in bytes.enumerated() {
        if wasBlank, byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
            return trimmed(String(decoding: bytes[..<index], as: UTF8.self)[...])
        }
        wasBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
    return trimmed(line[...])
}

private func trimmed(_ text: Substring) -> String {
    var bytes = Array(text.utf8)[...]
    while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
    while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
}

private func title(_ text: Substring) -> String {
    text.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
}

private func unquoted(_ name: String) -> String {
    for mark in ["\"", "'"] where name.utf8.count >= 2 && name.hasPrefix(mark) && name.hasSuffix(mark) {
        return String(name.dropFirst().dropLast())
    }
    return name
}
