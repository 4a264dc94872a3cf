// Names and label values are compared by their bytes, as Prometheus and Linux do. Swift's `String` compares by
// canonical equivalence: for it `é` as one scalar and `e` with an accent are the same, and a series would be lost.

package import Bytes

/// A text that is equal to another when the bytes of both are.
package struct ExactText: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (one: Self, other: Self) -> Bool { one.text.hasSameBytes(as: other.text) }
    package static func < (one: Self, other: Self) -> Bool { one.text.precedes(other.text) }
    package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

extension ExactText: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}

extension ExactText: CustomStringConvertible {
    package var description: String { text }
}

extension String {
    package func hasSameBytes(as other: String) -> Bool {
        // Spans, since to go through the bytes of a text one by one costs ten times as much.
        let one = utf8.span
        let other = other.utf8.span
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }

    /// In the order of the bytes.
    package func precedes(_ other: String) -> Bool {
        let one = utf8.span
        let other = other.utf8.span
        for index in 0..<min(one.count, other.count) where one[index] != other[index] {
            return one[index] < other[index]
        }
        return one.count < other.count
    }

    /// The text before `ending`; nil when it does not end so. `ending` is ASCII.
    func without(ending: String) -> String? {
        guard utf8.count >= ending.utf8.count, utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) else {
            return nil
        }
        return String(decoding: utf8.dropLast(ending.utf8.count), as: UTF8.self)
    }

    /// The fast hash of texts will do: those of equal bytes have the same one, and few others are alike.
    func hashBytes(into hasher: inout Hasher) { hasher.combine(self) }

    /// Bytes as the value of a label, which has to be UTF-8: each run of bytes that are not is one U+FFFD, as Go's
    /// `strings.ToValidUTF8` makes it and node_exporter therefore serves it.
    package init(label bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self = text
            return
        }
        var text = String.UnicodeScalarView()
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        var isInRun = false
        while true {
            switch decoder.decode(&rest) {
            case .scalarValue(let scalar):
                text.append(scalar)
                isInRun = false
            case .error:
                if !isInRun { text.append("\u{FFFD}") }
                isInRun = true
            case .emptyInput:
                self = String(text)
                return
            }
        }
    }
}

extension Path {
    /// The path as the value of a label. Two paths may have the same one, which the encoder looks for.
    package var label: String { String(label: bytes) }
}
