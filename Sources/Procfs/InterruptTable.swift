// Tables with a column for each CPU: /proc/interrupts and /proc/softirqs. See Documentation/filesystems/proc.rst.
//
//                CPU0       CPU1
//       1:          9          0   IO-APIC    1-edge      i8042
//     LOC:   84783          77407   Local timer interrupts
//     ERR:          0

package import Bytes

package struct InterruptTable {
    package struct Row: Equatable, Sendable {
        /// `1`, `LOC`, `NET_RX`.
        package var name: Range<Int>
        /// What stands after the counts: controller and devices, or a description. May be empty.
        package var rest: Range<Int>
    }

    /// The file: the ranges lead into it. Shared with the reader, so drop the table before the next reading.
    package let text: [UInt8]
    /// The number of each column's CPU. Those that are offline have no column in /proc/interrupts.
    package private(set) var cpus: [Int] = []
    package private(set) var rows: [Row] = []
    /// Row after row, one for each CPU.
    private var counts: [UInt64] = []

    package func counts(ofRow row: Int) -> ArraySlice<UInt64> { counts[row * cpus.count..<(row + 1) * cpus.count] }

    private init(_ text: borrowing ByteCursor) { self.text = text.bytes }

    /// Leaves out rows that do not count by CPU: `ERR: 0`, one number for all of them, and ARM's `FIQ: usb_fiq`.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> InterruptTable {
        var table = InterruptTable(text)
        text.skipSpaces()
        while !text.isAtLineEnd {
            guard text.skip("CPU"), let cpu = text.unsigned(), cpu <= UInt64(CPUList.highestCPU),
                Int(cpu) > table.cpus.last ?? -1
            else { throw text.error("CPU<N>… in ascending order") }
            table.cpus.append(Int(cpu))
            text.skipSpaces()
        }
        guard !table.cpus.isEmpty else { throw text.error("CPU<N>…") }
        text.skipToNextLine()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                let before = table.counts.count
                do throws(ParseError) { try table.row(&text) } catch {
                    table.counts.removeLast(table.counts.count - before)
                    throw error
                }
            }
        }
        return table
    }

    private mutating func row(_ text: inout ByteCursor) throws(ParseError) {
        let expected = "<name>: <count>…"
        text.skipSpaces()
        if text.isAtLineEnd { return }
        guard let name = text.upTo(UInt8(ascii: ":")), !name.isEmpty else { throw text.error(expected) }
        let before = counts.count
        for _ in cpus {
            text.skipSpaces()
            let count = counts.count - before
            let isNumber = text.next.map { $0.isDigit || $0 == UInt8(ascii: "-") } ?? false
            if text.isAtLineEnd ? count <= 1 : count == 0 && !isNumber {
                counts.removeLast(count)
                return
            }
            counts.append(try text.column(expected))
        }
        text.skipSpaces()
        rows.append(Row(name: name, rest: text.restOfLine()))
    }
}
