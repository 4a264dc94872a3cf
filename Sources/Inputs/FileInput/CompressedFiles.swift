// Compressed files that cannot be read, or not to their end: what is said of them, and counted.

internal import Bytes
internal import Compression
internal import Platform

/// What stood on the disk when a file was looked at.
struct DiskState: Equatable {
    let sizeBytes: UInt64
    let modifiedUnixNanoseconds: Int64

    init(_ status: FileStatus) {
        (sizeBytes, modifiedUnixNanoseconds) = (status.sizeBytes, status.modifiedUnixNanoseconds)
    }
}

/// A compressed file that ended in the middle when it was read.
struct IncompleteText {
    private let read: DiskState
    /// As it was when it was looked at last.
    var seen: DiskState

    init(_ state: DiskState) { (read, seen) = (state, state) }

    /// What is not read on where it was must be inflated from its beginning. So that this costs no more than twice what
    /// doing it once would, it waits until the file is twice as large, or does not change any more.
    func isWorthReading(_ now: DiskState, hasPlace: Bool) -> Bool {
        hasPlace || now == seen || isWrittenAnew(now) || now.sizeBytes / 2 >= read.sizeBytes
    }

    func isWrittenAnew(_ now: DiskState) -> Bool { now.sizeBytes < read.sizeBytes }
}

/// Files that are left out because what is in them cannot be had.
struct CompressedFiles {
    private var refusals: [FileID: (place: Path, refusal: CompressionRefusal?)] = [:]
    /// Asked for each change of any file.
    private var places: Set<Path> = []

    /// True when it is new.
    mutating func insert(_ found: FoundFile) -> Bool {
        let before = refusals.updateValue((found.place, found.text.refusal), forKey: found.id)
        places.insert(found.place)
        // Where it stood, another one may stand.
        if let before, before.place != found.place { notePlaces() }
        return before == nil
    }

    /// Those that are gone are not spoken of any more.
    mutating func removeAll(where isGone: (Path) -> Bool) {
        if refusals.isEmpty { return }
        refusals = refusals.filter { !isGone($0.value.place) }
        notePlaces()
    }

    private mutating func notePlaces() { places = Set(refusals.values.lazy.map(\.place)) }

    var isEmpty: Bool { refusals.isEmpty }

    func contains(_ place: Path) -> Bool { places.contains(place) }
    var count: Int { refusals.count }

    /// For each reason the first file, and how many there are.
    var problems: [String] {
        var places: [CompressionRefusal: [Path]] = [:]
        for case (let place, let refusal?) in refusals.values { places[refusal, default: []].append(place) }
        return places.map { refusal, places in
            let others = places.count > 1 ? " and \(places.count - 1) other files" : ""
            return "\(places.min() ?? "")\(others): \(refusal)"
        }
    }
}

extension FileFollower {
    var compressedProblems: [String] {
        let cutShort = tails.values.filter(\.stage.isCutShort)
            .map { "\($0.place ?? $0.path): it is compressed, and ends in the middle: what is there was read" }
        return problems.compressed.problems + cutShort
    }
}
