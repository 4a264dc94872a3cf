// How bad it is what a record says: one word for each of the many that logs use.

/// The names of syslog (RFC 5424, section 6.2.1), and `trace` below them.
package enum Severity: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical, alert, emergency

    /// As syslog counts: 0 is `emergency`, 7 `debug`.
    init?(syslog number: Int) {
        switch number {
        case 0: self = .emergency
        case 1: self = .alert
        case 2: self = .critical
        case 3: self = .error
        case 4: self = .warning
        case 5: self = .notice
        case 6: self = .info
        case 7: self = .debug
        default: return nil
        }
    }

    /// A word in any case, a number of syslog (0 to 7), or of pino and bunyan (10 to 69); nil for any other.
    static func of(_ bytes: [UInt8], _ range: Range<Int>) -> Severity? {
        guard 1...13 ~= range.count else { return nil }
        if let number = number(bytes, range) {
            switch number {
            case 0...7: return Severity(syslog: number)
            case 10..<20: return .trace
            case 20..<30: return .debug
            case 30..<40: return .info
            case 40..<50: return .warning
            case 50..<60: return .error
            case 60..<70: return .critical
            default: return nil
            }
        }
        // Eight letters and the length are enough to tell the words apart.
        var word: UInt64 = 0
        for index in range.lowerBound..<min(range.lowerBound + 8, range.upperBound) {
            word = word << 8 | UInt64(bytes[index] | 0x20)
        }
        let words = words
        for index in words.indices where words[index].word == word && words[index].length == range.count {
            return words[index].severity
        }
        return nil
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var value = 0
        guard range.count <= 2 else { return nil }
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// Those that come most often first.
    private static let words: [(word: UInt64, length: Int, severity: Severity)] = [
        ("info", .info), ("error", .error), ("warn", .warning), ("warning", .warning), ("debug", .debug),
        ("notice", .notice), ("trace", .trace), ("err", .error), ("critical", .critical), ("fatal", .critical),
        ("crit", .critical), ("alert", .alert), ("emerg", .emergency), ("emergency", .emergency),
        ("information", .info), ("informational", .info), ("verbose", .trace), ("severe", .error),
        ("panic", .critical), ("dpanic", .critical), ("config", .info), ("fine", .debug), ("finer", .trace),
        ("finest", .trace), ("inf", .info), ("wrn", .warning), ("dbg", .debug), ("trc", .trace), ("ftl", .critical),
        ("eror", .error), ("dbug", .debug), ("i", .info), ("w", .warning), ("e", .error), ("d", .debug),
        ("f", .critical), ("t", .trace),
    ].map { (text: String, severity: Severity) in
        let word = text.utf8.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return (word, text.utf8.count, severity)
    }

    var text: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        case .alert: "alert"
        case .emergency: "emergency"
        }
    }
}
