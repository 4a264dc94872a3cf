// What stands beside a path, what is remembered of it, and what comes of both. Only looked at: what is to be done about
// it is RotationPlan's to say.

internal import Bytes
internal import Platform

/// A file that is there, or was, and whose memory it is: that of a tail that is followed, or one of the known files.
struct FamilyMemory {
    enum Owner {
        case tail(Tail)
        case known(KnownFiles.Entry)
    }

    private(set) var owners: [Owner] = []
    private(set) var texts: [ReadText] = []

    mutating func add(_ tail: Tail, isLost: Bool = false) {
        owners.append(.tail(tail))
        let state: ReadText.State = isLost ? .replaced : tail.isOpen ? .open : .closed
        texts.append(ReadText(identity: tail.identity, offset: tail.readOffset, state: state, isFollowed: true))
    }

    mutating func add(_ entry: KnownFiles.Entry) {
        owners.append(.known(entry))
        texts.append(ReadText(identity: entry.cursor.identity, offset: entry.cursor.offset, state: .closed))
    }
}

struct FileSurvey {
    let family: Path
    let places: [Path]
    let files: [FoundFile]
    let memory: FamilyMemory
    let parts: [ReadPart]
    /// For those that are the beginning of another file, how far that was read.
    let originals: [Int: Original]
    /// Places at which something stands that could not be read now, which may be over soon.
    var failing: [Path] = []
    /// Files that could not be read, or of which it could not be told which ones they are.
    var unreadable: Set<FileID> = []
    var unclear: Set<FileID> = []
    /// On which the path would stand now. Nil when that cannot be told.
    var device: UInt64?
    /// Passed in: what it reads is large.
    var isMounted: (UInt64) -> Bool = { Inputs.isMounted($0) }
    /// Whether the names are still those of the files that were found: a listing misses what is renamed meanwhile.
    /// Asked only before something is forgotten.
    var isSteady: () -> Bool = { true }
}

extension FileFollower {
    /// Nil when the directory cannot be listed, or is not there, as a disk that is not mounted yet.
    func places(of family: Path) -> [Path]? {
        var places: [Path] = []
        let name = family.name
        do throws(Errno) { places = try list(family) } catch {
            if error != .notFound { problems.report(splitPath(family).directory, error) }
            guard error == .notFound, !isUnmounted(family) else { return nil }
        }
        for directory in settings.rotatedTo.flatMap({ $0.directories(beside: splitPath(family).directory) }) {
            do throws(Errno) { places += try list(directory / name) } catch {
                if error != .notFound { problems.report(directory, error) }
            }
        }
        return places
    }

    /// During a scan, a directory is listed once for all the files in it.
    private func list(_ family: Path) throws(Errno) -> [Path] {
        if listed != nil { return try listed?.places(of: family) ?? [] }
        var listed = ListedDirectories()
        return try listed.places(of: family)
    }

    /// Whether something that is remembered of a path is on a device that is not there now.
    private func isUnmounted(_ family: Path) -> Bool {
        guard let device = deviceNow(of: family) else { return true }
        return memory.known.of(family).contains { $0.cursor.id.device != device }
    }

    /// Nil for what is empty or no file, and for what cannot be read, which is reported.
    func find(_ place: Path, of family: Path) -> FoundFile? {
        do throws(Errno) {
            let file = try File(reading: place, followsLink: false)
            let status = try file.status()
            guard status.kind == .regular, status.sizeBytes > 0 else { return nil }
            let found = try found(file, status, at: place, isAtPath: place == family)
            if found.text.form == .otherCompression { problems.noteCompressed(found) }
            if found.isSettled, !found.text.isKnown { problems.noteWithoutText(found) }
            return found
        } catch {
            // A link or a directory has no lines: what stands there, if it can be told, decides.
            if !error.isAbsence, mayBeLog(place) { problems.report(place, error) }
            return nil
        }
    }

    /// Of an open file.
    func found(
        _ file: borrowing File, _ status: FileStatus, at place: Path, isAtPath: Bool
    ) throws(Errno) -> FoundFile {
        let isSettled = memory.isSettled(place, status.sizeBytes)
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

    func survey(_ places: [Path], of family: Path) -> FileSurvey {
        var files = distinct(places.compactMap { find($0, of: family) })
        files += strays(of: family, besides: files)
        let own = recollect(family, for: files)
        // Files that were there before the agent was ever started are what they are.
        let originals = memory.isFirstScan && !memory.hasHistory ? [:] : originals(of: files, own)
        let parts = readParts(of: files, in: own.texts) { file in
            switch originals[file] {
            case .readTo: .same
            case .unreadable(let error): .unreadable(error)
            case nil: .other
            }
        }
        for (file, part) in zip(files, parts) {
            if case .unclear(let error?) = part {
                problems.tellUnclear(file.place, error)
            } else {
                problems.noteReadable(file.place)
            }
        }
        return FileSurvey(
            family: family, places: places, files: files, memory: own, parts: parts, originals: originals,
            failing: places.filter(problems.isFailing),
            unreadable: Set(places.compactMap(problems.unreadableID) + unclear(files, parts)),
            unclear: Set(problems.unclear.values), device: deviceNow(of: family),
            isSteady: { self.isSteady(places, files, of: family) })
    }

    private func isSteady(_ places: [Path], _ files: [FoundFile], of family: Path) -> Bool {
        // What was listed for all files of a step may be older than they are.
        let listed = listed
        self.listed = nil
        defer { self.listed = listed }
        return self.places(of: family) == places && files.allSatisfy { standing(at: $0.place)?.id == $0.id }
    }

    /// One that is renamed between two looks is found under both names, and has two with hard links: it is one file.
    /// The name that was looked at last is its own now, unless it stands at the path.
    private func distinct(_ files: [FoundFile]) -> [FoundFile] {
        var last: [FileID: Int] = [:]
        for (index, file) in files.enumerated() where last[file.id].map({ !files[$0].isAtPath }) ?? true {
            last[file.id] = index
        }
        return last.count == files.count ? files : last.values.sorted().map { files[$0] }
    }

    /// Files that were renamed to what no rotation would call them, as after a stop: their numbers tell, and their
    /// text. One that a pattern matches is found by that.
    private func strays(of family: Path, besides files: [FoundFile]) -> [FoundFile] {
        let found = Set(files.map(\.id))
        // What was read to its end while the agent ran is not needed any more.
        let missing = memory.known.of(family).filter {
            $0.tail == nil && !found.contains($0.cursor.id)
                && (memory.isFirstScan || $0.cursor.sizeBytes > $0.cursor.offset)
        }
        return missing.compactMap { stray($0.cursor.id, of: family) }
    }

    private func stray(_ id: FileID, of family: Path) -> FoundFile? {
        var directories = settings.rotatedTo.flatMap { $0.directories(beside: splitPath(family).directory) }
        directories.append(splitPath(family).directory)
        // All of them are many: they are listed once, not for each file that is missing.
        if memory.isFirstScan, numbered.isFirstLookEverywhere() { directories += watcher.watchedDirectories }
        guard let place = numbered.place(of: id, in: directories), !settings.matches(place), tails.with(id) == nil,
            let file = find(place, of: family), file.id == id
        else { return nil }
        return file
    }

    /// A file that has the number of one that is known may be that one.
    private func unclear(_ files: [FoundFile], _ parts: [ReadPart]) -> [FileID] {
        zip(files, parts).compactMap { file, part in if case .unclear = part { file.id } else { nil } }
    }

    private func recollect(_ family: Path, for files: [FoundFile], without lost: Tail? = nil) -> FamilyMemory {
        var own = FamilyMemory()
        let families = [family] + tails.parts(of: family).union(memory.known.parts(of: family)).sorted()
        var keys: Set<FileCursor.Key> = []
        var numbers: Set<UInt32> = []
        for tail in families.flatMap({ tails.of($0) }) + files.compactMap({ tails.with($0.id) })
        where tail !== lost && numbers.insert(tail.number).inserted {
            switch tail.content(through: &buffers) {
            case .same:
                // What identifies it may have grown.
                tail.noteInner(through: &buffers.reader)
                own.add(tail)
            // Truncated since its family was looked at: what is compressed beside it now may be its text.
            case .other, .unwritten: own.add(tail, isLost: true)
            case .unreadable: own.add(tail)
            }
        }
        for entry in families.flatMap(memory.known.of) + files.flatMap({ memory.known.with($0.id) })
        where keys.insert(entry.cursor.key).inserted {
            own.add(entry)
        }
        return own
    }

    /// Where the text of a file goes on that was truncated, or has no name any more.
    func copy(of tail: Tail, isReplaced: Bool) -> FoundFile? {
        guard !tail.print.isEmpty else { return nil }
        var files = (places(of: tail.family) ?? []).compactMap { find($0, of: tail.family) }
        if !isReplaced, !files.contains(where: { $0.id == tail.id }), let stray = stray(tail.id, of: tail.family) {
            files.append(stray)
        }
        var own = recollect(tail.family, for: files, without: tail)
        own.add(tail, isLost: isReplaced)
        let index = own.texts.count - 1
        let parts = readParts(of: files, in: own.texts)
        return zip(files, parts).first { file, part in
            !file.isAtPath && (part == .copy(of: index) || part == .same(index))
        }?.0
    }
}
