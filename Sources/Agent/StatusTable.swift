// `vitals status`: the JSON of Status.swift as a table for people.

internal import Bytes

/// What is printed; nil when `bytes` is no status of an agent.
package func statusTable(_ bytes: [UInt8]) -> String? {
    let status: JSONValue
    do throws(JSONError) { status = try parseJSON(bytes) } catch { return nil }
    guard let version = status["version"].map(plain), let host = status["host"].map(plain),
        let state = status["state"].map(plain), let routes = status["routes"]?.array
    else { return nil }
    let uptime = uptimeText(status["uptime_seconds"]?.double ?? 0)
    let process = status["process_id"]?.unsigned.map { ", process \($0)" } ?? ""
    var text = "vitals \(version) on \(host)\(process), \(state) for \(uptime)\n"
    if let health = status["health"]?.string, health != "ok" { text += "NOT OK: \(plain(status["health"]))\n" }
    for warning in status["warnings"]?.array ?? [] { text += "warning: \(plain(warning))\n" }
    for problem in status["problems"]?.array ?? [] { text += "problem: \(plain(problem))\n" }
    for collector in status["collectors"]?.array ?? [] {
        let status = collector["status"].map(plain) ?? "?"
        guard status == "failed" || status == "late" else { continue }
        text += "collector \(plain(collector["name"])) is \(status): \(plain(collector["reason"]))\n"
    }
    guard !routes.isEmpty else { return text + "no routes\n" }
    var rows = [
        ["INPUT", "OUTPUT", "STATE", "READ", "ACKNOWLEDGED", "LAG BYTES", "LAG", "RETRIES", "REJECTED", "LOST"]
    ]
    for route in routes { rows.append(row(route)) }
    text += "\n" + table(rows, leftColumns: 3)
    let details = routes.flatMap(details)
    if !details.isEmpty { text += "\n" + details.map { "\($0)\n" }.joined() }
    return text
}

/// Whether an agent says that all is well; true for one of an earlier version, which does not say.
package func isHealthy(_ bytes: [UInt8]) -> Bool {
    do throws(JSONError) { return try parseJSON(bytes)["health"]?.string ?? "ok" == "ok" } catch { return false }
}

/// Of `records_dropped`, what the settings want left out: nobody misses it.
private let leftOutReasons: Set<String> = ["filter", "sample", "rate_limit"]
/// Events of an input that are whole records which nobody gets. The alert VitalsLostLogs has them too.
private let lossEvents: Set<String> = [
    "spool_dropped", "spool_dropped_unstored", "spool_damaged", "datagram_lost", "entry_lost",
]

/// Records that somebody may miss.
private func losses(_ route: JSONValue) -> [(reason: String, count: UInt64)] {
    counts(route["records_dropped"]).filter { !leftOutReasons.contains($0.reason) }
        + counts(route["events"]).filter { lossEvents.contains($0.reason) && $0.count > 0 }
}

private func row(_ route: JSONValue) -> [String] {
    let lost = losses(route).reduce(0) { $0 &+ $1.count }
    return [
        plain(route["input"]), plain(route["output"]), plain(route["state"]),
        number(route["records_read"]), number(route["records_acknowledged"]),
        route["lag_bytes"].flatMap(\.unsigned).map(bytesText) ?? "-",
        route["lag_seconds"].flatMap(\.double).map { $0 == 0 ? "0" : "\(tenths($0)) s" } ?? "-",
        number(route["retries"]), number(route["records_rejected"]), "\(lost)",
    ]
}

/// What does not fit a column: each on a line that begins with its route.
private func details(_ route: JSONValue) -> [String] {
    let name = "\(plain(route["input"])) -> \(plain(route["output"]))"
    var lines: [String] = []
    if let state = route["state"]?.string, state != "ok" {
        let address = route["address"]?.string ?? ""
        var parts = address.isEmpty ? [] : ["sends to \(plain(route["address"]))"]
        let success = route["last_success"]
        parts.append("last success: \(success?.string == nil ? "none yet" : plain(success))")
        if let next = route["next_try"], next.string != nil { parts.append("next try: \(plain(next))") }
        lines.append("\(name): \(parts.joined(separator: "; "))")
    }
    if let error = route["last_error"], let message = error["message"] {
        lines.append("\(name): last error at \(plain(error["at"])): \(plain(message))")
    }
    if let damaged = route["cursor_files_damaged"]?.unsigned, damaged > 0 {
        let files = damaged == 1 ? "a cursor file" : "\(damaged) cursor files"
        lines.append("\(name): \(files) could not be used at the start: what was sent before may be sent again")
    }
    if let damaged = route["cursor_lines_damaged"]?.unsigned, damaged > 0 {
        lines.append("\(name): lines of the cursor file that were damaged at the start: \(damaged)")
    }
    if let failures = route["cursor_save_failures"]?.unsigned, failures > 0 {
        lines.append("\(name): the cursor could not be saved \(failures) times")
    }
    for problem in route["problems"]?.array ?? [] { lines.append("\(name): problem: \(plain(problem))") }
    for (reason, count) in losses(route) { lines.append("\(name): lost: \(count) \(reason)") }
    for (reason, count) in counts(route["records_dropped"]) where leftOutReasons.contains(reason) {
        lines.append("\(name): left out: \(count) \(reason)")
    }
    for (reason, count) in counts(route["events"]) where count > 0 && !lossEvents.contains(reason) {
        lines.append("\(name): \(reason): \(count)")
    }
    return lines
}

private func counts(_ value: JSONValue?) -> [(reason: String, count: UInt64)] {
    guard case .object(let members)? = value?.content else { return [] }
    return members.map { (String(printable: $0.key), $0.value.unsigned ?? 0) }
}

/// The texts come from receivers and from names of files.
private func plain(_ value: JSONValue?) -> String {
    guard var text = value?.string else { return "?" }
    // An answer of a receiver may end its line.
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(printable: text)
}

extension String {
    fileprivate var trimmingSpacesAtEnd: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

private func number(_ value: JSONValue?) -> String { value?.unsigned.map { "\($0)" } ?? "-" }

/// Columns as wide as their widest cell; those after `leftColumns` are numbers, and stand to the right.
package func table(_ rows: [[String]], leftColumns: Int) -> String {
    var text = ""
    let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
        var line = ""
        for (column, cell) in row.enumerated() {
            let space = String(repeating: " ", count: widths[column] - cell.count)
            line += (column == 0 ? "" : "  ") + (column < leftColumns ? cell + space : space + cell)
        }
        text += line.trimmingSpacesAtEnd + "\n"
    }
    return text
}

func bytesText(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1_024 { return unit == "B" ? "\(bytes) B" : "\(tenths(value)) \(unit)" }
        value /= 1_024
    }
    return "\(tenths(value)) TiB"
}

private func tenths(_ value: Double) -> String {
    let tenths = (value * 10).rounded()
    // What a peer writes is not to be trusted with a conversion that traps.
    guard tenths.magnitude < 1e15 else { return "\(value)" }
    return "\(Int(tenths) / 10).\(abs(Int(tenths) % 10))"
}

private func uptimeText(_ seconds: Double) -> String {
    guard seconds >= 0, seconds < 1e12 else { return "?" }
    let whole = Int(seconds)
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3_600: return "\(whole / 60) min \(whole % 60) s"
    case ..<86_400: return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
    default: return "\(whole / 86_400) d \(whole % 86_400 / 3_600) h"
    }
}
