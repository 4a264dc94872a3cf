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

/// Files that are left out because what is in them cannot be had.
struct CompressedFiles {
    private var refusals: [FileID: (place: Path, refusal: CompressionRefusal?)] = [:]

    /// True when it is new.
    mutating func insert(_ found: FoundFile) -> Bool {
        refusals.updateValue((found.place, found.text.refusal), forKey: found.id) == nil
    }

    /// Whether what stands there could be read with a library, or with more memory.
    func isRefused(_ place: Path) -> Bool { refusals.values.contains { $0.place == place && $0.refusal != nil } }

    /// Those that are gone are not spoken of any more.
    mutating func removeAll(where isGone: (Path) -> Bool) { refusals = refusals.filter { !isGone($0.value.place) } }

    var isEmpty: Bool { refusals.isEmpty }

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
    func noteCompressed(_ found: FoundFile) {
        guard compressed.insert(found) else { return }
        count(.fileCompressed)
        guard let refusal = found.text.refusal else { return }
        log.warning(
            "cannot read a compressed log file; its lines are not sent",
            ["path": found.place.repaired, "reason": refusal.description])
    }

    /// What could be read of it was. More is read when it comes.
    func noteCutShort(_ tail: Tail) {
        tail.hasReachedEnd = true
        close(tail)
        cursorVersion += 1
        count(.fileDamaged)
        log.warning(
            "a compressed log file ends in the middle: its writer was stopped, or the disk was full; what is there was "
                + "read, and more is read if it is written",
            ["path": (tail.place ?? tail.path).repaired])
    }

    /// What comes after the damage is lost.
    func noteDamaged(_ tail: Tail, _ fault: TailFailure, at now: Moment) {
        count(.fileDamaged)
        count(.bytesLostDamaged, tail.unreadBytes)
        report(tail.place ?? tail.path, fault)
        tail.giveUpRest()
        finish(tail, at: now)
    }

    var compressedProblems: [String] {
        let cutShort = tails.values.filter(\.isCutShort)
            .map { "\($0.place ?? $0.path): it is compressed, and ends in the middle: what is there was read" }
        return compressed.problems + cutShort
    }
}
