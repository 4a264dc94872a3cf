// `vitals check`: makes everything as a start would, tries what a start would run into, and changes nothing.

internal import Bytes
internal import Inputs
internal import Outputs
package import Platform
package import Settings

/// Everything `vitals check` has to say, in the order in which it is printed.
package struct CheckFindings: Sendable {
    /// `note` is nil-cost information; any `problem` makes the command fail.
    package enum Kind: String, Sendable { case note, problem }

    package private(set) var lines: [(kind: Kind, text: String)] = []

    package var problemCount: Int { lines.count { $0.kind == .problem } }

    package mutating func note(_ text: String) { lines.append((.note, text)) }
    package mutating func problem(_ text: String) { lines.append((.problem, text)) }

    mutating func add(_ report: CheckReport, _ subject: String) {
        for note in report.notes { self.note("\(subject): \(note)") }
        for problem in report.problems { self.problem("\(subject): \(problem)") }
    }
}

/// Making the plug-ins compiles every pattern and reads every section.
///
/// - Throws: `SettingsError` for the first setting that is wrong.
package func checkAgent(
    _ settings: AgentSettings, parts: Parts, log: AgentLog
) throws(SettingsError) -> CheckFindings {
    var findings = CheckFindings()
    let scraper = try makeScraper(settings, parts: parts, log: log)
    let names = scraper.collectors.filter(\.isEnabled).map(\.name)
    findings.note("collectors: \(names.isEmpty ? "none" : names.joined(separator: " "))")
    if var section = settings.endpoint {
        checkEndpoint(try EndpointSettings(&section), log: log, &findings)
    } else {
        findings.note("endpoint: none, since \"listen\" is empty")
    }

    let plugins = Plugins(parts, settings: settings, hostName: systemHostName(), log: log)
    for plugin in settings.inputs {
        var input = try plugins.makeInput(plugin, resume: nil, now: .now)
        findings.add(input.check(), "input \(plugin.name)")
    }
    for plugin in settings.outputs {
        var (output, _) = try plugins.makeOutput(plugin, for: settings.inputs.first)
        findings.add(output.check(), "output \(plugin.name)")
    }
    for route in settings.routes { findings.note("route: \(route.from) to \(route.to)") }
    for warning in settings.warnings { findings.note(warning) }
    if !settings.routes.isEmpty { checkStateDirectory(settings.stateDirectory, &findings) }
    return findings
}

/// The collectors of settings that are right as a whole: a command that needs only these still refuses what would not
/// start.
package func makeScraper(
    _ settings: AgentSettings, parts: Parts, log: AgentLog
) throws(SettingsError) -> Scraper {
    var section = settings.collectors
    let scraper = try Scraper(&section, host: settings.host, collectors: parts.collectors, log: log)
    if var section = settings.endpoint {
        _ = try Endpoint(
            &section, scraper: scraper, selfMetrics: { _ in }, status: { [] }, isReady: { false }, log: log)
    }
    try Plugins(parts, settings: settings, hostName: systemHostName(), log: log).validate(now: .now)
    return scraper
}

private func checkStateDirectory(_ path: String, _ findings: inout CheckFindings) {
    do throws(Errno) {
        guard try FileStatus(of: path).kind == .directory else {
            return findings.problem("state directory: \(path) is no directory")
        }
        if isWritable(path) {
            findings.note("state directory: \(path)")
        } else {
            findings.problem("state directory: \(path) may not be written by this user")
        }
    } catch {
        if error == .notFound {
            findings.note("state directory: \(path) is not there, and is made at the start")
        } else {
            findings.problem("state directory: \(path): \(error)")
        }
    }
}
