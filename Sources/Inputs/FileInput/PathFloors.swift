// For each path the time of change of its newest rotated sibling that is none of ours: what is older was there before
// the path was first followed.

internal import Bytes
internal import Durable

/// Times in nanoseconds since 1970, by path.
struct PathFloors {
    private struct Entry {
        let time: Int64
        /// Its number in the cursor log, and in the lowest bit whether its siblings have been looked at in this run: a
        /// set of a million paths for that would take as much room once more.
        private var bits: UInt64

        init(time: Int64, number: UInt64, isMet: Bool) { (self.time, bits) = (time, number << 1 | (isMet ? 1 : 0)) }

        var number: UInt64 { bits >> 1 }
        var isMet: Bool {
            get { bits & 1 == 1 }
            set { bits = bits & ~1 | (newValue ? 1 : 0) }
        }
    }

    private var entries: [Path: Entry] = [:]
    private var unsaved = UnsavedEntries<Path>(.floor)
    /// Those of each part of a snapshot, while it is under way: of a million, nobody goes through all for each part.
    private var parts: [[Path]] = []

    init(_ times: [Path: Int64] = [:]) { for (path, time) in times { self[path] = time } }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    var paths: some Sequence<Path> { entries.keys }
    var times: [Path: Int64] { entries.mapValues(\.time) }

    subscript(path: Path) -> Int64? {
        get { entries[path]?.time }
        set {
            guard newValue != entries[path]?.time else { return }
            let old = entries.removeValue(forKey: path)
            if let old { unsaved.remove(old.number) }
            if let newValue {
                entries[path] = Entry(time: newValue, number: unsaved.add(path), isMet: old?.isMet ?? false)
            }
        }
    }

    /// Whether the siblings of a path have been looked at in this run. Nil for one that has no floor.
    func isMet(_ path: Path) -> Bool? { entries[path]?.isMet }

    mutating func setMet(_ path: Path, _ isMet: Bool) { entries[path]?.isMet = isMet }

    mutating func removeAll(where isUnused: (Path) -> Bool) {
        for path in entries.keys.filter(isUnused) { self[path] = nil }
    }

    mutating func takeChanges(into lines: inout CursorLines) -> [UInt64] {
        for (key, path) in unsaved.takeChanged() {
            if let entry = entries[path] { lines.put(key) { FileCursors.write(floor: path, entry.time, into: &$0) } }
        }
        return unsaved.takeGone()
    }

    /// To be called for one part after another, from the first. What comes meanwhile is among the changes.
    mutating func write(into lines: inout CursorLines, part: CursorPart) {
        if part.number == 0 {
            parts = Array(repeating: [], count: part.count)
            for (path, entry) in entries { parts[Int(entry.number % UInt64(part.count))].append(path) }
        }
        for path in part.count == parts.count ? parts[part.number] : Array(entries.keys) {
            guard let entry = entries[path], part.has(entry.number) else { continue }
            lines.put(CursorEntryKind.floor.key(entry.number)) {
                FileCursors.write(floor: path, entry.time, into: &$0)
            }
        }
        if part.number + 1 == part.count { parts = [] }
    }
}
