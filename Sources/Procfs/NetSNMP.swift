// /proc/net/snmp and /proc/net/netstat: the counters of the IP stack, two lines for each protocol. See RFC 1213 for
// what the names mean, and Documentation/networking/snmp_counter.rst.
//
//     Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
//     Tcp: 1 200 120000 -1 12

package import Bytes

package enum NetSNMP {
    /// The group of a field is its protocol.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard let group = text.upTo(UInt8(ascii: ":")), !group.isEmpty else {
                    throw text.error("<protocol>: <name>…")
                }
                let names = text
                var values = text
                repeat { values.skipToNextLine() } while values.isAtLineEnd && !values.isAtEnd
                // The line of values has to begin with the same protocol. One that does not may be the next names.
                guard let again = values.upTo(UInt8(ascii: ":")), text.bytes[again] == text.bytes[group] else {
                    throw values.error("<protocol>: <number>… for the names on the line before")
                }
                text = values
                let count = list.fields.count
                do throws(ParseError) { try pairs(names, &text, group, into: &list) } catch {
                    list.cut(to: count)
                    throw error
                }
            }
        }
        return list
    }

    private static func pairs(
        _ names: ByteCursor, _ text: inout ByteCursor, _ group: Range<Int>, into list: inout FieldList
    ) throws(ParseError) {
        var names = names
        names.skipSpaces()
        while !names.isAtLineEnd {
            let name = names.word()
            names.skipSpaces()
            text.skipSpaces()
            guard let value = text.decimal() else { throw text.error("as many numbers as there are names") }
            list.append(.init(group: group, name: name, value: value))
        }
        text.skipSpaces()
        guard text.isAtLineEnd else { throw text.error("as many numbers as there are names") }
    }
}
