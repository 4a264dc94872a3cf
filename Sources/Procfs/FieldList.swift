// The common value of files whose names are data: meminfo, vmstat, netstat, snmp, sockstat. A kernel may add a name
// at any time, and most names are not served, so a name stays a range of the text until somebody wants it.

internal import Bytes

/// Numbers with their names, in the order of the file.
package struct FieldList {
    package struct Field: Equatable, Sendable {
        /// `Tcp` in netstat, `TCP6` in sockstat; empty where the file has no groups.
        package var group: Range<Int>
        package var name: Range<Int>
        package var value: Double
        /// The value was given in kB, and is in bytes here.
        package var isBytes = false
    }

    /// The file: the ranges lead into it. Shared with the reader, so drop the list before the next reading.
    package let text: [UInt8]
    package private(set) var fields: [Field] = []

    init(_ text: borrowing ByteCursor) {
        self.text = text.bytes
        fields.reserveCapacity(text.end / 16)
    }

    mutating func append(_ field: Field) { fields.append(field) }

    /// Takes back what was added after there were `count` fields: of a row that turned out odd.
    mutating func cut(to count: Int) { fields.removeLast(fields.count - count) }

    package func group(of field: Field) -> String { String(decoding: text[field.group], as: UTF8.self) }
    package func name(of field: Field) -> String { String(decoding: text[field.name], as: UTF8.self) }

    /// The value of a field that has no group: for tests, and readers of a few fields.
    package subscript(_ name: String) -> Double? { self["", name] }

    package subscript(_ group: String, _ name: String) -> Double? {
        fields.first { self.group(of: $0) == group && self.name(of: $0) == name }?.value
    }

    /// All groups and names as bytes that `hasLayout` compares with.
    package var layout: [UInt8] {
        var layout: [UInt8] = []
        var group = 0..<0
        for field in fields {
            // Fields of one line share their group: it is compared once.
            if field.group != group { layout.append(contentsOf: text[field.group]) }
            group = field.group
            layout.append(UInt8(ascii: " "))
            layout.append(contentsOf: text[field.name])
            layout.append(field.isBytes ? UInt8(ascii: "B") : UInt8(ascii: "\n"))
        }
        return layout
    }

    /// Whether the names, their order and units are those of an earlier reading.
    package func hasLayout(_ layout: [UInt8]) -> Bool {
        var at = 0
        var group = 0..<0
        for field in fields {
            // Fields of one line share their group: it is compared once.
            if field.group != group {
                group = field.group
                guard text.has(group, sameAs: layout, from: at) else { return false }
                at += group.count
            }
            let nameStart = at + 1
            let end = nameStart + field.name.count
            guard end < layout.count, layout[at] == UInt8(ascii: " "),
                layout[end] == (field.isBytes ? UInt8(ascii: "B") : UInt8(ascii: "\n")),
                text.has(field.name, sameAs: layout, from: nameStart)
            else { return false }
            at = end + 1
        }
        return at == layout.count
    }
}
