// /proc/spl/kstat/zfs/…: what ZFS counts. See include/os/linux/spl/sys/kstat.h and spl-kstat.c of OpenZFS.

package import Bytes

/// A file of named values: arcstats and its like, and objset-<number> of a pool.
///
///     36 1 0x01 7 2160 5214787391 73405258558961
///     name                            type data
///     dataset_name                    7    tank/home
///     writes                          4    4
///     memory_available_bytes          3    -922337203685477580
package struct KStat {
    /// The numbers of 64 bits, without groups.
    package var fields: FieldList
    package var datasetName: String?

    private static let int64Type: UInt64 = 3
    private static let uint64Type: UInt64 = 4

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> KStat {
        while !isHeading(&text) {
            guard !text.isAtEnd else { throw text.error("name type data") }
        }
        var stat = KStat(fields: FieldList(text))
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let name = text.word()
                text.skipSpaces()
                guard let type = text.unsigned(), !name.isEmpty else { throw text.error("<name> <type> <value>") }
                text.skipSpaces()
                if text.has(name, "dataset_name") {
                    stat.datasetName = text.text(text.restOfLine())
                } else if type == uint64Type || type == int64Type {
                    stat.fields.append(
                        .init(group: name.lowerBound..<name.lowerBound, name: name, value: try number(&text)))
                }
            }
        }
        return stat
    }

    /// Steps over the line, and tells whether it is the one before the first value.
    private static func isHeading(_ text: inout ByteCursor) -> Bool {
        defer { text.skipToNextLine() }
        guard text.skip("name") else { return false }
        text.skipSpaces()
        guard text.skip("type") else { return false }
        text.skipSpaces()
        return text.skip("data") && text.isAtLineEnd
    }

    private static func number(_ text: inout ByteCursor) throws(ParseError) -> Double {
        let expected = "<name> <type> <number>"
        if text.next == UInt8(ascii: "-") { return Double(try text.signedColumn(expected)) }
        return Double(try text.column(expected))
    }
}

/// <pool>/io, in OpenZFS before 2.1: a line of names, and one of values.
///
///     12 3 0x00 1 80 79205351707403 395818011156865
///     nread    nwritten reads    writes   wtime    wlentime wupdate
///     1884160  3206144  22       132      7155162  104112268 79210489694949
package enum KStatIO {
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        text.skipToNextLine()
        var list = FieldList(text)
        var names: [Range<Int>] = []
        text.skipSpaces()
        while !text.isAtLineEnd {
            names.append(text.word())
            text.skipSpaces()
        }
        text.skipToNextLine()
        for name in names {
            let value = Double(try text.column("\(names.count) numbers"))
            list.append(.init(group: name.lowerBound..<name.lowerBound, name: name, value: value))
        }
        guard !names.isEmpty else { throw text.error("a line of names") }
        return list
    }
}
