// The `file` input: follows log files through appends, renames, copies and truncation. Design section 7 has the table
// of what happens to a file and what the reader does; docs/rotation.md explains it.

package import Bytes
package import Durable
package import Logs
package import Platform
package import Settings

/// Follows log files. The work is FileFollower's.
package struct FileInput: Input {
    package static let type = "file"

    /// Files that `check` names for each glob; the rest is a number.
    private static let checkedNamesLimit = 20
    /// Problems that `status` names; the rest is a number.
    private static let problemsLimit = 20

    let follower: FileFollower

    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        follower = FileFollower(
            try FileInputSettings(&section), resume: context.resume, log: context.log, now: context.now,
            readBytes: context.readBytes)
    }

    /// For tests.
    init(follower: FileFollower) { self.follower = follower }

    package var removesFiles: Bool { follower.settings.removeAfter != nil }

    package static func recordByteLimit(_ section: inout SettingsSection) throws(SettingsError) -> Int {
        try FileInputSettings(&section).lineLimit
    }

    package var wakeDescriptor: Int32? { follower.watcher.inotify?.descriptor }

    package mutating func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        follower.read(into: &batch, at: now)
    }

    package mutating func lookAround(at now: Moment) { follower.lookAround(at: now) }

    package mutating func acknowledge(_ position: Position) { follower.acknowledge(position) }

    package var cursorVersion: UInt64 { follower.cursorVersion }

    package mutating func takeCursorChanges(into lines: inout CursorLines) { follower.takeCursorChanges(into: &lines) }

    package var cursorPartCount: Int { follower.cursorPartCount }

    package func writeCursor(into lines: inout CursorLines, part: Int, of partCount: Int) {
        follower.writeCursor(into: &lines, part: part, of: partCount)
    }

    package mutating func close() { follower.wantSizes() }

    package func status(at now: Moment) -> InputStatus {
        var status = InputStatus()
        status.lagBytes = follower.tails.values.reduce(0) { $0 + $1.lagBytes }
        status.sourceCount = follower.tails.count
        status.counts = FileCount.allCases.map { ($0.rawValue, follower.problems.counts[$0] ?? 0) }
        var problems = follower.problems.unreadable.map { "\($0.key): \($0.value)" }
        problems += follower.problems.unremovable.map { "\($0.key): cannot be removed: \($0.value)" }
        problems += follower.compressedProblems
        problems += follower.problems.directories.map { "\($0.path): \($0.errno)" }
        problems += follower.watcher.faults.byReason.map { reason, count, first in
            let others = count > 1 ? " and \(count - 1) other directories" : ""
            return "\(first)\(others): cannot be watched (\(watchFault(reason))), looked at instead"
        }
        if follower.tails.count >= follower.settings.fileLimit {
            problems.append("file_limit reached: more than \(follower.settings.fileLimit) files match")
        }
        status.problems = Self.bounded(problems.sorted(), Self.problemsLimit)
        return status
    }

    /// By name, and by whatever symbolic links and mounts lead to the same place.
    package func filesRead(among paths: [Path]) -> [Path] {
        let settings = follower.settings
        var read = Set(paths.filter(settings.matches))
        var byDirectory: [FileID: [Path]] = [:]
        var byFile: [FileID: Path] = [:]
        for path in paths where !read.contains(path) {
            let directory = splitPath(path).directory
            if let id = Self.id(directory) { byDirectory[id, default: []].append(path) }
            if let id = Self.id(path) { byFile[id] = path }
        }
        guard !byDirectory.isEmpty else { return paths.filter(read.contains) }
        let finder = FileFinder(settings.paths)
        for directory in finder.directories.keys {
            guard let id = Self.id(directory), let there = byDirectory[id] else { continue }
            read.formUnion(there.filter { settings.matches(directory / $0.name) })
        }
        if !byFile.isEmpty {
            read.formUnion(finder.paths.filter(settings.matches).compactMap { Self.id($0).flatMap { byFile[$0] } })
        }
        return paths.filter(read.contains)
    }

    /// nil for what is not there: nothing else leads to it yet.
    private static func id(_ path: Path) -> FileID? {
        do throws(Errno) { return try FileStatus(of: path).id } catch { return nil }
    }

    package mutating func check() -> CheckReport {
        var report = CheckReport()
        for glob in follower.settings.paths {
            let finder = FileFinder([glob])
            var problems: [String] = []
            let paths = finder.paths.filter { path in
                guard follower.settings.matches(path) else { return false }
                if let refusal = follower.links.refusal(of: path, standing(at: path)) {
                    problems.append("\(path): \(refusal)")
                    return false
                }
                do throws(Errno) { return try FileStatus(of: path).kind == .regular } catch {
                    if !error.isAbsence { problems.append("\(path): \(error)") }
                    return false
                }
            }
            report.notes.append("\(glob.text): \(paths.count) \(paths.count == 1 ? "file" : "files")")
            report.notes += Self.bounded(paths.map { "  \($0)" }, Self.checkedNamesLimit)
            for path in paths {
                do throws(Errno) {
                    if try File(reading: path).hasMoreThanItsSize() {
                        problems.append("\(path): \(TailFailure.sizeIsWrong)")
                    }
                } catch { problems.append("\(path): \(error)") }
            }
            problems += finder.errors.map { "\($0.path): \($0.errno)" }
            if removesFiles {
                for directory in Set(paths.map { splitPath($0).directory }).sorted() {
                    do throws(DirectoryFault) { try tryDirectory(directory) } catch {
                        problems.append("\(directory): files cannot be removed: \(error.errno)")
                    }
                }
            }
            report.problems += Self.bounded(problems, Self.problemsLimit)
        }
        return report
    }

    private static func bounded(_ lines: [String], _ limit: Int) -> [String] {
        lines.count <= limit ? lines : lines.prefix(limit) + ["and \(lines.count - limit) more"]
    }
}
