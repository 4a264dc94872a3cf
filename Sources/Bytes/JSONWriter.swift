// Puts the commas where they belong; the text itself is JSONText's.

/// Writes one JSON document. For hot paths, write with `[UInt8].append(jsonString:)` and literals instead.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init() {}

    package mutating func object(_ content: (inout JSONWriter) -> Void) { nest("{", content, "}") }
    package mutating func array(_ content: (inout JSONWriter) -> Void) { nest("[", content, "]") }

    package mutating func key(_ name: String) {
        separate()
        bytes.append(jsonString: name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ value: String) {
        separate()
        bytes.append(jsonString: value)
    }

    package mutating func number(_ value: UInt64) {
        separate()
        bytes.append(decimal: value)
    }

    package mutating func number(_ value: Int) {
        separate()
        bytes.append(decimal: value)
    }

    /// JSON has no infinities: what is not finite is written as null.
    package mutating func number(_ value: Double) {
        separate()
        if value.isFinite { bytes.append(number: value) } else { bytes.append("null") }
    }

    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(value ? "true" : "false")
    }

    package mutating func null() {
        separate()
        bytes.append("null")
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func nest(_ open: StaticString, _ content: (inout JSONWriter) -> Void, _ close: StaticString) {
        separate()
        bytes.append(open)
        needsComma = false
        content(&self)
        bytes.append(close)
        needsComma = true
    }
}
