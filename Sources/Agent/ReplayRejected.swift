// `vitals replay`: what lies in `rejected/` goes to its output once more, file by file, beside a running agent or
// without one. A line leaves its file when the receiver has it.

internal import Bytes
internal import Delivery
internal import Durable
package import Platform
internal import Settings

/// What was done with the files of one output.
package struct ReplayReport: Equatable, Sendable {
    package let output: String
    package var takenCount = 0
    /// Refused once more; they stay.
    package var refusedCount = 0
    /// Left alone since the receiver takes nothing at all; they stay.
    package var heldCount = 0
    /// Lines that the agent has not written so, or of inputs that the settings have no more; they stay.
    package var strangeCount = 0
    /// What is to be said, with the path in it.
    package var problems: [String] = []
}

/// Sends what was refused by the outputs called `names`, or by all.
///
/// - Throws: When there is no such output, or its settings are wrong.
package func replayRejected(
    _ settings: AgentSettings, parts: Parts, outputs names: [String], log: AgentLog
) throws(StartError) -> [ReplayReport] {
    for name in names where !settings.outputs.contains(where: { $0.name == name }) {
        let known = settings.outputs.map(\.name).joined(separator: ", ")
        throw .world("no output is called \(name); the settings have \(known.isEmpty ? "none" : known)")
    }
    let plugins = Plugins(parts, settings: settings, hostName: systemHostName(), log: log)
    var reports: [ReplayReport] = []
    for output in settings.outputs where names.isEmpty || names.contains(output.name) {
        var replayer = Replayer(output: output, settings: settings, plugins: plugins)
        do throws(SettingsError) { try replayer.run() } catch { throw .settings(error) }
        reports.append(replayer.report)
    }
    return reports
}

private struct Replayer {
    let output: PluginSettings
    let settings: AgentSettings
    let plugins: Plugins
    var report: ReplayReport
    /// By the name of the input.
    private var replays: [String: Replay] = [:]

    init(output: PluginSettings, settings: AgentSettings, plugins: Plugins) {
        self.output = output
        self.settings = settings
        self.plugins = plugins
        report = ReplayReport(output: output.name)
    }

    mutating func run() throws(SettingsError) {
        let directory = rejectedDirectory(of: output.name, in: settings.stateDirectory)
        var names: [String] = []
        do throws(Errno) { names = try textEntries(directory) } catch {
            // Nothing was ever refused.
            if error != .notFound { report.problems.append("\(directory): \(error)") }
        }
        for name in names.compactMap(RejectedFileName.init).sorted() {
            let file: HeldRejectedFile
            do throws(RejectedFileError) { file = try HeldRejectedFile(name.description, in: directory) } catch {
                report.problems.append(error.description)
                continue
            }
            guard try replay(file) else { return }
        }
    }

    /// False when there is no use in going on with other files.
    private mutating func replay(_ file: borrowing HeldRejectedFile) throws(SettingsError) -> Bool {
        var lines: [String: [(number: Int, line: RejectedLine)]] = [:]
        for (number, line) in file.lines.enumerated() {
            guard let rejected = line.rejected else { continue }
            lines[rejected.input, default: []].append((number, rejected))
        }
        var taken: Set<Int> = []
        var refused = 0
        var held = 0
        var stopped: String?
        for input in lines.keys.sorted() where stopped == nil {
            guard var replay = try makeReplay(for: input) else { continue }
            let outcome = replay.send(lines[input] ?? [], now: Moment.now.unixNanoseconds)
            replays[input] = replay
            taken.formUnion(outcome.taken)
            refused += outcome.refused.count
            held += outcome.held.count
            if let first = outcome.held.first {
                report.problems.append(
                    "\(file.path): the receiver refuses all that input \"\(String(printable: input))\" has there: "
                        + "\(first.reason); records left untried: \(outcome.held.count). Fix the settings or the "
                        + "receiver, and run replay again")
            }
            stopped = outcome.stopped
        }
        report.takenCount += taken.count
        report.refusedCount += refused
        report.heldCount += held
        if stopped == nil { report.strangeCount += file.lines.count - taken.count - refused - held }
        if let stopped { report.problems.append("\(file.path): stopped, and the rest stays: \(stopped)") }
        do throws(RejectedFileError) {
            try file.keep(file.lines.indices.filter { !taken.contains($0) })
        } catch {
            // What was sent stands there still: to go on would double more.
            report.problems.append("\(error); what was sent stays in it and would be sent twice")
            return false
        }
        return stopped == nil
    }

    /// Nil when the settings have no such input.
    private func makeReplay(for input: String) throws(SettingsError) -> Replay? {
        if let replay = replays[input] { return replay }
        guard let plugin = settings.inputs.first(where: { $0.name == input }) else { return nil }
        let (output, options) = try plugins.makeOutput(output, for: plugin)
        return Replay(output, options: options)
    }
}
