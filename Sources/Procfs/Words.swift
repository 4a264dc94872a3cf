// Files of one line of words, such as /sys/devices/system/clocksource/clocksource0/available_clocksource.
//
//     kvm-clock tsc acpi_pm

package import Bytes

package enum Words {
    /// The words of the first line.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [String] {
        ranges(&text).map { text.text($0) }
    }

    /// The same, where they are names of the kernel.
    package static func parseNames(_ text: inout ByteCursor) throws(ParseError) -> [Path] {
        ranges(&text).map { Path(text.bytes[$0]) }
    }

    private static func ranges(_ text: inout ByteCursor) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        text.skipSpaces()
        while !text.isAtLineEnd {
            ranges.append(text.word())
            text.skipSpaces()
        }
        return ranges
    }
}
