// What was saved of a cursor, as its input takes it up again: line by line, so that a million files need no room for
// all of them at once.

package import Bytes
internal import Platform

/// The lines of a saved cursor, in the order in which they were written. The last one of an entry holds.
package struct CursorReplay: Sendable {
    typealias Read = @Sendable (_ offset: UInt64, _ limit: Int) throws(Errno) -> [UInt8]

    private enum Source {
        /// A cursor of one entry: what versions before the log have saved.
        case whole(JSONValue)
        /// The log before stands in for lines of the log that are damaged.
        case lines(Read, before: Read?)
    }

    /// Of entries of the log before, so that they are others than those of the log.
    private static let keyOfLogBefore: UInt64 = 1 << 63

    private let source: Source

    /// A cursor of one entry, which is 0.
    package init(_ whole: JSONValue) { source = .whole(whole) }

    init(_ read: @escaping Read, before: Read? = nil) { source = .lines(read, before: before) }

    /// Lines that were put together in memory.
    package init(_ lines: CursorLines) {
        let bytes = lines.bytes
        source = .lines(
            { offset, limit in
                let start = min(Int(clamping: offset), bytes.count)
                return Array(bytes[start..<min(start + limit, bytes.count)])
            }, before: nil)
    }

    /// Calls `body` with each line that is whole.
    ///
    /// After a damaged line nothing is gone for certain: what stands in its place may have been in that line. A read
    /// that fails ends a log: what was read before holds, and the rest is as if it were damaged.
    package func forEach(_ body: (CursorLine) -> Void) {
        switch source {
        case .whole(let value): body(CursorLine(key: 0, change: .whole(value)))
        case .lines(let read, let before):
            if let before {
                Self.forEachEntry(before) { line in
                    // The one of an input that has only one is the same in each log.
                    let key = line.key == 0 ? 0 : line.key | Self.keyOfLogBefore
                    body(CursorLine(key: key, change: line.change, isDoubtful: true))
                }
            }
            Self.forEachEntry(read, body)
        }
    }

    private static func forEachEntry(_ read: Read, _ body: (CursorLine) -> Void) {
        var isDamaged = false
        do throws(Errno) {
            try forEachCursorLine(read) { line in
                guard case .whole(let text) = line else {
                    isDamaged = true
                    return
                }
                guard case .entry(var entry) = ParsedCursorLine(text) else { return }
                if case .gone = entry.change { entry.isDoubtful = isDamaged }
                body(entry)
            }
        } catch {}  // As above.
    }

    /// The entry of an input that has only one. Nil when there is none.
    package var single: JSONValue? {
        var value: JSONValue?
        forEach { line in
            guard line.key == 0 else { return }
            switch line.change {
            case .whole(let whole): value = whole
            case .members: break
            case .gone: value = nil
            }
        }
        return value
    }
}
