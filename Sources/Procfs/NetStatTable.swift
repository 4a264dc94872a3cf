// /proc/net/stat/*: tables of what the network stack counted on each CPU: a line of names, then a line of hexadecimal
// numbers for each CPU that is possible. See lnstat(8), ct_cpu_seq_show in net/netfilter/nf_conntrack_standalone.c.
//
//     entries  clashres found new invalid ignore delete
//     00000021  00000000 00000003 00000000 0000000f 00000001 00000000

package import Bytes

package struct NetStatTable: Sendable, Equatable {
    package private(set) var names: [String] = []
    /// The numbers of the CPUs, one for each row.
    package private(set) var cpus: [Int] = []
    /// Row by row.
    private var numbers: [UInt64] = []

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> NetStatTable {
        var table = NetStatTable()
        // As many as fit: the widest table has 17 columns, and a number takes nine bytes or more.
        table.names.reserveCapacity(20)
        table.numbers.reserveCapacity(text.end / 9)
        text.skipSpaces()
        while !text.isAtLineEnd {
            table.names.append(text.text(text.word()))
            text.skipSpaces()
        }
        guard !table.names.isEmpty else { throw text.error("a line of names") }
        text.skipToNextLine()
        var line = 0
        while !text.isAtEnd {
            let before = table.numbers.count
            text.row { text throws(ParseError) in
                // The lines do not say which CPU they are for: they are counted.
                defer { line += 1 }
                do throws(ParseError) { try table.row(&text) } catch {
                    table.numbers.removeLast(table.numbers.count - before)
                    throw error
                }
                table.cpus.append(line)
            }
        }
        return table
    }

    private mutating func row(_ text: inout ByteCursor) throws(ParseError) {
        for _ in names {
            text.skipSpaces()
            guard let number = text.hexadecimal() else {
                throw text.error("as many hexadecimal numbers as there are names")
            }
            numbers.append(number)
        }
        text.skipSpaces()
        guard text.isAtLineEnd else { throw text.error("as many hexadecimal numbers as there are names") }
    }

    package func number(_ column: Int, row: Int) -> UInt64 { numbers[row * names.count + column] }

    /// Of all CPUs; 0 when this kernel does not count it.
    package func sum(_ name: String) -> UInt64 {
        guard let column = names.firstIndex(of: name) else { return 0 }
        return cpus.indices.reduce(0) { $0 &+ number(column, row: $1) }
    }
}
