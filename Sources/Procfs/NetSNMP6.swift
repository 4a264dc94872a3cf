// /proc/net/snmp6: the counters of IPv6, one on a line, the protocol being the first part of the name, up to its 6.
//
//     Ip6InReceives                    1
//     UdpLite6InDatagrams              0

package import Bytes

package enum NetSNMP6 {
    /// `Ip6InReceives` is the field `InReceives` of the group `Ip6`.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let word = text.word()
                text.skipSpaces()
                guard !word.isEmpty, let value = text.decimal(), text.isAtLineEnd else {
                    throw text.error("<name> <number>")
                }
                // A name without a 6 has no protocol that we know, and the kernel has none such.
                if let six = word.first(where: { text.bytes[$0] == UInt8(ascii: "6") }) {
                    list.append(
                        .init(group: word.lowerBound..<six + 1, name: six + 1..<word.upperBound, value: value))
                }
            }
        }
        return list
    }
}
