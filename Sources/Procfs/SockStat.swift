// /proc/net/sockstat and sockstat6: sockets in use, by protocol. See proc_net(5).
//
//     sockets: used 54
//     TCP: inuse 2 orphan 0 tw 1 alloc 2 mem 114
//
// `mem` is in pages, `memory` (of FRAG) in bytes.

package import Bytes

package enum SockStat {
    /// The group of a field is its protocol, `sockets` for the first line.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FieldList {
        var list = FieldList(text)
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let count = list.fields.count
                do throws(ParseError) { try line(&text, into: &list) } catch {
                    list.cut(to: count)
                    throw error
                }
            }
        }
        return list
    }

    private static func line(_ text: inout ByteCursor, into list: inout FieldList) throws(ParseError) {
        guard let group = text.upTo(UInt8(ascii: ":")), !group.isEmpty else { throw text.error("<protocol>: …") }
        text.skipSpaces()
        while !text.isAtLineEnd {
            let name = text.word()
            text.skipSpaces()
            guard let value = text.decimal() else { throw text.error("<protocol>: <name> <number>…") }
            list.append(.init(group: group, name: name, value: value))
            text.skipSpaces()
        }
    }
}
