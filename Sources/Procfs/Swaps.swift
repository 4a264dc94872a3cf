// /proc/swaps: areas of swap space in use. See swapon(2) and proc_swaps(5).
//
//     Filename                                Type            Size            Used            Priority
//     /dev/dm-1                               partition       33554428        1048576         -2

package import Bytes

package struct SwapArea: Equatable, Sendable {
    /// As the kernel writes it: a space is `\040`.
    package var path: String
    /// `partition` or `file`.
    package var type: String
    package var sizeKiB: UInt64
    package var usedKiB: UInt64
    /// Those that the kernel chose itself are negative.
    package var priority: Int64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [SwapArea] {
        guard text.skip("Filename") else { throw text.error("Filename Type Size Used Priority") }
        text.skipToNextLine()
        var areas: [SwapArea] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let expected = "<path> <type> <size> <used> <priority>"
                let path = text.word()
                text.skipSpaces()
                let type = text.word()
                guard !path.isEmpty, !type.isEmpty else { throw text.error(expected) }
                let size = try text.column(expected)
                let used = try text.column(expected)
                let priority = try text.signedColumn(expected)
                areas.append(
                    SwapArea(
                        path: text.text(path), type: text.text(type), sizeKiB: size, usedKiB: used,
                        priority: priority))
            }
        }
        return areas
    }
}
