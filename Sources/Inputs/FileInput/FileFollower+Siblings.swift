// The files beside a path that is followed: its rotated ones and its copies.

internal import Bytes
internal import Logs
internal import Platform

/// A file beside a path that is not followed.
struct Sibling: ~Copyable {
    let place: String
    let status: FileStatus
    let start: FileStart
    let file: File
}

extension FileFollower {
    /// Nil for what is empty or no file, and for what cannot be read, which is reported.
    func open(_ place: String) -> Sibling? {
        do throws(Errno) {
            let link = try FileStatus(ofLink: place)
            guard link.kind == .regular, link.sizeBytes > 0 else { return nil }
            let file = try File(reading: place)
            let status = try file.status()
            let start = try readStart(file, status)
            unreadable[place] = nil
            return Sibling(place: place, status: status, start: start, file: file)
        } catch {
            if error != .notFound { report(place, error) }
            return nil
        }
    }

    /// The names beside a path under which its rotated files may stand, and the path itself.
    /// Nil when the directory cannot be listed, or is not there, as a disk that is not mounted yet.
    func places(of family: String) -> [String]? {
        let (directory, name) = splitPath(family)
        return names(in: directory, beginning: stem(of: name))?
            .filter { $0 == name || mayBeCopyName($0, of: name) }.map { directory + "/" + $0 }
    }

    /// In order. During a scan, a directory is listed once for all the files in it.
    private func names(in directory: String, beginning prefix: String) -> [String]? {
        let names: [String]
        if let listing = listings[directory] {
            names = listing
        } else {
            do throws(Errno) {
                names = try directoryEntries(directory.isEmpty ? "/" : directory).sorted()
            } catch {
                if error != .notFound { report(directory, error) }
                return nil
            }
            if isScanning { listings[directory] = names }
        }
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        return Array(names[low...].prefix { $0.hasPrefix(prefix) })
    }
}
