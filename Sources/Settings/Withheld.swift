// What a variable brings into the settings may be a secret: a token in a file, a password in the environment. An error
// must not print it, whoever writes the error and whatever part of the value it quotes.

internal import Bytes

/// What one variable has brought.
package struct BroughtText: Equatable, Sendable {
    /// As it stands in the settings: `${file:/etc/vitals/token}`.
    package let name: String
    package let value: String
}

/// `reason` without what `brought` has brought, and with the names of those instead.
///
/// Left out is every run that is long enough not to be there by chance, and whatever stands in quotes and is a part of
/// a value.
func withholding(_ brought: [BroughtText], in reason: String) -> String {
    var bytes = Array(reason.utf8)
    var names: [String] = []
    for text in brought where !text.value.isEmpty {
        let covered = coveredRuns(of: Array(text.value.utf8), in: bytes)
        guard !covered.isEmpty else { continue }
        if !names.contains(text.name) { names.append(text.name) }
        for run in covered.reversed() { bytes.replaceSubrange(run, with: "…".utf8) }
    }
    let shown = String(decoding: bytes, as: UTF8.self)
    return names.isEmpty ? shown : "\(shown) (what \(names.joined(separator: " and ")) brings is not shown)"
}

/// Shorter runs may be words of the message itself: `https://` has eight bytes.
private let shortestRun = 9

/// In order, none of them overlapping.
private func coveredRuns(of value: [UInt8], in bytes: [UInt8]) -> [Range<Int>] {
    var isCovered = [Bool](repeating: false, count: bytes.count)
    let enough = min(shortestRun, value.count)
    for start in bytes.indices {
        let length = longestRun(of: value, in: bytes[start...])
        // A short value is no run: it is found where it is quoted.
        guard length >= enough, length > 3 else { continue }
        for index in start..<start + length { isCovered[index] = true }
    }
    for quoted in quotedRuns(bytes) where value.holds(bytes[quoted]) { for index in quoted { isCovered[index] = true } }
    var runs: [Range<Int>] = []
    for index in bytes.indices where isCovered[index] {
        if let last = runs.last, last.upperBound == index {
            runs[runs.count - 1] = last.lowerBound..<index + 1
        } else {
            runs.append(index..<index + 1)
        }
    }
    return runs
}

/// How much of the beginning of `text` stands somewhere in `value`.
private func longestRun(of value: [UInt8], in text: ArraySlice<UInt8>) -> Int {
    var longest = 0
    for start in value.indices where value[start] == text[text.startIndex] {
        longest = max(longest, zip(value[start...], text).prefix { $0 == $1 }.count)
    }
    return longest
}

/// What stands between two quotation marks, without the dots where a text was shortened.
private func quotedRuns(_ bytes: [UInt8]) -> [Range<Int>] {
    let marks = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\"") }
    let dots = Array("…".utf8)
    return zip(marks, marks.dropFirst()).compactMap { start, end in
        var run = start + 1..<end
        while run.count > dots.count, bytes[run].suffix(dots.count).elementsEqual(dots) {
            run = run.lowerBound..<run.upperBound - dots.count
        }
        return run.isEmpty ? nil : run
    }
}
