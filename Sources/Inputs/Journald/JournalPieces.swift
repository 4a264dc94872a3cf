// Lines that came in pieces. Docker, Podman and CRI-O cut what is longer than 16 KiB, and write each piece as an entry,
// all but the last with `CONTAINER_PARTIAL_MESSAGE=true`. journald itself cuts what services write to their output at
// `LineMax=`, 48 KiB, all but the last with `_LINE_BREAK=line-max`. Between two pieces there may be entries of anybody.
//
// https://docs.docker.com/engine/logging/drivers/journald/, journald.conf(5), and systemd's pull request 6838.

internal import Bytes
internal import Logs
internal import Platform

/// What is held until its last piece comes. It is not acknowledged meanwhile.
struct JournalPieces {
    /// A runtime writes all pieces of a line at once.
    static let timeout: Duration = .seconds(5)
    /// Containers and services write at the same time, but seldom more than a few such lines.
    private static let countLimit = 256
    private static let bytesLimit = 2 << 20

    struct Held {
        fileprivate let key: [UInt8]
        /// The entry that the first piece is.
        fileprivate let cursor: String
        /// The first piece as a record, with its fields and its time.
        fileprivate var first: LogBatch
        fileprivate var text: [UInt8]
        fileprivate var isCut: Bool
        fileprivate var touched: Instant
    }

    /// In the order in which they began.
    private var held: [Held] = []
    private var bytes = 0
    private let lineLimit: Int

    init(lineLimit: Int) { self.lineLimit = lineLimit }

    var isEmpty: Bool { held.isEmpty }

    /// Where the first of all began.
    var oldestCursor: String? { held.first?.cursor }

    /// When one of them has waited long enough.
    var deadline: Instant? { held.map(\.touched).min().map { $0 + Self.timeout } }

    mutating func removeAll() {
        held.removeAll()
        bytes = 0
    }

    /// Takes the line of `key` that waits for more.
    mutating func take(_ key: [UInt8]) -> Held? {
        guard let index = held.firstIndex(where: { $0.key == key }) else { return nil }
        return remove(at: index)
    }

    /// The one that waits since before then, or for which there is no room.
    mutating func takeDue(at now: Instant) -> Held? {
        let isOver = held.count > Self.countLimit || held.count > 1 && bytes > Self.bytesLimit
        let index = isOver ? 0 : held.firstIndex { $0.touched + Self.timeout <= now }
        return index.map { remove(at: $0) }
    }

    private mutating func remove(at index: Int) -> Held {
        bytes -= held[index].text.count
        return held.remove(at: index)
    }

    /// A line begins with what `first` has as its one record.
    mutating func begin(_ key: [UInt8], _ first: LogBatch, cursor: String, at now: Instant) {
        let record = first.records[0]
        let text = Array(first.bytes[record.text.range])
        bytes += text.count
        held.append(
            Held(key: key, cursor: cursor, first: first, text: text, isCut: record.isCut, touched: now))
    }

    enum Addition { case noLine, added, overLimit }

    /// Adds a piece to the line of `key` that waits for more, unless that would be over the limit for a message.
    mutating func add(_ piece: LogBatch, to key: [UInt8], at now: Instant) -> Addition {
        guard let index = held.firstIndex(where: { $0.key == key }) else { return .noLine }
        let record = piece.records[0]
        guard held[index].text.count + Int(record.text.count) <= lineLimit else { return .overLimit }
        held[index].text.append(contentsOf: piece.bytes[record.text.range])
        held[index].isCut = held[index].isCut || record.isCut
        held[index].touched = now
        bytes += Int(record.text.count)
        return .added
    }
}

extension LogBatch {
    /// Adds a line that came in pieces as one record.
    mutating func append(_ line: JournalPieces.Held, next: Position) {
        let record = line.first.records[0]
        let start = nextField
        for field in line.first.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)] {
            _ = addField(
                named: field.name.range, field.value.range, isNumber: field.isNumber, of: line.first.bytes)
        }
        append(
            line.text, 0..<line.text.count, fields: start..<nextField, at: record.unixNanoseconds, next: next,
            isCut: line.isCut)
    }
}
