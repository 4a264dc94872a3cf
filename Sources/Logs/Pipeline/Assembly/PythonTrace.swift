// What Python's interpreter and its `logging` write of an exception:
//
//     Traceback (most recent call last):
//       File "a.py", line 2, in <module>
//         f()
//     ValueError: bad
//
//     During handling of the above exception, another exception occurred:
//
//     Traceback (most recent call last):
//
// https://docs.python.org/3/library/traceback.html

struct PythonTrace {
    private enum State {
        case outside
        /// Indented lines, and then the one that names the exception.
        case frames
        /// Of an exception group; that is indented to its end.
        case group
        /// After the name of the exception, with more of its message perhaps.
        case exception
        /// After the empty line that may lead to another exception.
        case gap
        /// After the sentence that does.
        case sentence
    }

    private var state = State.outside

    /// A traceback is a record; all other lines are one each.
    mutating func judge(_ line: Line) -> LineVerdict {
        if let next = following(line) {
            state = next
            return LineVerdict(joins: true, isLast: false)
        }
        state = header(line) ?? .outside
        return LineVerdict(joins: false, isLast: state == .outside)
    }

    /// Nil when the line does not belong to what was before it.
    private func following(_ line: Line) -> State? {
        switch state {
        case .outside: return nil
        case .frames:
            // An empty line of a statement is indented as the others.
            if line.isIndented { return .frames }
            return !line.isBlank && isException(line) ? .exception : nil
        case .group, .exception:
            if line.isBlank { return .gap }
            // Each exception of a group may have a traceback of its own.
            if state == .group, line.isIndented, line.trimmed.hasPrefix("|") { return .group }
            return line.isIndented && header(line) == nil ? state : nil
        case .gap:
            let isSentence =
                line.hasPrefix("During handling of the above exception, another exception occurred:")
                || line.hasPrefix("The above exception was the direct cause of the following exception:")
            return isSentence ? .sentence : nil
        case .sentence:
            return line.isBlank ? .sentence : header(line)
        }
    }

    /// A logger may write its own text before it.
    private func header(_ line: Line) -> State? {
        let text = line.trimmed
        guard text.hasSuffix("Traceback (most recent call last):") else { return nil }
        return text.hasSuffix("Exception Group Traceback (most recent call last):") ? .group : .frames
    }

    /// `ValueError: bad`, `KeyboardInterrupt`, `app.f.<locals>.Error: x`.
    private func isException(_ line: Line) -> Bool {
        for index in line.range {
            let byte = line.bytes[index]
            if byte == UInt8(ascii: ":") { return index > line.range.lowerBound }
            let isPart = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">")
            guard byte.isNameByte || isPart else { return false }
        }
        return true
    }
}
