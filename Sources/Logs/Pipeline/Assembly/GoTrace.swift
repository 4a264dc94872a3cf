// What Go's runtime writes of a panic or a fatal error:
//
//     panic: runtime error: index out of range [5] with length 3
//
//     goroutine 1 [running]:
//     main.main()
//             /app/main.go:8 +0x1d
//     exit status 2
//
// and of a signal, as SIGQUIT, with `PC=0x46d2e1 m=0 sigcode=0` in its second line and the registers at the end.
//
// https://pkg.go.dev/runtime#hdr-Environment_Variables (GOTRACEBACK)

internal import Bytes

struct GoTrace {
    private enum State {
        case outside
        /// After what the runtime says before the line that says what happened.
        case preamble
        /// After the line that says what happened.
        case message
        /// After a line that is a part of the message if a goroutine follows.
        case doubt
        /// After the head of a goroutine, or a place: a function is next.
        case frames
        /// After a function: its place is next.
        case place
        /// After an empty line: another goroutine may follow.
        case gap
        /// After the dashes between the dumps of two threads.
        case dashes
    }

    private var state = State.outside

    /// A panic with all its goroutines is a record; all other lines are one each.
    mutating func judge(_ line: Line) -> LineVerdict {
        if let next = following(line) {
            state = next
            return next == .doubt ? .doubtful : LineVerdict(joins: true, isLast: false)
        }
        state = isPreamble(line) ? .preamble : isMessage(line) ? .message : isHead(line) ? .frames : .outside
        return LineVerdict(joins: false, isLast: state == .outside)
    }

    /// Nil when the line does not belong to what was before it.
    private func following(_ line: Line) -> State? {
        switch state {
        case .outside: return nil
        case .preamble:
            if isMessage(line) { return .message }
            return isPreamble(line) || line.isIndented ? .preamble : nil
        case .message:
            if line.isBlank { return .gap }
            if isHead(line) { return .frames }
            // A panic within a panic, and the further lines of a message, are indented.
            if line.isIndented || line.hasPrefix("[") || isOfSignal(line) { return .message }
            return isMessage(line) || isPreamble(line) ? nil : .doubt
        case .doubt:
            if isHead(line) { return .frames }
            return isMessage(line) || isPreamble(line) ? nil : .doubt
        case .frames:
            if line.isBlank { return .gap }
            if isFunction(line) { return .place }
            // A place whose function was left out, or a second head.
            if isHead(line) || line.isIndented { return .frames }
            return line.hasPrefix("...") || line.hasPrefix("exit status ") ? .frames : nil
        case .place:
            if line.isBlank { return .gap }
            return line.isIndented ? .frames : nil
        case .gap:
            if line.isBlank { return .gap }
            if isHead(line) { return .frames }
            if line.hasPrefix("-----") { return .dashes }
            let isRest = isRegister(line) || line.hasPrefix("exit status ") || line.hasPrefix("[signal ")
            // What the runtime says now begins another.
            return isRest || isOfSignal(line) && !isPreamble(line) ? .gap : nil
        case .dashes:
            if line.isBlank { return .dashes }
            return isMessage(line) ? .message : isHead(line) ? .frames : nil
        }
    }

    /// What stands under the name of a signal.
    private func isOfSignal(_ line: Line) -> Bool {
        line.hasPrefix("PC=") || line.hasPrefix("signal arrived during ") || line.hasPrefix("instruction bytes:")
            || line.hasPrefix("runtime: ")
    }

    private func isMessage(_ line: Line) -> Bool {
        line.hasPrefix("panic: ") || line.hasPrefix("fatal error: ") || namesSignal(line)
            || line.contains("http: panic serving ")
    }

    /// `runtime: goroutine stack exceeds 1000000000-byte limit`, before `fatal error: stack overflow`.
    private func isPreamble(_ line: Line) -> Bool {
        line.hasPrefix("runtime: ") || line.hasPrefix("runtime/cgo: ") || line.hasPrefix("unexpected fault address ")
    }

    /// `SIGQUIT: quit`, `SIGSEGV: segmentation violation`.
    private func namesSignal(_ line: Line) -> Bool {
        guard line.hasPrefix("SIG") else { return false }
        var at = line.range.lowerBound + 3
        while at < line.range.upperBound, line.bytes[at] &- UInt8(ascii: "A") < 26 { at += 1 }
        return at > line.range.lowerBound + 3 && line.has(": ", at: at)
    }

    /// `goroutine 18 [chan receive, 2 minutes]:`
    private func isHead(_ line: Line) -> Bool {
        if line.hasPrefix("runtime stack:") { return true }
        guard line.hasPrefix("goroutine "), line.hasSuffix(":") else { return false }
        let number = line.range.lowerBound + "goroutine ".utf8.count
        return line.bytes[number].isDigit && line.contains("[")
    }

    /// `main.(*Server).Run(0xc000010000, {0x4a1, 0x5})`, `created by main.main in goroutine 1`.
    private func isFunction(_ line: Line) -> Bool {
        if line.hasPrefix("created by ") { return true }
        guard line.hasSuffix(")"), let open = line.bytes.firstIndex(of: UInt8(ascii: "("), in: line.range) else {
            return false
        }
        let name = line.bytes[line.range.lowerBound..<open]
        return !name.isEmpty && !name.contains(where: \.isSpace)
    }

    /// `rax    0x0`, after SIGQUIT.
    private func isRegister(_ line: Line) -> Bool {
        guard let space = line.range.first(where: { line.bytes[$0].isSpace }), space - line.range.lowerBound <= 6 else {
            return false
        }
        return Line(line.bytes, space..<line.range.upperBound).trimmed.hasPrefix("0x")
    }
}
