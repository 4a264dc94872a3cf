// Files of one line of words, such as /sys/devices/system/clocksource/clocksource0/available_clocksource.
//
//     kvm-clock tsc acpi_pm

package import Bytes

package enum Words {
    /// The words of the first line.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [String] {
        var words: [String] = []
        text.skipSpaces()
        while !text.isAtLineEnd {
            words.append(text.text(text.word()))
            text.skipSpaces()
        }
        return words
    }
}
