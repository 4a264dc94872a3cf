// Durations and sizes as they are written in the settings.

/// `500ms`, `5s`, `10m`, `2h`, `7d`; nil for anything else.
///
/// A number that is too large gives a duration that is longer than any setting takes: the limit is what is said of it.
package func parseDuration(_ text: String) -> Duration? {
    guard let (written, unit) = splitUnit(text) else { return nil }
    // Ten years of milliseconds; the products stay within 64 bits.
    let number = min(written, 315_360_000_000)
    switch unit {
    case "ms": return .milliseconds(number)
    case "s": return .seconds(number)
    case "m": return .seconds(number * 60)
    case "h": return .seconds(number * 3_600)
    case "d": return .seconds(number * 86_400)
    default: return nil
    }
}

/// `64KiB`, `1MiB`, `2GiB`, `512B`; nil for anything else. What is too large is `Int.max`.
package func parseSize(_ text: String) -> Int? {
    guard let (number, unit) = splitUnit(text) else { return nil }
    let factor: Int
    switch unit {
    case "B", "": factor = 1
    case "KiB": factor = 1 << 10
    case "MiB": factor = 1 << 20
    case "GiB": factor = 1 << 30
    default: return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? Int.max : bytes
}

/// As it would be written in the settings.
package func sizeText(_ bytes: Int) -> String {
    for (unit, length) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    where bytes >= length && bytes % length == 0 { return "\(bytes / length)\(unit)" }
    return "\(bytes)B"
}

/// As it would be written in the settings.
package func durationText(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    if attoseconds != 0 { return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)ms" }
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] as [(String, Int64)]
    where seconds >= length && seconds % length == 0 { return "\(seconds / length)\(unit)" }
    return "\(seconds)s"
}

private func splitUnit(_ text: String) -> (Int, Substring)? {
    let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard !digits.isEmpty else { return nil }
    // Only digits that no 64 bits hold are no number.
    return (Int(String(decoding: digits, as: UTF8.self)) ?? .max, text[digits.endIndex...])
}

/// The key that was likely meant: the one that is fewest edits away, when those are few for its length.
package func nearest(to key: String, among known: [String]) -> String? {
    let candidates = known.map { (key: $0, distance: editDistance(key, $0)) }
    guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, best.key.utf8.count / 3) ? best.key : nil
}

/// Insertions, deletions, changes and swaps of neighbours that make one text the other.
private func editDistance(_ one: String, _ other: String) -> Int {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    var rows = [Array(0...other.count)]
    for (row, byte) in one.enumerated() {
        var next = [row + 1]
        for (column, otherByte) in other.enumerated() {
            var distance = min(
                rows[row][column] + (byte == otherByte ? 0 : 1), rows[row][column + 1] + 1, next[column] + 1)
            if row > 0, column > 0, byte == other[column - 1], one[row - 1] == otherByte {
                distance = min(distance, rows[row - 1][column - 1] + 1)
            }
            next.append(distance)
        }
        rows.append(next)
    }
    return rows[one.count][other.count]
}
