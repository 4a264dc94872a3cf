// How far a journal was read, and how far that was acknowledged.
//
// A journal has no offsets: a place in it is a cursor, some 120 bytes of text that libsystemd makes and understands.
// Making one for every entry would cost more than reading it, so records are numbered, and a cursor is taken for some
// of them.

package import Bytes

/// From where to read on.
package enum JournalPlace: Equatable, Sendable {
    /// After the entry with this cursor.
    case after(cursor: String)
    /// With this entry itself: the first piece of a record whose last one had not come.
    case at(cursor: String)
    /// From this time on, microseconds since 1970: where a reading that is to begin at the end began.
    case time(microseconds: UInt64)

    package init?(_ json: JSONValue) {
        if let cursor = json["cursor"]?.string {
            self = json["again"]?.bool == true ? .at(cursor: cursor) : .after(cursor: cursor)
        } else if let microseconds = json["since_usec"]?.unsigned {
            self = .time(microseconds: microseconds)
        } else {
            return nil
        }
    }

    package func write(into json: inout JSONWriter) {
        json.object { json in
            switch self {
            case .after(let cursor):
                json.key("cursor")
                json.string(cursor)
            case .at(let cursor):
                json.key("cursor")
                json.string(cursor)
                json.key("again")
                json.bool(true)
            case .time(let microseconds):
                json.key("since_usec")
                json.number(microseconds)
            }
        }
    }
}

package struct JournalBookmarks: Sendable {
    /// One is taken at least this often, so that this many records at the most are read again after a batch was taken
    /// in part.
    package static let interval: UInt64 = 256
    /// Far more than the batches in flight have. Beyond it every second one is forgotten, which makes the steps
    /// coarser and loses nothing.
    package static let limit = 4_096

    private struct Bookmark {
        let ordinal: UInt64
        let place: JournalPlace
    }

    /// In the order of the ordinals; all of them above `acknowledgedOrdinal`.
    private var bookmarks: [Bookmark] = []
    private var acknowledgedOrdinal: UInt64 = 0
    /// Everything before it was acknowledged; nil as long as nothing was.
    package private(set) var acknowledged: JournalPlace?
    /// The latest place that was noted: from where to go on in this run.
    package private(set) var read: JournalPlace?
    package private(set) var version: UInt64 = 0

    package init(_ resume: JournalPlace?) {
        acknowledged = resume
        read = resume
    }

    package var count: Int { bookmarks.count }

    /// Reading begins here, since there was no place to resume at. It is kept, so that a stop before the first
    /// acknowledgement does not move it.
    package mutating func begin(at place: JournalPlace) {
        acknowledged = place
        read = place
        version += 1
    }

    /// The entry at `cursor` was read, and with it `ordinal` records since the start. Entries that made no record may
    /// follow one that did: the ordinal is the same then, and the cursor goes on. What begins at `held` is no record
    /// yet, and is read again after a stop.
    package mutating func note(_ ordinal: UInt64, cursor: String, held: String? = nil) {
        read = .after(cursor: cursor)
        let place: JournalPlace = held.map { .at(cursor: $0) } ?? .after(cursor: cursor)
        if ordinal <= acknowledgedOrdinal {
            guard acknowledged != place else { return }
            acknowledged = place
            version += 1
            return
        }
        if bookmarks.last?.ordinal == ordinal { bookmarks.removeLast() }
        if bookmarks.count >= Self.limit {
            bookmarks = stride(from: 1, to: bookmarks.count, by: 2).map { bookmarks[$0] }
        }
        bookmarks.append(Bookmark(ordinal: ordinal, place: place))
    }

    /// The same after a record that was made of what was held, without reading on.
    package mutating func note(_ ordinal: UInt64, held: String?) {
        guard case .after(let cursor)? = read else { return }
        note(ordinal, cursor: cursor, held: held)
    }

    /// What is read next in this run begins at this entry.
    package mutating func readAgain(from cursor: String) { read = .at(cursor: cursor) }

    package mutating func acknowledge(_ ordinal: UInt64) {
        acknowledgedOrdinal = max(acknowledgedOrdinal, ordinal)
        let passed = bookmarks.prefix { $0.ordinal <= ordinal }
        guard let last = passed.last else { return }
        acknowledged = last.place
        version += 1
        bookmarks.removeFirst(passed.count)
    }
}
