// From the bytes of one or several settings files to one tree. Pure: whoever calls has read the files.
//
// A file is JSON with `//` and `/* */` comments and trailing commas, and variables inside its texts (Variables.swift).
// Several files are merged object by object. What stands twice is an error that names both places: which one would win
// is nothing to guess.

internal import Bytes

/// One file as it was read.
package struct SettingsFile: Sendable {
    /// As the user named it: errors begin with it.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// The tree of all files together; an object without members when there is no file.
package func loadSettings(
    _ files: [SettingsFile], variables: SettingsVariables
) throws(SettingsError) -> SettingsValue {
    var merged: SettingsValue?
    for file in files {
        let parsed: JSONValue
        do throws(JSONError) { parsed = try parseJSON(file.bytes, .settings) } catch {
            throw SettingsError(file: file.name, position: error.position, path: "", reason: error.reason)
        }
        let tree = try makeTree(parsed, file: file.name, path: "", variables)
        guard case .object = tree.content else { throw tree.error("", "expected an object { … }") }
        if let before = merged { merged = try merge(tree, into: before, path: "") } else { merged = tree }
    }
    return merged ?? SettingsValue(.object([]), file: "", position: TextPosition(line: 1, column: 1))
}

private func makeTree(
    _ value: JSONValue, file: String, path: String, _ variables: SettingsVariables
) throws(SettingsError) -> SettingsValue {
    var tree = SettingsValue(.null, file: file, position: value.position)
    switch value.content {
    case .null: break
    case .bool(let flag): tree.content = .bool(flag)
    case .number(let text): tree.content = .number(text)
    case .string(let text):
        do throws(VariableError) {
            let (text, expanded) = try variables.expanded(text)
            tree.content = .string(text)
            tree.expanded = expanded
        } catch { throw tree.error(path, error.reason) }
    case .array(let elements):
        var children: [SettingsValue] = []
        for (index, element) in elements.enumerated() {
            children.append(try makeTree(element, file: file, path: "\(path)[\(index)]", variables))
        }
        tree.content = .array(children)
    case .object(let members):
        var children: [SettingsValue.Member] = []
        var lines: [String: Int] = [:]
        for member in members {
            let path = path.isEmpty ? member.key : "\(path).\(member.key)"
            if let line = lines.updateValue(member.keyPosition.line, forKey: member.key) {
                throw SettingsError(
                    file: file, position: member.keyPosition, path: path,
                    reason: "repeated key, it stands already on line \(line)")
            }
            let child = try makeTree(member.value, file: file, path: path, variables)
            children.append(.init(key: member.key, keyPosition: member.keyPosition, file: file, value: child))
        }
        tree.content = .object(children)
    }
    return tree
}

/// Both are objects: what only one of them has is taken, objects that both have are merged, all else is a conflict.
private func merge(
    _ later: SettingsValue, into earlier: SettingsValue, path: String
) throws(SettingsError) -> SettingsValue {
    guard case .object(var members) = earlier.content, case .object(let added) = later.content else { return later }
    for member in added {
        guard let index = members.firstIndex(where: { $0.key == member.key }) else {
            members.append(member)
            continue
        }
        let path = path.isEmpty ? member.key : "\(path).\(member.key)"
        let before = members[index]
        guard case .object = before.value.content, case .object = member.value.content else {
            let place = "\(before.file):\(before.keyPosition.line):\(before.keyPosition.column)"
            throw SettingsError(
                file: member.file, position: member.keyPosition, path: path, reason: "is set already at \(place)")
        }
        members[index].value = try merge(member.value, into: before.value, path: path)
    }
    var merged = earlier
    merged.content = .object(members)
    return merged
}
