// Collectors that do what a test wants, found by the name of the host's /proc, since a collector is made by its type
// alone.

import Foundation
import Metrics
import Procfs
import Settings
import Synchronization

@testable import Agent
@testable import Collectors
@testable import Platform

/// What the fake collectors of one test do, and how often they were asked.
final class Script: Sendable {
    struct State {
        var calls: [String: Int] = [:]
        var failure: CollectError? = .failed("the file is upside down")
        /// What the absent collector looks for.
        var isThere = false
    }

    let state = Mutex(State())
    let gate = DispatchSemaphore(value: 0)
    let key = "/" + UUID().uuidString

    private static let all = Mutex<[String: Script]>([:])

    init() { Self.all.withLock { $0[key] = self } }

    static func of(_ host: Procfs.Host) -> Script { all.withLock { $0[host.proc] } ?? Script() }

    func count(_ name: String) { state.withLock { $0.calls[name, default: 0] += 1 } }
    func calls(_ name: String) -> Int { state.withLock { $0.calls[name] ?? 0 } }
    func fail(_ error: CollectError?) { state.withLock { $0.failure = error } }

    func scraper(
        _ section: SettingsSection = SettingsSection(missing: "collectors"), log: AgentLog = .silent,
        absencePause: Duration = Scraper.absencePause
    ) throws -> Scraper {
        var section = section
        return try Scraper(
            &section, host: Procfs.Host(proc: key), collectors: fakeCollectors, log: log, absencePause: absencePause)
    }
}

let fakeCollectors: [any Collector.Type] = [Good.self, Hanging.self, Failing.self, Absent.self, Optional_.self]

private let sample = MetricDescriptor("fake_value", .gauge, labels: ["of"], help: "What a fake collector says.")

struct Good: Collector {
    static let name = "good"
    static let isEnabledByDefault = true
    static let metrics = [sample]
    private let script: Script
    private let value: Int

    init(_ section: inout SettingsSection, host: Procfs.Host) throws(SettingsError) {
        script = Script.of(host)
        value = try section.integer("value", default: 1, in: 0...1_000_000)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        script.count(Self.name)
        snapshot.add(sample, Double(value), "good \"\\\n")
    }
}

/// Waits at the gate of its script.
struct Hanging: Collector {
    static let name = "hanging"
    static let isEnabledByDefault = false
    static let metrics = [sample]
    private let script: Script

    init(_ section: inout SettingsSection, host: Procfs.Host) throws(SettingsError) { script = Script.of(host) }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        script.count(Self.name)
        snapshot.add(sample, 1, "hanging")
        script.gate.wait()
    }
}

struct Failing: Collector {
    static let name = "failing"
    static let isEnabledByDefault = true
    static let metrics = [sample]
    private let script: Script

    init(_ section: inout SettingsSection, host: Procfs.Host) throws(SettingsError) { script = Script.of(host) }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        script.count(Self.name)
        snapshot.add(sample, 2, "before the failure")
        if let failure = script.state.withLock(\.failure) { throw failure }
    }
}

struct Absent: Collector {
    static let name = "absent"
    static let isEnabledByDefault = true
    static let metrics = [sample]
    private let script: Script

    init(_ section: inout SettingsSection, host: Procfs.Host) throws(SettingsError) { script = Script.of(host) }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        script.count(Self.name)
        if !script.state.withLock(\.isThere) { throw .absent("no such file") }
    }
}

struct Optional_: Collector {
    static let name = "optional"
    static let isEnabledByDefault = false
    static let metrics = [sample]

    init(_ section: inout SettingsSection, host: Procfs.Host) throws(SettingsError) {
        _ = try section.bool("flag", default: false)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) { snapshot.add(sample, 3, "optional") }
}

/// Collects what is logged.
final class LogSink: Sendable {
    private let lines = Mutex<[String]>([])

    var log: AgentLog {
        AgentLog(level: .debug, underSystemd: true) { [lines = self] line in
            lines.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
    }

    var text: [String] { lines.withLock(\.self) }
}
