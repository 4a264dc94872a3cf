// What of a Swift file is code: neither a comment nor the text of a string.
//
// The lexical structure is that of The Swift Programming Language; block comments do not occur in this house, and raw
// strings (`#"…"#`) are known by one `#`.

struct CodeOnly {
    /// As many as the file has, in their order.
    private(set) var lines: [String] = []

    private enum Within: Equatable {
        /// With the parentheses that are open since an interpolation began; 0 at the outermost level.
        case code(openParentheses: Int)
        case string(isMultiline: Bool, isRaw: Bool)
    }

    private var within: [Within] = [.code(openParentheses: 0)]

    init(_ source: [Substring]) {
        for line in source {
            lines.append(code(in: Array(line)))
            // Only strings in three quotes go on in the next line.
            within.removeAll {
                $0 == .string(isMultiline: false, isRaw: false) || $0 == .string(isMultiline: false, isRaw: true)
            }
            if within.isEmpty { within = [.code(openParentheses: 0)] }
        }
    }

    private mutating func code(in line: [Character]) -> String {
        var code = ""
        var index = 0
        func has(_ text: String) -> Bool { line[index...].starts(with: text) }
        while index < line.count {
            switch within[within.count - 1] {
            case .code(let open):
                if has("//") { return code }
                if let opening = ["#\"\"\"", "\"\"\"", "#\"", "\""].first(where: has) {
                    within.append(
                        .string(isMultiline: opening.hasSuffix("\"\"\""), isRaw: opening.hasPrefix("#")))
                    code += "\""
                    index += opening.count
                    continue
                }
                if line[index] == "(" { within[within.count - 1] = .code(openParentheses: open + 1) }
                if line[index] == ")" {
                    if within.count > 1, open == 1 {
                        within.removeLast()
                    } else {
                        within[within.count - 1] = .code(openParentheses: open - 1)
                    }
                }
                code.append(line[index])
                index += 1
            case .string(let isMultiline, let isRaw):
                let interpolation = isRaw ? "\\#(" : "\\("
                let closing = (isMultiline ? "\"\"\"" : "\"") + (isRaw ? "#" : "")
                if has(interpolation) {
                    within.append(.code(openParentheses: 1))
                    index += interpolation.count
                } else if !isRaw, line[index] == "\\" {
                    index += 2
                } else if has(closing) {
                    within.removeLast()
                    code += "\""
                    index += closing.count
                } else {
                    index += 1
                }
            }
        }
        return code
    }
}
