// What an input's settings ask of the texts of its records: `parse`, `keep_original`, `time`, `trace`.

internal import Bytes
internal import Logs
internal import Platform
internal import Settings

extension RecordParsing {
    /// nil when nothing is to be read out of the records.
    static func make(
        _ section: inout SettingsSection, reserving names: [String]
    ) throws(SettingsError) -> RecordParsing? {
        let format = try section.parseFormat("parse")
        let keepsOriginal = try section.bool("keep_original", default: false)
        let findsTraces = try section.bool("trace", default: false)
        let hasTime = section.has("time")
        var time = try section.section("time")
        guard let format else {
            for (key, isSet) in [("keep_original", keepsOriginal), ("time", hasTime)] where isSet {
                throw section.error(at: key, "has no effect without \"parse\"")
            }
            return findsTraces ? RecordParsing(nil, traces: try finder(section)) : nil
        }
        let field = try time.optionalString("field")
        let timeFormat = try time.timeFormat("format")
        let zone = try time.zone("zone")
        try time.finish()
        if case .syslog = format, timeFormat != nil, field == nil {
            throw time.error(at: "format", "needs \"field\" here: a line of syslog has its time in one of two forms")
        }
        return RecordParsing(
            format, keepsOriginal: keepsOriginal, timeField: field, time: timeFormat, zone: zone,
            traces: findsTraces ? try finder(section) : nil, reserving: names)
    }

    private static func finder(_ section: SettingsSection) throws(SettingsError) -> TraceFinder {
        do throws(PatternError) { return try TraceFinder() } catch {
            throw section.error(at: "trace", error.description)
        }
    }
}

extension SettingsSection {
    /// `"json"`, or `{ "regex": "(?<name>…)" }`.
    fileprivate mutating func parseFormat(_ key: String) throws(SettingsError) -> ParseFormat? {
        guard let value = value(key) else { return nil }
        if case .object = value.content {
            var section = try SettingsSection(value, path: pathOf(key))
            let pattern = try section.pattern("regex")
            try section.finish()
            guard let pattern else { throw section.error("\"regex\" is missing: expected a pattern") }
            guard !pattern.groupNames.isEmpty else {
                throw section.error(at: "regex", "has no named group: expected \"(?<name>…)\"")
            }
            return .regex(pattern)
        }
        guard case .string(let name) = value.content else { throw error(at: key, Self.expectedFormat) }
        switch name {
        case "json": return .json
        case "logfmt": return .logfmt
        case "syslog": return .syslog
        case "nginx", "apache": return .accessLog
        default: throw error(at: key, Self.expectedFormat)
        }
    }

    private static let expectedFormat =
        "expected \"json\", \"logfmt\", \"syslog\", \"nginx\", \"apache\" or { \"regex\": \"(?<name>…)\" }"

    fileprivate mutating func timeFormat(_ key: String) throws(SettingsError) -> TimeFormat? {
        guard let text = try optionalString(key) else { return nil }
        switch text {
        case "rfc3339": return .rfc3339
        case "epoch_s": return .epoch(nanoseconds: 1_000_000_000)
        case "epoch_ms": return .epoch(nanoseconds: 1_000_000)
        case "epoch_us": return .epoch(nanoseconds: 1_000)
        case "epoch_ns": return .epoch(nanoseconds: 1)
        default: break
        }
        guard text.utf8.contains(UInt8(ascii: "%")) else {
            throw error(
                at: key,
                "expected \"rfc3339\", \"epoch_s\", \"epoch_ms\", \"epoch_us\", \"epoch_ns\" or a pattern such as "
                    + "\"%d/%b/%Y:%H:%M:%S %z\"")
        }
        do throws(TimePatternError) { return .pattern(try TimePattern(text)) } catch {
            throw self.error(at: key, error.reason)
        }
    }

    /// `"local"`, `"UTC"`, `"+02:00"`, or a name of the host's time zone database.
    fileprivate mutating func zone(_ key: String) throws(SettingsError) -> TimeZoneRules {
        let name = try string(key, default: "local")
        if name == "UTC" { return .utc }
        do throws(TimeZoneFault) { return try name == "local" ? localTimeZone() : timeZone(name) } catch {
            throw self.error(at: key, error.reason)
        }
    }
}

private struct TimeZoneFault: Error {
    let reason: String
}

private let zoneDirectory = "/usr/share/zoneinfo"

/// By an offset such as `+02:00`, or the name of a file of the database.
private func timeZone(_ name: String) throws(TimeZoneFault) -> TimeZoneRules {
    let text = Array(name.utf8)
    if text.first == UInt8(ascii: "+") || text.first == UInt8(ascii: "-") {
        var index = 0
        if let offset = text.zoneOffset(&index, text.count), index == text.count {
            return TimeZoneRules(offset: offset)
        }
        throw TimeZoneFault(reason: "expected an offset such as \"+02:00\"")
    }
    // Nothing above the database.
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { $0.isEmpty || $0.first == "." }) else { throw unknownZone(name) }
    guard let rules = try readZone("\(zoneDirectory)/\(name)") else { throw unknownZone(name) }
    return rules
}

private func unknownZone(_ name: String) -> TimeZoneFault {
    TimeZoneFault(
        reason: "no zone \"\(name)\" in \(zoneDirectory) (Debian: tzdata); expected \"Europe/Berlin\", \"+02:00\", "
            + "\"UTC\" or \"local\"")
}

/// What TZ says, else /etc/localtime; UTC on a host that has neither, as in the C library.
private func localTimeZone() throws(TimeZoneFault) -> TimeZoneRules {
    if let variable = environmentVariable("TZ"), !variable.isEmpty {
        let name = variable.first == ":" ? String(variable.dropFirst()) : variable
        if let rules = TimeZoneRules(posix: Array(name.utf8)) { return rules }
        if name.first != "/" { return try timeZone(name) }
        return try readZone(name) ?? .utc
    }
    return try readZone("/etc/localtime") ?? .utc
}

/// nil when there is no such file.
private func readZone(_ path: String) throws(TimeZoneFault) -> TimeZoneRules? {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readWhole(path, limit: 1 << 20) } catch { return nil }
    guard let rules = TimeZoneRules(tzif: bytes) else { throw TimeZoneFault(reason: "\(path) is no time zone") }
    return rules
}
