// What is remembered of files that are not followed now: how far each was read. Found by path, and by identity and
// text.

internal import Bytes
internal import Durable
internal import Platform

extension FileCursor {
    /// An inode is used again, also while what it held before goes on in a copy: the text is part of the identity.
    typealias Key = FileIdentity

    var key: Key { identity }

    fileprivate func isBefore(_ other: FileCursor) -> Bool {
        (id.inode, print.head.length, print.head.checksum.value, print.inner?.end ?? 0)
            < (other.id.inode, other.print.head.length, other.print.head.checksum.value, other.print.inner?.end ?? 0)
    }
}

struct KnownFiles {
    struct Entry {
        /// Up to where it was read.
        var cursor: FileCursor
        /// The one that read it, as long as not all of that is acknowledged.
        var tail: Tail?
        /// What it is called if the rest is never found.
        var loss = FileCount.bytesLostDeleted
        /// Of its entry in the cursor log.
        fileprivate let number: UInt64
    }

    private var entries: [FileCursor.Key: Entry] = [:]
    private var keysByPath: [Path: Set<FileCursor.Key>] = [:]
    private var index = PartIndex()
    private var keysByID: [FileID: Set<FileCursor.Key>] = [:]
    private var unsaved = UnsavedEntries<FileCursor.Key>(.known)

    /// Those that were not found when they were last looked for, and since when: a listing can miss what is being
    /// renamed.
    private(set) var missing: [FileCursor.Key: Instant] = [:]

    var isEmpty: Bool { entries.isEmpty }
    var all: [FileCursor] { entries.values.map(\.cursor) }
    var paths: [Path] { Array(keysByPath.keys) }
    var missingPaths: Set<Path> { Set(missing.keys.compactMap { entries[$0]?.cursor.path }) }

    /// In the order of their inodes, so that the same files give the same answer.
    func of(_ path: Path) -> [Entry] { sorted(keysByPath[path]) }

    func parts(of path: Path) -> Set<Path> { index.parts(of: path) }

    func has(_ path: Path) -> Bool { keysByPath[path] != nil }

    func with(_ id: FileID) -> [Entry] { sorted(keysByID[id]) }

    private func sorted(_ keys: Set<FileCursor.Key>?) -> [Entry] {
        guard let keys else { return [] }
        return keys.compactMap { entries[$0] }
            .sorted { $0.cursor.isBefore($1.cursor) }
    }

    enum Answer {
        case entry(Entry)
        case none
        /// As in `FileRelation`.
        case unclear(Errno?)
    }

    /// What is remembered of the very file that was found.
    func entry(of found: FoundFile) -> Answer {
        var answer = Answer.none
        for entry in with(found.id) {
            switch entry.cursor.identity.relation(to: found, readTo: entry.cursor.offset) {
            case .same: answer = .entry(entry)
            case .unclear(let error): if case .none = answer { answer = .unclear(error) }
            case .moved, .copy, .other: break
            }
        }
        return answer
    }

    subscript(key: FileCursor.Key) -> Entry? { entries[key] }

    mutating func insert(
        _ cursor: FileCursor, tail: Tail? = nil, loss: FileCount = .bytesLostDeleted
    ) {
        remove(cursor.key)
        entries[cursor.key] = Entry(cursor: cursor, tail: tail, loss: loss, number: unsaved.add(cursor.key))
        if keysByPath[cursor.path] == nil { index.add(cursor.path) }
        keysByPath[cursor.path, default: []].insert(cursor.key)
        keysByID[cursor.id, default: []].insert(cursor.key)
    }

    mutating func remove(_ key: FileCursor.Key) {
        guard let old = entries.removeValue(forKey: key) else { return }
        unsaved.remove(old.number)
        missing[key] = nil
        keysByPath[old.cursor.path]?.remove(key)
        if keysByPath[old.cursor.path]?.isEmpty == true {
            keysByPath[old.cursor.path] = nil
            index.remove(old.cursor.path)
        }
        keysByID[key.id]?.remove(key)
        if keysByID[key.id]?.isEmpty == true { keysByID[key.id] = nil }
    }

    /// All of it is acknowledged.
    mutating func settle(_ key: FileCursor.Key) {
        entries[key]?.tail = nil
        if let number = entries[key]?.number { unsaved.note(number, key) }
    }

    /// Returns since when it has been missing.
    @discardableResult
    mutating func noteMissing(_ key: FileCursor.Key, at now: Instant) -> Instant {
        let since = missing[key] ?? now
        missing[key] = since
        return since
    }

    mutating func notePresent(_ key: FileCursor.Key) { missing[key] = nil }

    // MARK: Saving

    var count: Int { entries.count }

    /// What changed since this was called last. The tail speaks for those of which not all is acknowledged.
    mutating func takeChanges(into lines: inout CursorLines) -> [UInt64] {
        for (entry, key) in unsaved.takeChanged() {
            if let known = entries[key], known.tail == nil { lines.put(entry) { known.cursor.write(into: &$0) } }
        }
        return unsaved.takeGone()
    }

    func write(into lines: inout CursorLines, part: CursorPart) {
        for known in entries.values where known.tail == nil && part.has(known.number) {
            lines.put(CursorEntryKind.known.key(known.number)) { known.cursor.write(into: &$0) }
        }
    }
}
