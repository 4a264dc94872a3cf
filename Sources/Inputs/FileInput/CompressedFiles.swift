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

    /// Those that are gone are not spoken of any more.
    mutating func removeAll(where isGone: (Path) -> Bool) { refusals = refusals.filter { !isGone($0.value.place) } }

    var isEmpty: Bool { refusals.isEmpty }

    func contains(_ place: Path) -> Bool { refusals.values.contains { $0.place == place } }
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
