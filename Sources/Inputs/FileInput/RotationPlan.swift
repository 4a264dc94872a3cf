// What is to be done about the files beside a path: those whose reading was interrupted go on, the newer ones are read
// from their beginning, all of them in the order in which they were written; what may be a copy waits until that is
// known, and what is nowhere is given up after the grace. Decided from a survey alone; FileFollower applies it.

internal import Bytes
internal import Platform

struct RotationPlan {
    private(set) var actions: [FileAction] = []
    /// A tail went elsewhere: what stands at the path now has to be looked at once more.
    private(set) var hasLeft = false
    private var unread: [UnreadFile] = []
    private let survey: FileSurvey
    private let memory: FileMemory
    private let settings: FileInputSettings
    private let now: Moment
    private var family: Path { survey.family }

    /// `path` is what leads to the family; `isOurs` when something of it is followed or known.
    init(
        _ survey: FileSurvey, _ memory: FileMemory, _ settings: FileInputSettings, path: Path, isOurs: Bool,
        at now: Moment
    ) {
        (self.survey, self.memory, self.settings, self.now) = (survey, memory, settings, now)
        var rotated: [FoundFile] = []
        for index in survey.files.indices { decide(index, &rotated) }
        for place in survey.failing where place != family {
            actions.append(.hold(place, HeldFile(family: family, since: now.monotonic, sizeBytes: 0)))
        }
        var floor = memory.floors[family] ?? 0
        if !isOurs {
            floor = memory.firstFloor(path, settings, others: rotated.map(\.modifiedUnixNanoseconds))
            actions.append(.setFloor(floor))
        }
        for file in rotated where isNew(file, floor) {
            let cursor = FileCursor(
                path: family, identity: FileIdentity(file), offset: 0, sizeBytes: file.text.sizeBytes)
            unread.append(UnreadFile(file: file, cursor: cursor))
        }
        forgetGone()
        actions.append(.read(unread.sorted(by: Self.isOlder)))
    }

    // MARK: What is there

    private mutating func decide(_ index: Int, _ rotated: inout [FoundFile]) {
        let file = survey.files[index]
        let held = memory.held[file.place]
        switch survey.parts[index] {
        case .same(let owner):
            if file.isAtPath, held?.family == family { actions.append(.letGo(file.place)) }
            meet(survey.memory.owners[owner], file)
        case .copy(let owner):
            goOn(survey.memory.owners[owner], in: file, isThereToo: survey.parts.contains(.same(owner)))
        case .unclear(let error):
            // What could not be read is tried again until it can be.
            if error != nil || held?.sizeBytes != file.diskBytes {
                hold(file.place, sizeBytes: file.diskBytes)
            }
        case .alike: break
        case .beginning:
            let isRotated = isRotated(file) && isNew(file, memory.floors[family] ?? 0)
            if isRotated || settings.matches(file.place) { suspect(file, survey.originals[index]) }
        case .nothing:
            if held?.family == family { actions.append(.letGo(file.place)) }
            if isRotated(file) { rotated.append(file) }
        }
    }

    private mutating func hold(_ place: Path, sizeBytes: UInt64) {
        actions.append(.hold(place, HeldFile(family: family, since: now.monotonic, sizeBytes: sizeBytes)))
    }

    /// A file that is followed, or was read, stands at the place.
    private mutating func meet(_ owner: FamilyMemory.Owner, _ file: FoundFile) {
        switch owner {
        case .tail(let tail) where tail.id != file.id:
            // Its device was mounted anew: what is held open is of the old mount.
            actions.append(.goOn(tail, in: file, isSame: true))
        case .tail(let tail): actions.append(.rejoin(tail, at: file.place))
        case .known(let entry): meet(entry, file)
        }
    }

    private mutating func meet(_ entry: KnownFiles.Entry, _ file: FoundFile) {
        var cursor = entry.cursor
        if cursor.id != file.id {
            cursor.identity.take(numbersOf: file)
            actions.append(
                .remember(cursor, tail: entry.tail, loss: entry.loss, insteadOf: entry.cursor.key, isNew: true))
        }
        actions.append(.notePresent(cursor.key))
        if isPart(cursor.path) {
            // As the numbers go up it is no sibling of the name that it had.
            cursor.path = family
            actions.append(.remember(cursor, tail: entry.tail, loss: entry.loss, insteadOf: nil, isNew: false))
        }
        let isCompressed = file.text.form.isCompressed
        let isGrown = (isCompressed ? cursor.sizeBytes : file.text.sizeBytes) > cursor.offset || cursor.isCutShort
        if let tail = entry.tail {
            if isGrown, !isCompressed { actions.append(.revive(tail, in: file)) }
        } else if !file.isAtPath, isGrown || mayHaveWriter(file) {
            unread.append(UnreadFile(file: file, cursor: cursor, key: cursor.key))
        }
    }

    /// What is remembered of a file that is gone, or is there in another form too, holds for this one.
    private mutating func goOn(_ owner: FamilyMemory.Owner, in file: FoundFile, isThereToo: Bool) {
        switch owner {
        case .tail(let tail):
            // One that was closed, and whose inode another file has now.
            actions.append(.goOn(tail, in: file, isSame: false))
            hasLeft = true
        case .known(let entry):
            var cursor = entry.cursor
            let isMore = file.text.mayHaveMore(than: cursor.offset)
            if isMore, let tail = entry.tail, !isThereToo {
                actions.append(.revive(tail, in: file))
            } else if isMore {
                unread.append(UnreadFile(file: file, cursor: cursor, key: isThereToo ? nil : cursor.key))
            } else {
                cursor.identity.take(numbersOf: file)
                if isPart(cursor.path) { cursor.path = family }
                cursor.sizeBytes = max(file.text.sizeBytes, cursor.offset)
                actions.append(
                    .remember(
                        cursor, tail: isThereToo ? nil : entry.tail, loss: entry.loss,
                        insteadOf: isThereToo ? nil : entry.cursor.key, isNew: true))
            }
        }
    }

    /// A new file has the text of another one, so far: it may be the copy that comes before a truncation.
    private mutating func suspect(_ file: FoundFile, _ original: Original?) {
        let size = file.text.sizeBytes
        guard var earlier = memory.held[file.place], earlier.sizeBytes == size else {
            return hold(file.place, sizeBytes: size)
        }
        guard earlier.since + settings.rotationGrace <= now.monotonic else { return }
        // Until the original is read as far, the copy may still be needed.
        if case .readTo(let offset)? = original, offset >= size {
            actions.append(.takeAsRead(file))
        } else {
            earlier.since = now.monotonic
            actions.append(.hold(file.place, earlier))
        }
    }

    // MARK: What is not there

    /// What is remembered of files that are nowhere. What cannot be read now is not gone for that.
    private mutating func forgetGone() {
        // One listing more, and a look at each name; only when something was missing for the grace.
        lazy var isSteady = survey.isSteady()
        for (index, owner) in survey.memory.owners.enumerated() {
            guard case .known(let entry) = owner, entry.cursor.path == family,
                !survey.parts.contains(.same(index)), !survey.parts.contains(.copy(of: index))
            else { continue }
            let key = entry.cursor.key
            if survey.unreadable.contains(entry.cursor.id) || isUnmounted(entry.cursor) {
                actions.append(.notePresent(key))
            } else if mayBeUnread || survey.unclear.contains(entry.cursor.id) {
                // It may be one of those, so it is looked for until they can be read.
                actions.append(.notePresent(key))
                actions.append(.noteMissing(key))
            } else if (memory.known.missing[key] ?? now.monotonic) + settings.rotationGrace > now.monotonic {
                actions.append(.noteMissing(key))
            } else if isSteady {
                actions.append(.forget(entry))
            }  // Else the next scan looks again, which comes within the grace as long as one is missing.
        }
    }

    /// Nothing stands there, its device is not the one on which it would, and is mounted nowhere: it comes with its
    /// files.
    private func isUnmounted(_ cursor: FileCursor) -> Bool {
        guard survey.files.isEmpty, let device = survey.device, device != cursor.id.device else { return false }
        return !survey.isMounted(cursor.id.device)
    }

    /// Whether one of the files could not be looked at now.
    private var mayBeUnread: Bool {
        // One that could be read with a library, or with more memory.
        if !survey.failing.isEmpty || survey.files.contains(where: { $0.text.refusal != nil }) { return true }
        return survey.parts.contains { part in
            if case .unclear(_?) = part { true } else { false }
        }
    }

    // MARK: Which files are whose

    private func isRotated(_ file: FoundFile) -> Bool {
        !file.isAtPath && file.text.form != .otherCompression
            && isRotatedName(splitPath(file.place).name, of: splitPath(family).name)
    }

    private func isNew(_ file: FoundFile, _ floor: Int64) -> Bool {
        guard file.modifiedUnixNanoseconds > floor,
            !memory.isTooOld(file.id, file.modifiedUnixNanoseconds, settings, at: now)
        else { return false }
        // `app.log.1.gz` is a file of `app.log`, not of `app.log.1`.
        return !file.text.form.isCompressed || memory.rotatedFamily(of: family) == nil
    }

    /// After a restart: a file that was rotated a moment ago is still in its grace.
    private func mayHaveWriter(_ file: FoundFile) -> Bool {
        memory.isFirstScan && file.text.form == .plain
            && file.changedUnixNanoseconds > now.unixNanoseconds - settings.rotationGrace.nanoseconds
    }

    private func isPart(_ other: Path) -> Bool {
        let (directory, name) = splitPath(family)
        let (otherDirectory, otherName) = splitPath(other)
        return otherDirectory == directory && mayBeCopyName(otherName, of: name)
    }

    // MARK: Order

    /// The oldest first; of those written within one tick of the clock, the higher number is older.
    private static func isOlder(_ one: UnreadFile, than other: UnreadFile) -> Bool {
        let (first, second) = (one.file.modifiedUnixNanoseconds, other.file.modifiedUnixNanoseconds)
        return first != second ? first < second : isOlderName(one.file.place, other.file.place)
    }

    /// `app.log.10` is older than `app.log.9`; of dated names, which are equally long, the smaller is older.
    private static func isOlderName(_ one: Path, _ other: Path) -> Bool {
        let (one, other) = (withoutCompressionEnding(one), withoutCompressionEnding(other))
        if one.bytes.count != other.bytes.count { return one.bytes.count > other.bytes.count }
        let isDated = one.bytes.suffix(6).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return isDated ? one < other : one > other
    }
}
