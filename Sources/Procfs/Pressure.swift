// /proc/pressure/{cpu,io,memory,irq}: pressure stall information. See Documentation/accounting/psi.rst.
//
//     some avg10=0.06 avg60=0.21 avg300=0.99 total=8537362
//     full avg10=0.00 avg60=0.13 avg300=0.96 total=8183134

package import Bytes

/// Since Linux 4.20; the `full` line of `cpu` since 5.13; `irq`, which has only `full`, since 6.1.
package struct Pressure: Equatable, Sendable {
    /// Time in which at least one task was stalled.
    package var someMicroseconds: UInt64?
    /// Time in which no task could run.
    package var fullMicroseconds: UInt64?

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> Pressure {
        var pressure = Pressure()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                if text.skip("some ") {
                    pressure.someMicroseconds = try total(&text)
                } else if text.skip("full ") {
                    pressure.fullMicroseconds = try total(&text)
                }  // A kernel may add lines.
            }
        }
        guard pressure.someMicroseconds != nil || pressure.fullMicroseconds != nil else {
            throw text.error("some … total=<microseconds>")
        }
        return pressure
    }

    /// The averages are stepped over: whoever has the total averages over a window of his own.
    private static func total(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        while !text.isAtLineEnd, !text.skip("total=") {
            _ = text.word()
            text.skipSpaces()
        }
        guard let total = text.unsigned(), text.isAtLineEnd else { throw text.error("total=<microseconds>") }
        return total
    }
}
