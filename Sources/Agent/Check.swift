// `vitals check`: makes everything as a start would, tries what a start would run into, and changes nothing.

internal import Bytes
internal import Collectors
internal import Delivery
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
    findings.note(collectorNote(scraper.collectors, parts))
    if var section = settings.endpoint {
        checkEndpoint(try EndpointSettings(&section), log: log, &findings)
    } else {
        findings.note("endpoint: none, since \"listen\" is empty")
    }

    for (key, path) in settings.hostPaths {
        guard let fault = hostFault(key, path) else { continue }
        if key == "udev" { findings.note(fault) } else { findings.problem(fault) }
    }
    let plugins = Plugins(parts, settings: settings, hostName: systemHostName(), log: log)
    let (inputs, outputs, feedback) = try plugins.makeAll(now: .now)
    for (plugin, input) in zip(settings.inputs, inputs) {
        var input = input
        findings.add(input.check(), "input \(plugin.name)")
        guard settings.isInRoute(plugin) else { continue }
        checkAddresses(
            input.addresses, of: "input \(plugin.name)", lock: "\(settings.stateDirectory)/lock", &findings)
    }
    for (plugin, output) in zip(settings.outputs, outputs) {
        var output = output
        findings.add(output.check(), "output \(plugin.name)")
    }
    for back in feedback { findings.note(back.description) }
    let (asked, plan) = (try plugins.askedOptions(), try plugins.memoryPlan())
    for (index, route) in settings.routes.enumerated() {
        findings.note("route: \(route.from) to \(route.to)\(batchNote(asked[index], plan.routes[index]))")
    }
    for warning in settings.warnings + leftBehind(settings) { findings.note(warning) }
    let threads = ThreadPlan(routes: asked.map(\.threadCount), extra: settings.extraThreads).needed
    let available = availableThreads(upTo: threads)
    if available < threads {
        findings.problem(
            "threads: the settings need up to \(threads), and \(available) can be had; "
                + "raise the limit, which is \(threadLimitText(needed: threads))")
    }
    if !settings.routes.isEmpty { checkStateDirectory(settings.stateDirectory, &findings) }
    return findings
}

/// How many are enabled, and by name only what the settings have changed: `vitals collectors` lists them all.
private func collectorNote(_ collectors: [CollectorState], _ parts: Parts) -> String {
    let defaults = Set(parts.collectors.filter { $0.isEnabledByDefault }.map { $0.name })
    let added = collectors.filter { $0.isEnabled && !defaults.contains($0.name) }.map(\.name)
    let removed = collectors.filter { !$0.isEnabled && defaults.contains($0.name) }.map(\.name)
    var text = "collectors: \(collectors.count(where: \.isEnabled)) of \(collectors.count) are enabled"
    if !added.isEmpty { text += "; besides the defaults: \(added.joined(separator: " "))" }
    if !removed.isEmpty { text += "; of the defaults not: \(removed.joined(separator: " "))" }
    return text
}

/// The collectors of settings that are right as a whole: a command that needs only these still refuses what would not
/// start. Those of `asked` are there whether the settings enable them or not.
package func makeScraper(
    _ settings: AgentSettings, parts: Parts, asked: [String] = [], log: AgentLog
) throws(SettingsError) -> Scraper {
    var section = settings.collectors
    let scraper = try Scraper(&section, host: settings.host, collectors: parts.collectors, log: log, asked: asked)
    if var section = settings.endpoint {
        _ = try Endpoint(
            &section, scraper: scraper, selfMetrics: { _ in }, status: { [] }, isReady: { false }, log: log)
    }
    try Plugins(parts, settings: settings, hostName: systemHostName(), log: log).validate(now: .now)
    return scraper
}

/// What a container's settings name and nobody has mounted, and a /proc that is not there or that hides the kernel's
/// tables (a chroot, `subset=pid`). udev's data base is missing on many hosts.
private func hostFault(_ key: String, _ path: String) -> String? {
    do throws(Errno) {
        guard try FileStatus(of: path).kind == .directory else { return "host.\(key): \(path) is no directory" }
    } catch {
        return "host.\(key): \(path): \(error)"
    }
    guard path == "/proc" else { return nil }
    do throws(Errno) { _ = try FileStatus(of: "/proc/stat") } catch {
        return "host.\(key): /proc/stat: \(error): proc is not mounted there, or hides what is not a process"
    }
    return nil
}

/// Those that the agent does not get by without: most collectors have nothing to read then.
package func hostFaults(_ settings: AgentSettings) -> [String] {
    settings.hostPaths.compactMap { key, path in key == "udev" ? nil : hostFault(key, path) }
}

private func checkStateDirectory(_ path: String, _ findings: inout CheckFindings) {
    do throws(DirectoryFault) { try tryDirectory(path) } catch {
        return findings.problem("state directory: \(path) cannot be used: \(error)")
    }
    guard kind(of: path) != nil else {
        return findings.note("state directory: \(path) is not there, and is made at the start")
    }
    findings.note("state directory: \(path)")
    for name in ["cursors", "rejected", "spool"] {
        guard let kind = kind(of: "\(path)/\(name)") else { continue }
        guard kind == .directory else {
            findings.problem("state directory: \(path)/\(name) is no directory")
            continue
        }
        do throws(DirectoryFault) { try tryDirectory("\(path)/\(name)") } catch {
            findings.problem("state directory: \(error)")
        }
    }
    if let kind = kind(of: "\(path)/lock"), kind != .regular {
        findings.problem("state directory: \(path)/lock is no regular file")
    }
}

/// nil for what is not there, or cannot be looked at: trying to use it says why.
private func kind(of path: String) -> FileStatus.Kind? {
    do throws(Errno) { return try FileStatus(of: path).kind } catch { return nil }
}

/// Said behind a route when the memory for all routes is too little for the batches that its output is set to.
private func batchNote(_ asked: RouteOptions, _ given: RouteOptions) -> String {
    guard given.batchBytes < asked.batchBytes || given.batchRecords < asked.batchRecords else { return "" }
    let size = "\(given.batchBytes >> 10)KiB and \(given.batchRecords) records"
    let set = "\(sizeText(asked.batchBytes)) and \(asked.batchRecords)"
    return "; batches of \(size) instead of \(set), within \"delivery.memory_limit\""
}
