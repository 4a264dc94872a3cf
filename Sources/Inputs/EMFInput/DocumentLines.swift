// The lines of one connection: bytes in, whole lines out. Pure.

internal import Bytes

struct DocumentLines {
    private let limit: Int
    /// A line that has not ended.
    private(set) var rest: [UInt8] = []
    /// The rest of a line over the limit is passed over.
    private var isSkipping = false

    init(limit: Int) { self.limit = limit }

    /// Appends the lines that end in `bytes[..<count]`, without those that are blank. Returns how many were over the
    /// limit, and were left out.
    mutating func take(_ bytes: [UInt8], count: Int, into lines: inout [[UInt8]]) -> Int {
        var tooLarge = 0
        var at = 0
        while at < count {
            let end = bytes.firstIndex(of: UInt8(ascii: "\n"), in: at..<count)
            let piece = at..<(end ?? count)
            if !isSkipping, rest.count + piece.count > limit {
                tooLarge += 1
                isSkipping = true
                rest = []
            }
            if !isSkipping { rest.append(contentsOf: bytes[piece]) }
            if end != nil {
                finish(into: &lines)
                isSkipping = false
            }
            at = piece.upperBound + 1
        }
        return tooLarge
    }

    /// The connection has ended: what is left is a line, too.
    mutating func end(into lines: inout [[UInt8]]) { finish(into: &lines) }

    private mutating func finish(into lines: inout [[UInt8]]) {
        let isBlank = rest.allSatisfy {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t")
        }
        if !isBlank {
            if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
            lines.append(rest)
        }
        // The line has taken the memory.
        rest = []
    }
}
