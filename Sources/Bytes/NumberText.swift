// Numbers as text, appended to a buffer that the caller keeps.

extension [UInt8] {
    package mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    package mutating func append(text: String) {
        append(contentsOf: text.utf8)
    }

    package mutating func append(decimal value: UInt64) {
        guard value >= 10 else {
            append(UInt8(ascii: "0") + UInt8(value))
            return
        }
        var rest = value
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)  // 20 digits at the most, written from the end
        unsafe Swift.withUnsafeMutableBytes(of: &digits) { digits in
            var at = digits.count
            while rest > 0 {
                at -= 1
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                unsafe digits[at] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            }
            unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[at...]))
        }
    }

    package mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    package mutating func append(decimal value: Int) { append(decimal: Int64(value)) }

    /// As many digits as `width`, zeros in front; what is larger is cut to its last digits.
    package mutating func append(padded value: Int, width: Int) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// The shortest text that reads back as the same double; whole numbers without a fraction, `+Inf`, `-Inf`, `NaN`
    /// as Prometheus writes them.
    package mutating func append(number value: Double) {
        if value.rounded(.towardZero) == value, value.magnitude < 9_007_199_254_740_992 {
            if value == 0, value.sign == .minus { append(UInt8(ascii: "-")) }
            append(decimal: Int64(value))
        } else if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value < 0 ? "-Inf" : "+Inf")
        } else if appendHundredths(value) {
            return
        } else {
            let text = value.description
            append(contentsOf: (text.hasSuffix(".0") ? text.dropLast(2) : text[...]).utf8)
        }
    }

    /// Most fractions in the kernel's files are clock ticks of 1/100 s: those need no general algorithm.
    private mutating func appendHundredths(_ value: Double) -> Bool {
        let hundredths = (value * 100).rounded()
        guard hundredths.magnitude < 9_007_199_254_740_992, hundredths / 100 == value else { return false }
        if value < 0 { append(UInt8(ascii: "-")) }
        let (whole, part) = UInt64(hundredths.magnitude).quotientAndRemainder(dividingBy: 100)
        append(decimal: whole)
        append(UInt8(ascii: "."))
        append(UInt8(ascii: "0") + UInt8(part / 10))
        if part % 10 != 0 { append(UInt8(ascii: "0") + UInt8(part % 10)) }
        return true
    }
}
