// The names that rotation gives: `app.log.1`, `app.log-20261121`, `app-20261121.log`, `app.log.old`.

package import Bytes
internal import Compression

/// A path in two: the directory and the name.
package func splitPath(_ path: Path) -> (directory: Path, name: Path) { (path.directory ?? ".", path.name) }

/// The name without what follows its last dot: all its rotated names begin so.
package func stem(of name: Path) -> Path {
    guard let dot = name.bytes.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return name }
    return Path(name.bytes[..<dot])
}

/// `app.log.1.gz` is named as `app.log.1` is.
package func withoutCompressionEnding(_ name: Path) -> Path {
    for ending in compressionEndings where name.hasSuffix(ending) {
        return Path(name.bytes.dropLast(ending.utf8.count))
    }
    return name
}

private let compressionEndings = CompressionForm.allCases.map(\.ending)

/// Whether `name` may hold the content of `original`: `app.log.copy`. Enough for a file whose content is compared.
package func mayBeCopyName(_ name: Path, of original: Path) -> Bool {
    guard name != original else { return false }
    if name.hasPrefix(original) { return name.bytes.dropFirst(original.bytes.count).first.map(isSeparator) ?? false }
    return isRotatedName(name, of: original)
}

/// The names of which `name` may be a copy or a rotated one, the longest first.
package func originalNames(of name: Path) -> [Path] {
    let plain = withoutCompressionEnding(name)
    let bytes = plain.bytes
    let separators = bytes.indices.dropFirst().filter { isSeparator(bytes[$0]) }.reversed()
    let ending = bytes.lastIndex(of: UInt8(ascii: ".")) ?? bytes.count
    var names = plain == name ? [] : [plain]
    for index in separators {
        names.append(Path(bytes[..<index]))
        if index < ending { names.append(Path(bytes[..<index] + bytes[ending...])) }
    }
    return names.filter { mayBeCopyName(name, of: $0) }
}

private func isSeparator(_ byte: UInt8) -> Bool { ".-_~".utf8.contains(byte) }

/// Whether `name` is what a rotation makes of `original`, so that it is read without any other proof. `mail.err` is no
/// rotated `mail`.
package func isRotatedName(_ name: Path, of original: Path) -> Bool {
    let plain = withoutCompressionEnding(name)
    if plain != name { return plain == original || isRotatedName(plain, of: original) }
    let (name, original) = (name.bytes, original.bytes)
    if name.starts(with: original) { return isRotationSuffix(name.dropFirst(original.count), orWord: true) }
    // With logrotate's `extension`, the date stands before it. Not a word: `db-backup.log` is a log of its own.
    guard let dot = original.lastIndex(of: UInt8(ascii: ".")), dot > original.startIndex else { return false }
    let (stem, ending) = (original[..<dot], original[dot...])
    guard name.starts(with: stem), name.suffix(ending.count) == ending, name.count > original.count else {
        return false
    }
    return isRotationSuffix(name.dropFirst(stem.count).dropLast(ending.count), orWord: false)
}

private func isRotationSuffix(_ suffix: ArraySlice<UInt8>, orWord: Bool) -> Bool {
    guard let first = suffix.first else { return false }
    if suffix.count == 1 { return first == UInt8(ascii: "~") }
    guard [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(first) else { return false }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let rest = suffix.dropFirst()
    let number = rest.drop { !digits.contains($0) && !"-._".utf8.contains($0) }
    // A word that people and scripts use, alone or with a number: `.old`, `.bak.2`.
    if orWord, rotationWords.contains(where: { $0.utf8.elementsEqual(rest[..<number.startIndex]) }),
        isNumber(number) || number.isEmpty
    {
        return true
    }
    // What logrotate's `create` calls a file that the program made before it could: `app.log-2026120106.backup`.
    if orWord, let dot = rest.lastIndex(of: UInt8(ascii: ".")), isNumber(rest[..<dot]),
        rotationWords.contains(where: { $0.utf8.elementsEqual(rest[(dot + 1)...]) })
    {
        return true
    }
    return isNumber(rest)

    /// Of digits, and of what stands between those of a date or a time.
    func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
        text.contains { digits.contains($0) }
            && text.allSatisfy { digits.contains($0) || "-._:T+Z".utf8.contains($0) }
    }
}

private let rotationWords = ["backup", "bak", "copy", "old", "orig", "prev", "previous", "rotated", "save"]
