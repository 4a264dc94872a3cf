// Files whose numbers are others than when the agent stopped: after a reboot a device may have another one, and some
// file systems (in user space, of a network, overlays) make up those of the files, too. What a file begins with
// decides.

internal import Bytes
internal import Platform

/// The same cursors, with the numbers that their files have now; before anything is looked for by these.
func withNumbersOfNow(_ cursors: [FileCursor]) -> [FileCursor] {
    var cursors = cursors
    var directories = ListedDirectories()
    var buffer = [UInt8](repeating: 0, count: StartPrint.lengthLimit)
    for (path, indices) in Dictionary(grouping: cursors.indices, by: { cursors[$0].path }) {
        // Usually the first look is all that it costs.
        guard let device = device(of: path), !indices.contains(where: { cursors[$0].id.device == device }) else {
            continue
        }
        var known = Set(indices.map { cursors[$0].id })
        var left = indices
        func look(at place: Path) {
            do throws(Errno) {
                let status = try FileStatus(of: place)
                guard status.kind == .regular, !known.contains(status.id) else { return }
                let file = try File(reading: place)
                let start = try FileStart(file, status, through: &buffer)
                var alike: [Int] = []
                for index in left where try file.mayHave(cursors[index].inner, start.form) { alike.append(index) }
                guard let index = index(of: status, start, in: cursors, alike, isLive: place == path) else { return }
                cursors[index].id = status.id
                known.insert(status.id)
                left.removeAll { $0 == index }
            } catch {}  // What is gone, or cannot be read now, keeps the numbers that it had.
        }
        look(at: path)
        if left.isEmpty { continue }
        do throws(Errno) {
            let (directory, names) = try directories.siblings(of: path)
            for name in names { look(at: directory / name) }
        } catch {}  // It may come later.
    }
    return cursors
}

/// The same inode on another device; and, of the file that stands at its path still, the same first KiB. Of shorter
/// ones, of which many may begin alike, what is read once more is at most that.
private func index(
    of status: FileStatus, _ start: FileStart, in cursors: [FileCursor], _ free: [Int], isLive: Bool
) -> Int? {
    let alike = free.filter { index in
        cursors[index].id.device != status.id.device && cursors[index].print.length > 0
            && cursors[index].print.matches(start.bytes)
            && (start.form == .gzip || start.sizeBytes >= cursors[index].offset)
    }
    if let same = alike.first(where: { cursors[$0].id.inode == status.id.inode }) { return same }
    guard isLive, alike.count == 1, let only = alike.first, cursors[only].print.isWhole else { return nil }
    return only
}

/// That of the directory when nothing stands at the path.
private func device(of path: Path) -> UInt64? {
    for place in [path, splitPath(path).directory] {
        do throws(Errno) { return try FileStatus(of: place).id.device } catch {}  // It may come later.
    }
    return nil
}
