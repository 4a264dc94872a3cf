// What a client asks for in its query and its headers, as values. Pure.

internal import Bytes
internal import HTTP
internal import Metrics
internal import Platform

/// Names and values of a query (https://url.spec.whatwg.org/#urlencoded-parsing); nil when an escape is not one.
func parseQuery(_ query: String) -> [(name: String, value: String)]? {
    var pairs: [(name: String, value: String)] = []
    for part in query.utf8.split(separator: UInt8(ascii: "&")) {
        let equals = part.firstIndex(of: UInt8(ascii: "="))
        guard let name = decodePercent(part[..<(equals ?? part.endIndex)]),
            let value = decodePercent(equals.map { part[part.index(after: $0)...] } ?? part[part.endIndex...])
        else { return nil }
        pairs.append((name, value))
    }
    return pairs
}

private func decodePercent(_ text: Substring.UTF8View) -> String? {
    var bytes: [UInt8] = []
    var rest = text.makeIterator()
    while let byte = rest.next() {
        switch byte {
        case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
        case UInt8(ascii: "%"):
            guard let high = rest.next()?.hexadecimalDigit, let low = rest.next()?.hexadecimalDigit else { return nil }
            bytes.append(high << 4 | low)
        default: bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// RFC 9110, section 12.5.3: gzip by name, or else by `*`; a weight of zero forbids it.
func acceptsGzip(_ header: String?) -> Bool {
    let codings = weightedList(header ?? "")
    let coding = codings.first { $0.value == "gzip" || $0.value == "x-gzip" } ?? codings.first { $0.value == "*" }
    return (coding?.weight ?? 0) > 0
}

/// How an answer is written, and what it says of that.
struct ExpositionChoice: Equatable {
    var format = ExpositionFormat.prometheusText
    /// nil when the client said nothing of it.
    var escaping: NameEscaping?
    /// The text format in the version that is 0.0.4 with names in quotes.
    var isText1 = false

    var contentType: String {
        let type = isText1 ? "text/plain; version=1.0.0; charset=utf-8" : format.contentType
        return escaping.map { "\(type); escaping=\($0.rawValue)" } ?? type
    }
}

/// The format that an `Accept` header wants most, the plain text format for a client that does not care or wants one
/// that is not served. https://prometheus.io/docs/instrumenting/content_negotiation/
func expositionChoice(accept header: String?) -> ExpositionChoice {
    var best = ExpositionChoice()
    var bestWeight = 0.0
    for wanted in weightedList(header ?? "") where wanted.weight > bestWeight {
        var choice = ExpositionChoice()
        let version = wanted.parameter("version")
        switch wanted.value {
        case "application/openmetrics-text" where version == nil || version == "1.0.0": choice.format = .openMetrics
        case "text/plain" where version == "1.0.0": choice.isText1 = true
        case "text/plain" where version == nil || version == "0.0.4", "text/*", "*/*": break
        default: continue
        }
        choice.escaping = wanted.parameter("escaping").flatMap(NameEscaping.init(rawValue:))
        (best, bestWeight) = (choice, wanted.weight)
    }
    return best
}

/// How long the scraper has: what Prometheus says it will wait, less a margin in which the answer travels. nil when it
/// does not say.
func scrapeTime(asked header: String?) -> Duration? {
    guard let header, let seconds = Double(header), seconds > 0, seconds < 86_400 else { return nil }
    return .nanoseconds(Int64((seconds - min(0.5, seconds / 5)) * 1e9))
}
