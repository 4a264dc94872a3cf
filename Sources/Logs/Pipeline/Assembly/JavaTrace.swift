// What Java's Throwable.printStackTrace, and the loggers after it, write of an exception:
//
//     java.lang.IllegalStateException: no
//             at com.example.App.main(App.java:5)
//             Suppressed: java.io.IOException: closed
//                     at com.example.App.close(App.java:9)
//     Caused by: java.io.IOException: gone
//             at com.example.App.read(App.java:7)
//             ... 12 more
//
// A message may have several lines, of which only the frames after them say that they are some.
//
// https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Throwable.html#printStackTrace()

struct JavaTrace {
    private enum State {
        case outside
        /// After a line that names an exception: its message may go on.
        case message
        /// After a line that is a part of the message if frames follow.
        case doubt
        case frames
    }

    private var state = State.outside

    /// A stack trace with the line above it is a record; all other lines are one each.
    mutating func judge(_ line: Line) -> LineVerdict {
        switch state {
        case .outside: break
        case .frames, .message:
            if isPart(line) {
                if let next = stateAfter(line) { state = next }
                return LineVerdict(joins: true, isLast: false)
            }
            if state == .message, !isHeader(line) {
                state = .doubt
                return .doubtful
            }
        case .doubt:
            if isFrame(line) {
                state = stateAfter(line) ?? .frames
                return LineVerdict(joins: true, isLast: false)
            }
            if !isHeader(line) { return .doubtful }
        }
        state = isFrame(line) ? stateAfter(line) ?? .frames : isHeader(line) ? .message : .outside
        return LineVerdict(joins: false, isLast: state == .outside)
    }

    /// Nil for an indented line that is no frame: it goes on with whatever was before it.
    private func stateAfter(_ line: Line) -> State? {
        guard isFrame(line) else { return nil }
        let text = line.trimmed
        return text.hasPrefix("at ") || text.hasPrefix("... ") ? .frames : .message
    }

    private func isHeader(_ line: Line) -> Bool { namesThrowable(line) || beginsWithClass(line) }

    private func isPart(_ line: Line) -> Bool { line.isIndented ? !line.isBlank : isFrame(line) }

    private func isFrame(_ line: Line) -> Bool {
        let text = line.trimmed
        if text.hasPrefix("at ") { return line.isIndented }
        if text.hasPrefix("... ") {
            return text.hasSuffix(" more") || text.hasSuffix(" common frames omitted")
        }
        return text.hasPrefix("Caused by:") || text.hasPrefix("Suppressed:") || text.hasPrefix("Wrapped by:")
    }

    /// A word that ends as the names of throwables do, before a colon or at the end.
    private func namesThrowable(_ line: Line) -> Bool {
        if line.hasPrefix("Exception in thread ") { return true }
        let end = line.range.upperBound
        var index = line.range.lowerBound
        while index < end {
            let byte = line.bytes[index]
            if byte == UInt8(ascii: "E") || byte == UInt8(ascii: "T") {
                for word: StaticString in ["Exception", "Error", "Throwable"] where line.has(word, at: index) {
                    let after = index + word.utf8CodeUnitCount
                    if after == end || line.bytes[after] == UInt8(ascii: ":") { return true }
                }
            }
            index += 1
        }
        return false
    }

    /// `com.example.Timeout: no answer`.
    private func beginsWithClass(_ line: Line) -> Bool {
        var dots = 0
        for index in line.range {
            let byte = line.bytes[index]
            if byte == UInt8(ascii: ".") {
                dots += 1
            } else if !byte.isNameByte && byte != UInt8(ascii: "$") {
                return dots > 0 && byte == UInt8(ascii: ":")
            }
        }
        return dots > 0
    }
}
