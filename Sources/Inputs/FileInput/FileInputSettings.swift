// The options of a `file` input.

internal import Bytes
internal import Logs
internal import Settings

struct FileInputSettings {
    enum StartAt: String, CaseIterable { case beginning, end }

    let paths: [Glob]
    let exclude: [Glob]
    let startAt: StartAt
    let lineLimit: Int
    let partialLineTimeout: Duration
    let rotationGrace: Duration
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
        lineLimit = try section.size("line_limit", default: 256 << 10, in: 1 << 10...16 << 20)
        let waits: ClosedRange<Duration> = .milliseconds(10)...(.seconds(86_400))
        partialLineTimeout = try section.duration("partial_line_timeout", default: .seconds(5), in: waits)
        rotationGrace = try section.duration("rotation_grace", default: .seconds(10), in: waits)
        // Behind inotify, which reports its own overflow; a network file system may want it shorter.
        rescanInterval = try section.duration("rescan_interval", default: .seconds(60), in: waits)
        // A file that is followed costs about 1 KiB; a pattern that finds more is likely a mistake.
        fileLimit = try section.integer("file_limit", default: 10_000, in: 1...1_000_000)
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
    func matches(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        guard paths.contains(where: { $0.matches(bytes) }) else { return false }
        let name = Array(splitPath(path).name.utf8)
        return !exclude.contains { glob in
            glob.matches(glob.alternatives.allSatisfy { $0.count == 1 } ? name : bytes)
        }
    }
}
