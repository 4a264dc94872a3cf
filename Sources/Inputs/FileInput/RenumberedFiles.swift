// Files whose numbers are others than when the agent stopped: after a reboot a device may have another one, and some
// file systems (in user space, of a network, overlays) make up those of the files, too. What a file begins with
// decides.

internal import Bytes
internal import Platform

/// The same cursors, with the numbers that their files have now; before anything is looked for by these.
///
/// `unclear` are paths at which a file could not be looked at, with the reason.
func withNumbersOfNow(
    _ cursors: [FileCursor], through reader: inout TextReader
) -> (cursors: [FileCursor], unclear: [Path: Errno]) {
    var cursors = cursors
    var unclear: [Path: Errno] = [:]
    var directories = ListedDirectories()
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
                let found = try FoundFile(
                    file, status, at: place, isAtPath: place == path, isSettled: true, through: &reader)
                guard let index = try index(of: found, in: cursors, left) else { return }
                cursors[index].identity.take(numbersOf: found)
                known.insert(status.id)
                left.removeAll { $0 == index }
            } catch {
                // What is gone keeps the numbers that it had.
                if !error.isAbsence, place == path { unclear[path] = error }
            }
        }
        look(at: path)
        if left.isEmpty { continue }
        do throws(Errno) {
            for place in try directories.siblings(of: path) { look(at: place) }
        } catch {}  // It may come later.
    }
    return (cursors, unclear)
}

/// The same inode on another device; and, of the file that stands at its path still, the same first KiB. Of shorter
/// ones, of which many may begin alike, what is read once more is at most that.
private func index(of found: FoundFile, in cursors: [FileCursor], _ free: [Int]) throws(Errno) -> Int? {
    var alike: [Int] = []
    for index in free where cursors[index].id.device != found.id.device {
        switch cursors[index].identity.relation(to: found, readTo: cursors[index].offset) {
        case .moved: return index
        case .copy: alike.append(index)
        case .unclear(let error?): throw error
        case .same, .other, .unclear(nil): break
        }
    }
    guard found.isAtPath, alike.count == 1, let only = alike.first, cursors[only].print.head.isWhole else { return nil }
    return only
}

/// That of the directory when nothing stands at the path.
private func device(of path: Path) -> UInt64? {
    for place in [path, splitPath(path).directory] {
        do throws(Errno) { return try FileStatus(of: place).id.device } catch {}  // It may come later.
    }
    return nil
}
