// The names that rotation gives: `app.log.1`, `app.log-20261121`, `app-20261121.log`, `app.log.old`.

/// A path in two: the directory without its slash (empty for the root), and the name.
package func splitPath(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
}

/// The name without what follows its last dot: all its rotated names begin so.
package func stem(of name: String) -> String {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return name }
    return String(name[..<dot])
}

/// `app.log.1.gz` is named as `app.log.1` is.
package func withoutGzipEnding(_ name: String) -> String { name.hasSuffix(".gz") ? String(name.dropLast(3)) : name }

/// Whether `name` may hold the content of `original`: `app.log.copy`. Enough for a file whose content is compared.
package func mayBeCopyName(_ name: String, of original: String) -> Bool {
    guard name != original else { return false }
    if name.hasPrefix(original) { return name.utf8.dropFirst(original.utf8.count).first.map(isSeparator) ?? false }
    return isRotatedName(name, of: original)
}

/// The names of which `name` may be a copy or a rotated one, the longest first.
package func originalNames(of name: String) -> [String] {
    let plain = withoutGzipEnding(name)
    let bytes = Array(plain.utf8)
    let separators = bytes.indices.dropFirst().filter { isSeparator(bytes[$0]) }.reversed()
    let ending = bytes.lastIndex(of: UInt8(ascii: ".")) ?? bytes.count
    var names = plain == name ? [] : [plain]
    for index in separators {
        names.append(String(decoding: bytes[..<index], as: UTF8.self))
        if index < ending { names.append(String(decoding: bytes[..<index] + bytes[ending...], as: UTF8.self)) }
    }
    return names.filter { mayBeCopyName(name, of: $0) }
}

private func isSeparator(_ byte: UInt8) -> Bool { ".-_~".utf8.contains(byte) }

/// Whether `name` is what a rotation makes of `original`, so that it is read without any other proof. `mail.err` is no
/// rotated `mail`.
package func isRotatedName(_ name: String, of original: String) -> Bool {
    let plain = withoutGzipEnding(name)
    if plain != name { return plain == original || isRotatedName(plain, of: original) }
    if name.hasPrefix(original) {
        return isRotationSuffix(name.utf8.dropFirst(original.utf8.count), orWord: true)
    }
    // With logrotate's `extension`, the date stands before it. Not a word: `db-backup.log` is a log of its own.
    guard let dot = original.utf8.lastIndex(of: UInt8(ascii: ".")), dot > original.startIndex else { return false }
    let (stem, ending) = (original[..<dot], original[dot...])
    guard name.hasPrefix(stem), name.hasSuffix(ending), name.utf8.count > original.utf8.count else { return false }
    return isRotationSuffix(name.utf8.dropFirst(stem.utf8.count).dropLast(ending.utf8.count), orWord: false)
}

private func isRotationSuffix(_ suffix: Substring.UTF8View, orWord: Bool) -> Bool {
    guard let first = suffix.first else { return false }
    if suffix.count == 1 { return first == UInt8(ascii: "~") }
    guard [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(first) else { return false }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let rest = suffix.dropFirst()
    let number = rest.drop { !digits.contains($0) && !"-._".utf8.contains($0) }
    // A word that people and scripts use, alone or with a number: `.old`, `.bak.2`.
    if orWord, let word = String(rest[..<number.startIndex]), rotationWords.contains(word),
        isNumber(number) || number.isEmpty
    {
        return true
    }
    return isNumber(rest)

    /// Of digits, and of what stands between those of a date or a time.
    func isNumber(_ text: Substring.UTF8View) -> Bool {
        text.contains { digits.contains($0) }
            && text.allSatisfy { digits.contains($0) || "-._:T+Z".utf8.contains($0) }
    }
}

private let rotationWords: Set<String> = [
    "backup", "bak", "copy", "old", "orig", "prev", "previous", "rotated", "save",
]
