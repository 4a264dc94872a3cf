// What lies in the state directory for routes and outputs that the settings have no more: nobody will send it, and
// nobody would think of looking there.

internal import Bytes
internal import Durable
internal import Platform

/// In words, one for each place. What cannot be looked at is left to whoever needs it.
func leftBehind(_ settings: AgentSettings) -> [String] {
    let state = settings.stateDirectory
    let spools = settings.routes.map { spoolDirectory(stateDirectory: state, input: $0.from, output: $0.to) }
    let rejected = settings.outputs.map { rejectedDirectory(of: $0.name, in: state) }
    return placesWithFiles(in: "\(state)/spool", butFor: spools).map { place in
        "\(place.path) is of no route any more: \(bytesText(place.bytes)) lie there that may not have been delivered"
    }
        + placesWithFiles(in: "\(state)/rejected", butFor: rejected).map { place in
            "\(place.path) is of no output any more: vitals replay leaves its \(bytesText(place.bytes)) alone"
        }
}

private func placesWithFiles(in directory: String, butFor known: [String]) -> [(path: Path, bytes: UInt64)] {
    let known = Set(known.map { Path($0) })
    return entries(of: Path(directory)).filter { !known.contains($0) }.compactMap { path in
        let bytes = entries(of: path).reduce(0) { $0 &+ size(of: $1) }
        return bytes > 0 ? (path, bytes) : nil
    }
}

private func entries(of directory: Path) -> [Path] {
    do throws(Errno) { return try directoryEntries(directory).map { directory / $0 } } catch { return [] }
}

private func size(of path: Path) -> UInt64 {
    do throws(Errno) { return UInt64(try FileStatus(of: path).sizeBytes) } catch { return 0 }
}
