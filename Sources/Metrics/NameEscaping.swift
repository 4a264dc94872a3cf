// Names of metrics and labels with other letters than Prometheus had before its version 3, and what they are for a
// scraper that does not take them.
//
//     {"my.dotted.metric","a.b"="x"} 3     allow-utf-8
//     my_dotted_metric{a_b="x"} 3          underscores
//
// https://prometheus.io/docs/instrumenting/escaping_schemes/

internal import Bytes

/// What a scraper wants such names to be; the raw value is the word of `escaping=` in its Accept header. Names of the
/// old kind stay as they are in all of them, as in Prometheus' own libraries.
package enum NameEscaping: String, Sendable, CaseIterable {
    /// As they are, in quotes.
    case allowUTF8 = "allow-utf-8"
    /// `_` for each letter.
    case underscores
    /// `_dot_` for a dot, `__` for an underscore and for other letters, for which the page says `_`: what Prometheus'
    /// libraries do is what others have to meet.
    case dots
    /// `U__` in front, `_2e_` for a dot, `__` for an underscore: it can be turned back.
    case values

    func metric(_ name: String) -> String { name.isPlainMetricName ? name : escaped(name, allowsColon: true) }
    func label(_ name: String) -> String { name.isPlainLabelName ? name : escaped(name, allowsColon: false) }

    private func escaped(_ name: String, allowsColon: Bool) -> String {
        if self == .allowUTF8 { return name }
        var escaped = self == .values ? "U__" : ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            let isPlain =
                scalar.isASCII && UInt8(ascii: scalar).isOfName(isFirst: index == 0, allowsColon: allowsColon)
            switch self {
            case .dots where scalar == ".": escaped += "_dot_"
            case .dots where scalar == "_" || !isPlain: escaped += "__"
            case .values where scalar == "_": escaped += "__"
            case .values where !isPlain: escaped += "_\(String(scalar.value, radix: 16))_"
            case .underscores where !isPlain: escaped += "_"
            case .allowUTF8, .underscores, .dots, .values: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// The family with the names that it has here; itself when they stay.
    func applied(to descriptor: MetricDescriptor) -> MetricDescriptor {
        if self == .allowUTF8 || descriptor.hasPlainNames { return descriptor }
        let family = metric(descriptor.family)
        // The parts of a histogram keep the endings that make them its parts.
        let ending = descriptor.name.utf8.dropFirst(descriptor.family.utf8.count)
        return MetricDescriptor(
            family + String(decoding: ending, as: UTF8.self), descriptor.kind, labels: descriptor.labels.map(label),
            help: descriptor.help,
            family: family, isForeign: descriptor.isForeign, isEscaped: true)
    }
}

extension MetricDescriptor {
    /// All names need no quotes.
    var hasPlainNames: Bool {
        name.isPlainMetricName && family.isPlainMetricName && labels.allSatisfy(\.isPlainLabelName)
    }
}

extension String {
    /// A name of the kind that needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    var isPlainMetricName: Bool { isName(allowsColon: true) }
    /// The same without colons.
    var isPlainLabelName: Bool { isName(allowsColon: false) }

    private func isName(allowsColon: Bool) -> Bool {
        let bytes = utf8.span
        for index in bytes.indices where !bytes[index].isOfName(isFirst: index == 0, allowsColon: allowsColon) {
            return false
        }
        return !bytes.isEmpty
    }
}

extension UInt8 {
    /// Whether a name without quotes may have it.
    func isOfName(isFirst: Bool, allowsColon: Bool) -> Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
        default: allowsColon && self == UInt8(ascii: ":")
        }
    }
}

extension [UInt8] {
    /// A name as it stands in an exposition.
    mutating func append(name: String, isPlain: Bool) {
        if isPlain { return append(text: name) }
        append(UInt8(ascii: "\""))
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\""): append("\\\"")
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
