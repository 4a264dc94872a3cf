// Texts in the settings that are filled in for each record:
//
//     {hostname}  {input}  {instance_id}        of the agent, its settings and its host
//     {file}  {file_name}  {field.app}          of the record
//     {date}  {date:%Y-%m-%d}                   of the record's time, in UTC
//     {field.app:-none}                         what stands there when there is none
//     {{  }}                                    the braces themselves
//
// `${NAME}` is something else: it was replaced when the settings were read. Here is the text taken apart, once; what
// fills it in belongs to whoever has the records.

/// Why a text is no template.
package enum TemplateError: Error, Equatable {
    case malformed(String)
    /// `{name}`, which is none of those that are known.
    case unknown(String)

    /// For a human, with the nearest name among those that are known.
    package func reason(known: [String]) -> String {
        switch self {
        case .malformed(let reason): reason
        case .unknown(let name) where known.contains(name): "{\(name)} needs a name after the dot"
        case .unknown(let name):
            if let near = Self.nearestName(to: name, among: known) {
                "unknown variable {\(name)}, did you mean {\(near)}?"
            } else {
                "unknown variable {\(name)}; known here: \(known.map(Self.shown).joined(separator: ", "))"
            }
        }
    }

    private static func shown(_ name: String) -> String { name.hasSuffix(".") ? "{\(name)NAME}" : "{\(name)}" }

    /// Of `feild.app` the part up to the dot is what may be misspelt.
    private static func nearestName(to name: String, among known: [String]) -> String? {
        guard let dot = name.firstIndex(of: ".") else {
            return nearest(to: name, among: known.filter { $0.last != "." })
        }
        let rest = name[name.index(after: dot)...]
        let prefixes = known.filter { $0.last == "." }
        return nearest(to: String(name[...dot]), among: prefixes).map { $0 + rest }
    }
}

package struct Template: Sendable {
    package enum Piece: Equatable, Sendable {
        case text(String)
        /// `{name}`, `{name:argument}` or `{name:-fallback}`.
        case variable(name: String, argument: String?, fallback: String?)
    }

    package private(set) var pieces: [Piece] = []

    /// Of the names in `known`, one that ends with a dot takes any name after it.
    package init(_ text: String, known: [String]) throws(TemplateError) {
        var rest = text[...]
        var plain = ""
        while let first = rest.popFirst() {
            let isDoubled = rest.first == first
            switch first {
            case "{" where isDoubled, "}" where isDoubled:
                plain.append(first)
                rest.removeFirst()
            case "}": throw .malformed("a \"}\" closes nothing; the brace itself is written }}")
            case "{":
                guard let end = rest.firstIndex(of: "}") else {
                    throw .malformed("a \"{\" has no \"}\"; the brace itself is written {{")
                }
                if !plain.isEmpty { pieces.append(.text(plain)) }
                plain = ""
                pieces.append(try Self.variable(rest[..<end], known))
                rest = rest[rest.index(after: end)...]
            default: plain.append(first)
            }
        }
        if !plain.isEmpty { pieces.append(.text(plain)) }
    }

    /// What stands between the braces.
    private static func variable(_ text: Substring, _ known: [String]) throws(TemplateError) -> Piece {
        let name = text.prefix { $0 != ":" }
        let isKnown = known.contains { $0.last == "." ? name.hasPrefix($0) && name.count > $0.count : name == $0 }
        guard isKnown else { throw .unknown(String(name)) }
        let rest = text[name.endIndex...].dropFirst()
        guard name.endIndex < text.endIndex else {
            return .variable(name: String(name), argument: nil, fallback: nil)
        }
        if rest.first == "-" {
            return .variable(name: String(name), argument: nil, fallback: String(rest.dropFirst()))
        }
        return .variable(name: String(name), argument: String(rest), fallback: nil)
    }
}
