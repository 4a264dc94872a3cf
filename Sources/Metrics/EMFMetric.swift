// What documents say of a metric, and what its values are told apart by.

internal import Bytes

/// A metric under the name that it is sent with. A class: its text is made once, and each value refers to it.
package final class EMFMetric: Sendable {
    package let name: String
    package let unit: EMFUnit
    /// Only the sums over others' dimensions are wanted of it.
    package let isOnlyAggregated: Bool
    /// `{"Name":"mem_used","Unit":"Bytes"}`
    let definition: [UInt8]
    /// `"mem_used":`
    let key: [UInt8]

    /// `isHighResolution` asks for points of a second, for what is sent more often than once a minute.
    package init(_ name: String, _ unit: EMFUnit, isHighResolution: Bool = false, isOnlyAggregated: Bool = false) {
        self.name = name
        self.unit = unit
        self.isOnlyAggregated = isOnlyAggregated
        var json = JSONWriter()
        json.object { json in
            json.key("Name")
            json.string(name)
            json.key("Unit")
            json.string(unit.rawValue)
            if isHighResolution {
                json.key("StorageResolution")
                json.number(1)
            }
        }
        definition = json.bytes
        var key: [UInt8] = []
        key.append(jsonString: name)
        key.append(UInt8(ascii: ":"))
        self.key = key
    }
}

package struct EMFDimension: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// By the bytes: see ExactText.
    package static func == (one: Self, other: Self) -> Bool {
        one.name.hasSameBytes(as: other.name) && one.value.hasSameBytes(as: other.value)
    }

    package func hash(into hasher: inout Hasher) {
        name.hashBytes(into: &hasher)
        value.hashBytes(into: &hasher)
    }

    /// Whether it stays as it is.
    package var isValid: Bool { valid == self }

    /// As CloudWatch takes it, which knows only ASCII without control characters there: others become `?`. What is too
    /// long is cut. nil for a value that says nothing.
    var valid: EMFDimension? {
        guard (1...EMFLimit.dimensionName).contains(name.utf8.count), name.utf8.allSatisfy(\.isPrintable),
            !name.hasPrefix(":")
        else { return nil }
        guard value.utf8.contains(where: { $0 > UInt8(ascii: " ") }) else { return nil }
        let isRight = isEMFDimensionValue(value) && value.utf8.allSatisfy(\.isPrintable)
        guard !isRight else { return self }
        let cut = cut
        return isEMFDimensionValue(cut) ? EMFDimension(name, cut) : nil
    }

    private var cut: String {
        var text = String.UnicodeScalarView()
        for scalar in value.unicodeScalars.prefix(EMFLimit.dimensionValue) {
            text.append(scalar.isASCII && UInt8(ascii: scalar).isPrintable ? scalar : "?")
        }
        return String(text)
    }
}

extension UInt8 {
    fileprivate var isPrintable: Bool { (0x20...0x7E).contains(self) }
}
