// The options of a `file` input.

internal import Bytes
internal import Logs
internal import Settings

struct FileInputSettings {
    enum StartAt: String, CaseIterable { case beginning, end }

    let paths: [Glob]
    let exclude: [Glob]
    let startAt: StartAt
    let followSymlinks: FollowSymlinks
    /// Rotated files that are there when a path is first seen are read as well.
    let fromRotated: Bool
    /// What has not changed for longer is not begun.
    let ignoreOlder: Duration?
    /// How long a rotated file that was acknowledged to its end must be unchanged to be removed; nil: never.
    let removeAfter: Duration?
    let encoding: TextEncoding
    let lineEnd: LineEnd
    let lineLimit: Int
    let partialLineTimeout: Duration
    let rotationGrace: Duration
    /// Directories into which rotation moves files, besides their own.
    let rotatedTo: [RotatedTo]
    /// A file that was quiet for so long is closed, so that its device can be unmounted.
    let idleClose: Duration
    let rescanInterval: Duration
    let fileLimit: Int

    init(_ section: inout SettingsSection) throws(SettingsError) {
        paths = try Self.globs("paths", try section.strings("paths"), section)
        for (index, glob) in paths.enumerated()
        where !glob.alternatives.allSatisfy({ $0.first == .literal([]) && $0.count > 1 }) {
            throw section.error(
                at: "paths", element: index, "expected a path that begins with a slash, not \"\(glob.text)\"")
        }
        exclude = try Self.globs("exclude", try section.strings("exclude", default: []), section)
        startAt = try section.choice("start_at", default: .beginning)
        followSymlinks = try section.choice("follow_symlinks", default: .safe)
        fromRotated = try section.bool("from_rotated", default: false)
        guard !fromRotated || startAt == .beginning else {
            throw section.error(at: "from_rotated", "rotated files come before the end at which \"start_at\" begins")
        }
        ignoreOlder = try Self.age("ignore_older", &section)
        removeAfter = try Self.removal(&section)
        encoding = try section.choice("encoding", default: .utf8)
        lineEnd = try section.choice("line_end", default: .lf)
        lineLimit = try section.size("line_limit", default: 256 << 10, in: 1 << 10...16 << 20)
        let waits: ClosedRange<Duration> = .milliseconds(10)...(.seconds(86_400))
        partialLineTimeout = try section.duration("partial_line_timeout", default: .seconds(5), in: waits)
        rotationGrace = try section.duration("rotation_grace", default: .seconds(10), in: waits)
        rotatedTo = try Self.directories("rotated_to", &section)
        idleClose = try section.duration("idle_close", default: .seconds(300), in: waits)
        // Behind inotify, which reports its own overflow; a network file system may want it shorter.
        rescanInterval = try section.duration("rescan_interval", default: .seconds(60), in: waits)
        // A file that is followed costs about 1 KiB; a pattern that finds more is likely a mistake.
        fileLimit = try section.integer("file_limit", default: 10_000, in: 1...1_000_000)
    }

    private static let ages: ClosedRange<Duration> = .seconds(1)...(.seconds(3_650 * 86_400))

    private static func age(_ key: String, _ section: inout SettingsSection) throws(SettingsError) -> Duration? {
        guard section.has(key) else { return nil }
        return try section.duration(key, default: .zero, in: ages)
    }

    /// `"acknowledged"`, or a duration.
    private static func removal(_ section: inout SettingsSection) throws(SettingsError) -> Duration? {
        var word = section
        if case .string("acknowledged") = word.value("remove_after")?.content {
            section = word
            return .zero
        }
        return try age("remove_after", &section)
    }

    private static func directories(
        _ key: String, _ section: inout SettingsSection
    ) throws(SettingsError) -> [RotatedTo] {
        var directories: [RotatedTo] = []
        for (index, text) in try section.strings(key, default: []).enumerated() {
            do throws(GlobError) { directories.append(try RotatedTo(text)) } catch {
                throw section.error(at: key, element: index, error.description)
            }
        }
        return directories
    }

    private static func globs(
        _ key: String, _ texts: [String], _ section: SettingsSection
    ) throws(SettingsError) -> [Glob] {
        var globs: [Glob] = []
        for (index, text) in texts.enumerated() {
            do throws(GlobError) { globs.append(try Glob(text)) } catch {
                throw section.error(at: key, element: index, error.description)
            }
        }
        return globs
    }

    /// An `exclude` without a slash is one for names in any directory.
    func matches(_ path: Path) -> Bool { paths.contains { $0.matches(path) } && !excludes(path) }

    /// Whether a path that `paths` match is left out.
    func excludes(_ path: Path) -> Bool {
        if exclude.isEmpty { return false }
        let name = path.name
        return exclude.contains { glob in
            glob.matches(glob.alternatives.allSatisfy { $0.count == 1 } ? name : path)
        }
    }
}

extension Glob {
    /// The pattern as it is written, by which it is told from others: `String` would take two for one.
    var bytes: Path { Path(text) }
}
