// Numbers in logs: `12`, `-0.25`, `1.5e3`.

extension [UInt8] {
    /// The number that `self[range]` is, as JSON writes one (RFC 8259, section 6), also with a plus sign, with zeros in
    /// front or without a digit before the point; nil for anything else, infinities and NaN among it.
    package func decimalNumber(in range: Range<Int>) -> Double? {
        // Beyond that no program writes a number.
        guard (1...64).contains(range.count) else { return nil }
        var at = range.lowerBound
        let isNegative = self[at] == UInt8(ascii: "-")
        if isNegative || self[at] == UInt8(ascii: "+") { at += 1 }
        var digits: UInt64 = 0
        var digitCount = 0
        var fractionCount = 0
        var hasPoint = false
        while at < range.upperBound {
            let byte = self[at]
            if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                // Wraps only where the digits are counted as too many for this way.
                digits = digits &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
                digitCount += 1
                if hasPoint { fractionCount += 1 }
            } else {
                break
            }
            at += 1
        }
        guard digitCount > 0 else { return nil }
        // Both are exact as doubles, so their quotient is rounded once, as it should be.
        if at == range.upperBound, digitCount <= 15 {
            let magnitude = Double(digits) / powersOfTen[fractionCount]
            return isNegative ? -magnitude : magnitude
        }
        guard hasExponentOrNothing(at..<range.upperBound) else { return nil }
        let number = Double(String(decoding: self[range], as: UTF8.self))
        return number.flatMap { $0.isFinite ? $0 : nil }
    }

    private func hasExponentOrNothing(_ range: Range<Int>) -> Bool {
        var rest = self[range]
        guard let mark = rest.popFirst() else { return true }
        guard mark | 0x20 == UInt8(ascii: "e") else { return false }
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        return !rest.isEmpty && rest.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}

private let powersOfTen = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]
