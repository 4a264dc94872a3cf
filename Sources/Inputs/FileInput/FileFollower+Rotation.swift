// Files that were rotated: looks at what stands beside a path, asks RotationPlan, and does what it says.

internal import Bytes
internal import Logs
internal import Platform

extension FileFollower {
    /// A new file beside one that is followed: rotation may have put it there while nobody looked.
    func examineSibling(_ place: Path, at now: Moment) {
        guard tails.at(place) == nil, let family = memory.rotatedFamily(of: place, settings)
        else { return }
        do throws(Errno) {
            let status = try FileStatus(of: place)
            if tails.with(status.id) != nil { return }
            if status.sizeBytes > 0 { return catchUp(family, at: now) }
        } catch {
            if error.isAbsence { return }
            problems.report(place, error)
        }
        // It is looked at again after the grace.
        memory.hold(place, HeldFile(family: family, since: now.monotonic, sizeBytes: 0))
    }

    /// Finds what became of the files that stood at `family`.
    func catchUp(_ family: Path, at now: Moment) {
        let isFirst = memory.meet(family)
        let isOurs = tails.has(family) || memory.isOurs(family)
        // A copy must be known for one before it is taken for a file that was rotated.
        let hasLeft = giveUpTruncated(family, at: now)
        guard isFirst || isOurs else { return }
        guard let places = places(of: family) else { return memory.forgetSiblings(of: family) }
        if isFirst, places == [family], isAsRemembered(family) { return }
        let path = links.path(to: family)
        let (actions, isMoved) = plan(places, of: family, path: path, isOurs: isOurs, at: now)
        for action in actions { apply(action, of: family, at: now) }
        if hasLeft || isMoved { examine(path, at: now) }
    }

    /// A function of its own: as long as the plan is there, it shares the memory, which each change would then copy.
    private func plan(
        _ places: [Path], of family: Path, path: Path, isOurs: Bool, at now: Moment
    ) -> (actions: [FileAction], hasLeft: Bool) {
        let plan = RotationPlan(survey(places, of: family), memory, settings, path: path, isOurs: isOurs, at: now)
        return (plan.actions, plan.hasLeft)
    }

    /// At the start: nothing stands beside a path, and at it the one file that is remembered. Whether that is it indeed
    /// is seen when it is taken over.
    private func isAsRemembered(_ family: Path) -> Bool {
        let entries = memory.known.of(family)
        guard memory.isFirstScan, entries.count == 1, settings.matches(links.path(to: family)) else { return false }
        do throws(Errno) { return try FileStatus(ofLink: family).id == entries[0].cursor.id } catch { return false }
    }

    private func giveUpTruncated(_ family: Path, at now: Moment) -> Bool {
        let truncated = tails.of(family).filter {
            switch $0.content(through: &buffers) {
            case .other, .unwritten: true
            // Reading it will fail too, and say so.
            case .same, .unreadable: false
            }
        }
        for tail in truncated { giveUpContent(of: tail, at: now) }
        return !truncated.isEmpty
    }

    private func apply(_ action: FileAction, of family: Path, at now: Moment) {
        switch action {
        case .goOn(let tail, let file, let isSame):
            if move(tail, to: file), isSame, file.isAtPath { tail.stage.isAway = false }
        case .rejoin(let tail, let place): rejoin(tail, at: place)
        case .revive(let tail, let file): revive(tail, in: file)
        case .read(let files): read(files, of: family, at: now)
        case .remember(let cursor, let tail, let loss, let old, let isNew):
            if let old { memory.known.remove(old) }
            if isNew {
                tail?.setKnown(cursor.key)
                cursorVersion += 1
            }
            memory.known.insert(cursor, tail: tail, loss: loss)
        case .notePresent(let key): memory.known.notePresent(key)
        case .noteMissing(let key): if memory.known[key] != nil { noteMissing(key, at: now) }
        case .forget(let entry):
            guard memory.known[entry.cursor.key] != nil else { break }
            problems.log.debug(
                "forgets a file that is gone",
                ["path": family.repaired, "inode": "\(entry.cursor.id.inode)", "read_to": "\(entry.cursor.offset)"])
            turns.scan(by: now.monotonic)
            memory.known.remove(entry.cursor.key)
            cursorVersion += 1
            problems.countLost(entry.cursor, entry.loss)
        case .hold(let place, let file): memory.hold(place, file)
        case .letGo(let place): memory.letGo(place)
        case .takeAsRead(let file): takeAsRead(file, of: family)
        case .setFloor(let time): memory.setFloor(of: family, time)
        }
    }

    /// Notes where a file that is followed stands now. The event that tells so may still be to come, and what is newer
    /// must not be read before it.
    private func rejoin(_ tail: Tail, at place: Path) {
        guard !tail.isFinished, tail.place != place, tail.place.map({ !leads($0, to: tail) }) ?? true else { return }
        if tail.place != nil, tail.family != place { leave(tail) }
        tails.put(tail, at: place)
    }

    /// Of two hard links, the first one stays.
    private func leads(_ place: Path, to tail: Tail) -> Bool {
        do throws(Errno) { return try FileStatus(of: place).id == tail.id } catch { return false }
    }

    /// A finished file that was written to once more, or goes on in a copy, before its last record was acknowledged.
    func revive(_ tail: Tail, in found: FoundFile) {
        guard move(tail, to: found) else { return }
        if let key = tail.reading?.knownKey { memory.known.remove(key) }
        tail.setKnown(nil)
        tails.revive(tail)
        turns.add(tail)
    }

    private func takeAsRead(_ file: FoundFile, of family: Path) {
        memory.letGo(file.place)
        let size = file.text.sizeBytes
        let print = FilePrint(of: file.text, seen: size)
        memory.known.insert(
            FileCursor(
                path: family, identity: FileIdentity(id: file.id, born: file.born, print: print), offset: size,
                sizeBytes: size))
        cursorVersion += 1
    }

    private func read(_ files: [UnreadFile], of family: Path, at now: Moment) {
        var before = tails.lastRotated(of: family)
        for next in files {
            let (place, text) = (next.file.place, next.file.text)
            var own = next.cursor
            own.identity.take(numbersOf: next.file)
            if text.form.isCompressed { own.sizeBytes = max(own.sizeBytes, text.sizeBytes) }
            do throws(TailFailure) {
                let file = try settings.open(place)
                problems.forgetUnreadable(place)
                let status: FileStatus
                do throws(Errno) { status = try file.status() } catch { throw .system(error) }
                // Renamed meanwhile: the event that tells so is on its way.
                guard status.id == next.file.id, tails.with(status.id) == nil else { continue }
                if let key = next.key { memory.known.remove(key) }
                let tail = follow(
                    file, status, path: links.path(to: family), family: family, place: place, cursor: own,
                    isCompressed: text.form.isCompressed, at: now)
                tail.note(text)
                tail.stage.isAway = true
                if let before { tail.wake().predecessor = before }
                before = tail
                problems.log.debug(
                    "reads a rotated file",
                    ["place": place.repaired, "inode": "\(own.id.inode)", "from_byte": "\(own.offset)"])
            } catch {
                problems.report(place, error)
                memory.forgetSiblings(of: family)
            }
        }
        // The one that stands there now is newer than all of them.
        if let live = tails.at(family), !live.isAway, live.readOffset == 0, let before, before !== live {
            live.wake().predecessor = before
        }
    }
}
