// The files beside a path that is followed, its rotated ones and its copies; and what is remembered of them.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// Nil for what is empty or no file, and for what cannot be read, which is reported.
    func find(_ place: Path, of family: Path) -> FoundFile? {
        do throws(Errno) {
            let file = try File(reading: place, followsLink: false)
            let status = try file.status()
            guard status.kind == .regular, status.sizeBytes > 0 else { return nil }
            let found = try found(file, status, at: place, isAtPath: place == family)
            if found.text.form == .otherCompression { noteCompressed(found) }
            return found
        } catch {
            // A link or a directory has no lines: what stands there, if it can be told, decides.
            if !error.isAbsence, mayBeLog(place) { report(place, error) }
            return nil
        }
    }

    /// Of an open file.
    func found(
        _ file: borrowing File, _ status: FileStatus, at place: Path, isAtPath: Bool
    ) throws(Errno) -> FoundFile {
        let isSettled = place == settled
        return FoundFile(
            place: place, id: status.id, born: try file.birth(),
            text: try texts.text(of: file, status, at: place, isSettled: isSettled, through: &buffers.reader),
            diskBytes: status.sizeBytes, modifiedUnixNanoseconds: status.modifiedUnixNanoseconds,
            changedUnixNanoseconds: status.changedUnixNanoseconds, isAtPath: isAtPath, isSettled: isSettled)
    }

    private func mayBeLog(_ place: Path) -> Bool {
        do throws(Errno) {
            let link = try FileStatus(ofLink: place)
            return link.kind == .regular && link.sizeBytes > 0
        } catch { return !error.isAbsence }
    }

    /// The names beside a path under which its rotated files may stand, and the path itself.
    /// Nil when the directory cannot be listed, or is not there, as a disk that is not mounted yet.
    func places(of family: Path) -> [Path]? {
        let (directory, name) = splitPath(family)
        return names(in: directory, beginning: stem(of: name))?
            .filter { $0 == name || mayBeCopyName($0, of: name) }.map { directory / $0 }
    }

    /// In order. During a scan, a directory is listed once for all the files in it.
    private func names(in directory: Path, beginning prefix: Path) -> [Path]? {
        let names: [Path]
        if let listing = listings[directory] {
            names = listing
        } else {
            do throws(Errno) {
                names = try directoryEntries(directory)
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

    // MARK: Memory

    /// What is remembered of the files of a path, and whose memory it is: that of a tail that is followed, or one of
    /// the known files.
    struct Memory {
        enum Owner {
            case tail(Tail)
            case known(KnownFiles.Entry)
        }

        var owners: [Owner] = []
        var texts: [ReadText] = []

        mutating func add(_ tail: Tail, isLost: Bool = false) {
            owners.append(.tail(tail))
            let state: ReadText.State = isLost ? .replaced : tail.file != nil ? .open : .closed
            texts.append(
                ReadText(identity: tail.identity, offset: tail.readOffset, state: state, isFollowed: true))
        }

        mutating func add(_ entry: KnownFiles.Entry) {
            owners.append(.known(entry))
            texts.append(ReadText(identity: entry.cursor.identity, offset: entry.cursor.offset, state: .closed))
        }
    }

    /// What there is beside a path, what is remembered of it, and what comes of both.
    struct Survey {
        let files: [FoundFile]
        let memory: Memory
        let parts: [ReadPart]
        /// For those that are the beginning of another file, how far that was read.
        let originals: [Int: Original]
    }

    /// What a new file is the beginning of.
    enum Original: Equatable {
        /// Of a file that was read as far.
        case readTo(UInt64)
        case unreadable(Errno)
    }

    func survey(_ places: [Path], of family: Path) -> Survey {
        let files = places.compactMap { find($0, of: family) }
        let memory = recollect(family, for: files)
        // Files that were there before the agent was ever started are what they are.
        let originals = isFirstScan && !hasHistory ? [:] : originals(of: files, memory)
        let parts = readParts(of: files, in: memory.texts) { file in
            switch originals[file] {
            case .readTo: .same
            case .unreadable(let error): .unreadable(error)
            case nil: .other
            }
        }
        for (file, part) in zip(files, parts) {
            if case .unclear(let error?) = part { tellUnclear(file.place, error) } else { noteReadable(file.place) }
        }
        return Survey(files: files, memory: memory, parts: parts, originals: originals)
    }

    func recollect(_ family: Path, for files: [FoundFile], without lost: Tail? = nil) -> Memory {
        var memory = Memory()
        var families = [family]
        families += byFamily.parts(of: family).union(known.parts(of: family)).sorted()
        var keys: Set<FileCursor.Key> = []
        var numbers: Set<UInt32> = []
        for tail in families.flatMap({ byFamily[$0] }) + files.compactMap({ byID[$0.id] })
        where tail !== lost && numbers.insert(tail.number).inserted {
            // What identifies it may have grown.
            if tail.content(through: &buffers) == .same { tail.noteInner(through: &buffers.reader) }
            memory.add(tail)
        }
        for entry in families.flatMap(known.of) + files.flatMap({ known.with($0.id) })
        where keys.insert(entry.cursor.key).inserted {
            memory.add(entry)
        }
        return memory
    }

    func isPart(_ other: Path, of family: Path) -> Bool {
        let (directory, name) = splitPath(family)
        guard other.isInside(directory) else { return false }
        let (otherDirectory, otherName) = splitPath(other)
        return otherDirectory == directory && mayBeCopyName(otherName, of: name)
    }
}
