// For each path the time of change of its newest rotated sibling that is none of ours: what is older was there before
// the path was first followed.

internal import Bytes
internal import Durable

/// Times in nanoseconds since 1970, by path.
struct PathFloors {
    private var entries: [Path: (time: Int64, number: UInt64)] = [:]
    private var unsaved = UnsavedEntries<Path>(.floor)

    init(_ times: [Path: Int64] = [:]) { for (path, time) in times { self[path] = time } }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    var keys: Dictionary<Path, (time: Int64, number: UInt64)>.Keys { entries.keys }
    var times: [Path: Int64] { entries.mapValues(\.time) }

    subscript(path: Path) -> Int64? {
        get { entries[path]?.time }
        set {
            guard newValue != entries[path]?.time else { return }
            if let old = entries.removeValue(forKey: path) { unsaved.remove(old.number) }
            if let newValue { entries[path] = (newValue, unsaved.add(path)) }
        }
    }

    mutating func removeAll(where isUnused: (Path) -> Bool) {
        for path in entries.keys.filter(isUnused) { self[path] = nil }
    }

    mutating func takeChanges(into lines: inout CursorLines) -> [UInt64] {
        for (key, path) in unsaved.takeChanged() {
            if let entry = entries[path] { lines.put(key) { FileCursors.write(floor: path, entry.time, into: &$0) } }
        }
        return unsaved.takeGone()
    }

    func write(into lines: inout CursorLines, part: CursorPart) {
        for (path, entry) in entries where part.has(entry.number) {
            lines.put(CursorEntryKind.floor.key(entry.number)) {
                FileCursors.write(floor: path, entry.time, into: &$0)
            }
        }
    }
}
