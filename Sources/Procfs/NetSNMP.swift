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
            var names = text
            guard let group = names.upTo(UInt8(ascii: ":")), !group.isEmpty else {
                throw text.error("<protocol>: <name>…")
            }
            text.skipToNextLine()
            // The line of values has to begin with the same protocol.
            guard let again = text.upTo(UInt8(ascii: ":")), text.bytes[again] == text.bytes[group] else {
                throw text.error("<protocol>: <number>… for the names on the line before")
            }
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
            text.skipToNextLine()
        }
        return list
    }
}
