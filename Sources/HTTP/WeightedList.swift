// What a client would like to have, with weights: `Accept` and `Accept-Encoding`, RFC 9110 section 12.5.
//
//     application/openmetrics-text;version=1.0.0;q=0.6, text/plain;version=0.0.4;q=0.3, */*;q=0.2

/// One member of such a list.
package struct WeightedValue: Equatable, Sendable {
    /// In lower case.
    package var value: String
    /// In the order of the header, names and values in lower case, without `q`.
    package var parameters: [(name: String, value: String)]
    /// 0 to 1; 0 says: by no means.
    package var weight: Double

    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    package static func == (left: Self, right: Self) -> Bool {
        left.value == right.value && left.weight == right.weight
            && left.parameters.map(\.name) == right.parameters.map(\.name)
            && left.parameters.map(\.value) == right.parameters.map(\.value)
    }
}

/// The members in the order of the header. What cannot be understood has a weight of 0: it is not asked for.
///
/// A quoted comma or semicolon is not recognised; no type or coding that is served here has one.
package func weightedList(_ header: String) -> [WeightedValue] {
    header.lowercased().split(separator: ",").compactMap { member -> WeightedValue? in
        let parts = member.split(separator: ";").map(\.trimmed)
        guard let value = parts.first, !value.isEmpty else { return nil }
        var found = WeightedValue(value: String(value), parameters: [], weight: 1)
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(\.trimmed)
            guard pair.count == 2 else { continue }
            if pair[0] == "q" {
                found.weight = Double(pair[1]).flatMap { (0...1).contains($0) ? $0 : nil } ?? 0
            } else {
                found.parameters.append((String(pair[0]), pair[1].filter { $0 != "\"" }))
            }
        }
        return found
    }
}
