// Metrics that other programs leave in files: `*.prom` in the text format 0.0.4, see Metrics/ExpositionText.swift.
//
// What Vitals itself serves comes first: a series from a file that it serves too, or a family of another type, is
// left out where the whole exposition is known, in the scraper, and reported here under the reasons that begin with
// `served_`.

internal import Bytes
package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Serves the files of some directories, and says of each what could not be served.
package struct TextfileCollector: Collector {
    package static let name = "textfile"
    package static let isEnabledByDefault = true
    package static let metrics = [modified, scrapeError, problemLine, problemCount]

    static let modified = MetricDescriptor(
        "node_textfile_mtime_seconds", .gauge, labels: ["file"],
        help: "When a file was last written, in seconds since 1970.")
    static let scrapeError = MetricDescriptor(
        "node_textfile_scrape_error", .gauge,
        help: "1 when a directory, a file or a line is not served; vitals_textfile_problem says which and why.")
    static let problemLine = MetricDescriptor(
        "vitals_textfile_problem", .gauge, labels: ["file", "reason"],
        help: "The first line of a file that is not served, by reason; 0 when it is the whole file.")
    static let problemCount = MetricDescriptor(
        "vitals_textfile_lines_left_out", .gauge, labels: ["file", "reason"],
        help: "Lines of a file that are not served, by reason.")

    /// Seconds since 1970 in nanoseconds.
    var now: () -> Int64 = { Moment.now.unixNanoseconds }
    private var files: MetricFiles
    private var merged = MergedExpositions()
    private var lineProblems:
        [(path: String, problem: ExpositionProblem, lines: ProblemLines<ExpositionProblem>.Lines)] =
            []
    /// Files of which nothing could be read, by their place in `merged`.
    private var unread: Set<Int> = []

    /// `directory` is one or a list, as node_exporter's option; `directories` is a list.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        var globs: [Glob] = []
        for key in ["directory", "directories"] {
            let at = section.value(key)
            for (path, value) in try Self.texts(at, section.pathOf(key)) {
                guard path.hasPrefix("/") else { throw value.error(section.pathOf(key), "expected an absolute path") }
                do throws(GlobError) { globs.append(try Glob(Self.trimmed(path))) } catch {
                    throw value.error(section.pathOf(key), error.description)
                }
            }
        }
        let age = try section.duration("max_age", default: .zero, in: .seconds(1)...(.seconds(3_650 * 86_400)))
        files = MetricFiles(globs, maximumAge: age == .zero ? nil : age)
    }

    private static func texts(
        _ value: SettingsValue?, _ path: String
    ) throws(SettingsError) -> [(String, SettingsValue)] {
        guard let value else { return [] }
        var elements = [value]
        if case .array(let list) = value.content { elements = list }
        var texts: [(String, SettingsValue)] = []
        for element in elements {
            guard case .string(let text) = element.content else {
                throw element.error(path, "expected a directory in quotes, or a list of them")
            }
            texts.append((text, element))
        }
        return texts
    }

    private static func trimmed(_ path: String) -> String {
        path.utf8.count > 1 && path.hasSuffix("/") ? trimmed(String(path.dropLast())) : path
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        if files.refresh(now: now()) {
            merged.merge(files.files.filter { !$0.isStale }.map { ($0.path.label, $0.text) })
            lineProblems = Self.sorted(zip(merged.origins.files, merged.problems))
            unread = Self.unread(merged)
        }
        var isReadable = true
        var number = 0
        for file in files.files {
            if !file.isStale { number += 1 }
            if !file.isStale, unread.contains(number - 1) { continue }
            // Whole seconds, as node_exporter serves them.
            snapshot.add(Self.modified, Double(file.status.modifiedUnixNanoseconds / 1_000_000_000), file.path.label)
        }
        for (path, problem) in files.problems {
            snapshot.add(Self.problemLine, 0, path.label, problem.rawValue)
            if problem != .stale { isReadable = false }
        }
        for (path, problem, lines) in lineProblems {
            Self.add(path, problem.rawValue, lines, to: &snapshot)
            isReadable = false
        }
        snapshot.add(Self.scrapeError, isReadable ? 0 : 1)
        merged.add(to: &snapshot)
    }

    /// Those of which nothing could be read, by their place in `merged`. A file without samples is no such one.
    private static func unread(_ merged: MergedExpositions) -> Set<Int> {
        let served = Set(merged.origins.places.map(\.file))
        let unread = merged.problems.indices.filter { index in
            let problems = merged.problems[index].lines.keys
            return !problems.isEmpty && problems.allSatisfy { $0 == .syntax || $0 == .timestamp }
        }
        return Set(unread).subtracting(served)
    }

    private static func sorted(
        _ problems: some Sequence<(String, ProblemLines<ExpositionProblem>)>
    ) -> [(path: String, problem: ExpositionProblem, lines: ProblemLines<ExpositionProblem>.Lines)] {
        problems.flatMap { path, problems in
            ExpositionProblem.allCases.compactMap { problem in problems.lines[problem].map { (path, problem, $0) } }
        }
    }

    private static func add<Reason>(
        _ path: String, _ reason: String, _ lines: ProblemLines<Reason>.Lines, to snapshot: inout Snapshot
    ) {
        snapshot.add(problemLine, Double(lines.first), path, reason)
        snapshot.add(problemCount, Double(lines.count), path, reason)
    }

    /// Says which lines of files cannot be served beside what else is, as the encoder found.
    package static func report(_ refusals: [Refusal], in snapshots: inout [Snapshot], into last: Int) {
        var problems: [Int: [Int: ProblemLines<String>]] = [:]
        for refusal in refusals {
            guard let place = snapshots[refusal.snapshot].origins?.place(ofSample: refusal.sample) else { continue }
            let reason =
                switch refusal.reason {
                case .otherKind: "served_as_another_type"
                case .servedAlready: "served_by_vitals"
                case .escapedName: "escaped_name"
                case .repairedLabel: "duplicate"
                }
            problems[refusal.snapshot, default: [:]][place.file, default: ProblemLines()]
                .note(reason, line: place.line)
        }
        for (number, files) in problems.sorted(by: { $0.key < $1.key }) {
            snapshots[number].replace(scrapeError, 1)
            guard let origins = snapshots[number].origins else { continue }
            for (file, problems) in files.sorted(by: { $0.key < $1.key }) {
                for (reason, lines) in problems.lines.sorted(by: { $0.key < $1.key }) {
                    add(origins.files[file], reason, lines, to: &snapshots[last])
                }
            }
        }
    }
}
