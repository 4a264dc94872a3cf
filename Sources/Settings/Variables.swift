// Variables inside the texts of the settings.
//
//     "${NAME}"            the environment variable; an error when it is not set
//     "${NAME:-default}"   the default when it is not set, or empty, as in a shell
//     "${file:/path}"      what the file holds, without the newline at its end: secrets
//     "$${NAME}"           the text ${NAME} itself
//
// A `$` that no `{` follows is a plain `$`, so that patterns need no care. Variables stand only inside quotes and make
// text: a setting that wants a number or true and false takes none. What a variable brings is not searched for
// variables again.

/// Why a text with variables has no value.
package struct VariableError: Error, Equatable {
    package let reason: String
    package init(reason: String) { self.reason = reason }
}

/// Where the values of variables come from: the world, or a test.
package struct SettingsVariables: Sendable {
    private let environment: @Sendable (String) throws(VariableError) -> String?
    private let readFile: @Sendable (String) throws(VariableError) -> [UInt8]
    private var keepsUnknown = false

    /// Variables that have no value here stay as they are written: for who only asks where the agent is.
    package var keepingUnknown: Self {
        var copy = self
        copy.keepsUnknown = true
        return copy
    }

    package init(
        environment: @escaping @Sendable (String) throws(VariableError) -> String?,
        readFile: @escaping @Sendable (String) throws(VariableError) -> [UInt8]
    ) {
        self.environment = environment
        self.readFile = readFile
    }

    package func expand(_ text: String) throws(VariableError) -> String { try expanded(text).text }

    /// What it becomes, and what was brought into it; nil where there was no variable.
    func expanded(_ text: String) throws(VariableError) -> (text: String, expanded: ExpandedText?) {
        var brought: [BroughtText] = []
        var files: [String] = []
        let result = try expand(text, &brought, &files)
        guard !brought.isEmpty else { return (result, nil) }
        return (result, ExpandedText(template: text, brought: brought, files: files, variables: self))
    }

    private func expand(
        _ text: String, _ brought: inout [BroughtText], _ files: inout [String]
    ) throws(VariableError) -> String {
        let bytes = Array(text.utf8)
        var expanded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$") else {
                expanded.append(bytes[index])
                index += 1
                continue
            }
            let rest = bytes[(index + 1)...]
            if rest.starts(with: "${".utf8) {
                expanded.append(contentsOf: "${".utf8)
                index += 3
            } else if rest.first == UInt8(ascii: "{") {
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    throw VariableError(reason: "\"${\" has no \"}\"; the text ${ itself is written $${")
                }
                let inner = bytes[(index + 2)..<end]
                let (value, isDefault): ([UInt8], Bool)
                do throws(VariableError) { (value, isDefault) = try self.value(of: inner) } catch {
                    guard keepsUnknown else { throw error }
                    expanded.append(contentsOf: bytes[index...end])
                    index = end + 1
                    continue
                }
                expanded.append(contentsOf: value)
                if !isDefault {
                    let name = String(decoding: inner, as: UTF8.self)
                    brought.append(BroughtText(name: "${\(name)}", value: String(decoding: value, as: UTF8.self)))
                    if name.hasPrefix("file:") { files.append(String(name.dropFirst(5))) }
                }
                index = end + 1
            } else {
                expanded.append(UInt8(ascii: "$"))
                index += 1
            }
        }
        return String(decoding: expanded, as: UTF8.self)
    }

    /// What stands between the braces, as a value. A default stands in the settings for anybody to read.
    private func value(of inner: ArraySlice<UInt8>) throws(VariableError) -> (value: [UInt8], isDefault: Bool) {
        if inner.starts(with: "file:".utf8) {
            return (try content(String(decoding: inner.dropFirst(5), as: UTF8.self)), false)
        }
        let name = inner.prefix { isNameByte($0) }
        let text = String(decoding: name, as: UTF8.self)
        let rest = inner[name.endIndex...]
        guard let first = name.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            throw unknownForm(inner)
        }
        if rest.isEmpty {
            guard let value = try environment(text) else {
                throw VariableError(reason: "the environment variable \(text) is not set; a default is ${\(text):-…}")
            }
            return (Array(value.utf8), false)
        }
        guard rest.starts(with: ":-".utf8) else { throw unknownForm(inner) }
        let fallback = Array(rest.dropFirst(2))
        guard !fallback.contains(UInt8(ascii: "{")) else {
            throw VariableError(reason: "the default of ${\(text):-…} holds a \"{\": variables do not nest")
        }
        if let value = try environment(text), !value.isEmpty { return (Array(value.utf8), false) }
        return (fallback, true)
    }

    private func content(_ path: String) throws(VariableError) -> [UInt8] {
        guard path.hasPrefix("/") else {
            throw VariableError(reason: "${file:\(path)} needs a path that begins with /")
        }
        var bytes = try readFile(path)
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
            throw VariableError(reason: "\(path) is not a text in UTF-8")
        }
        return bytes
    }

    private func unknownForm(_ inner: ArraySlice<UInt8>) -> VariableError {
        VariableError(
            reason: "${\(String(decoding: inner, as: UTF8.self))} is none of ${NAME}, ${NAME:-default} and "
                + "${file:/path}; the text ${ itself is written $${")
    }
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}
