// /proc/loadavg. See proc_loadavg(5).
//
//     0.65 0.19 0.08 6/170 10972

package import Bytes

/// Tasks that run, want to, or wait for a disk, averaged over time with exponential decay.
package struct LoadAverage: Equatable, Sendable {
    package var oneMinute: Double
    package var fiveMinutes: Double
    package var fifteenMinutes: Double

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> LoadAverage {
        LoadAverage(
            oneMinute: try load(&text), fiveMinutes: try load(&text), fifteenMinutes: try load(&text))
    }

    private static func load(_ text: inout ByteCursor) throws(ParseError) -> Double {
        try text.decimalColumn("<1 min> <5 min> <15 min>")
    }
}
