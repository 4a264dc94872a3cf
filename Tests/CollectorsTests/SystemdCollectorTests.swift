import Bytes
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

/// What is asked, and what is served of the answers. The bus itself is tested by Tests/EndToEnd/test_systemd.py, in a
/// booted system.
@Suite struct SystemdCollectorTests {
    private func served(_ reading: SystemdReading, _ options: SystemdOptions = SystemdOptions()) -> [String] {
        var snapshot = Snapshot()
        reading.add(to: &snapshot, options)
        return snapshot.samples.map { sample in
            var text = Array(snapshot.families[sample.family].name.dropFirst("node_systemd_".count).utf8)
            text.append(text: "{\(snapshot.labels(of: sample).joined(separator: ","))} ")
            text.append(number: sample.value)
            return String(decoding: text, as: UTF8.self)
        }
    }

    private func unit(_ name: String, _ state: String = "active", type: String? = "") -> SystemdUnit {
        SystemdUnit(name: name, loadState: "loaded", activeState: state, path: "/unit", type: type)
    }

    @Test func aReadingIsServed() {
        let reading = SystemdReading(
            version: "252.39-1~deb12u2", virtualization: "kvm", systemState: "degraded",
            stateCounts: ["active": 3, "failed": 1, "reloading": 2],
            units: [
                unit("a.service", type: "notify"), unit("b.socket", "reloading"), unit("c.timer", "inactive"),
                unit("d.service", type: nil),
            ],
            values: [
                (0, .restarts, 4), (0, .tasksCurrent, 7), (0, .tasksMaximum, .max),
                (0, .startTime, 1_795_230_523_015_832),
                (1, .accepted, 9), (1, .connections, 1), (1, .refused, 0), (2, .lastTrigger, 0),
            ])
        #expect(
            served(reading, SystemdOptions(hasStartTimes: true)) == [
                "version{252.39-1~deb12u2} 252.39", "virtualization_info{kvm} 1", "system_running{} 0",
                "units{active} 3", "units{activating} 0", "units{deactivating} 0", "units{inactive} 0",
                "units{failed} 1", "units{reloading} 2",
                "unit_state{a.service,active,notify} 1", "unit_state{a.service,activating,notify} 0",
                "unit_state{a.service,deactivating,notify} 0", "unit_state{a.service,inactive,notify} 0",
                "unit_state{a.service,failed,notify} 0",
                "unit_state{b.socket,active,} 0", "unit_state{b.socket,activating,} 0",
                "unit_state{b.socket,deactivating,} 0", "unit_state{b.socket,inactive,} 0",
                "unit_state{b.socket,failed,} 0", "unit_start_time_seconds{b.socket} 0",
                "unit_state{c.timer,active,} 0", "unit_state{c.timer,activating,} 0",
                "unit_state{c.timer,deactivating,} 0", "unit_state{c.timer,inactive,} 1",
                "unit_state{c.timer,failed,} 0", "unit_start_time_seconds{c.timer} 0",
                "service_restart_total{a.service} 4", "unit_tasks_current{a.service} 7",
                "unit_start_time_seconds{a.service} 1795230523.015832",
                "socket_accepted_connections_total{b.socket} 9", "socket_current_connections{b.socket} 1",
                "socket_refused_connections_total{b.socket} 0", "timer_last_trigger_seconds{c.timer} 0",
            ])
    }

    @Test func anOldManagerSaysLess() {
        #expect(
            served(SystemdReading()) == [
                "virtualization_info{none} 1", "units{active} 0", "units{activating} 0", "units{deactivating} 0",
                "units{inactive} 0", "units{failed} 0",
            ])
    }

    @Test(arguments: [
        ("252.39-1~deb12u2", 252.39), ("259", 259), ("v255.4-1.fc40", 255.4), ("systemd 219", 219), ("257~rc1", 257),
        ("12 300.", 300), ("249.", 249), ("1234.5.6", 1234.5),
    ]) func versions(text: String, number: Double) { #expect(SystemdReading.versionNumber(text) == number) }

    @Test(arguments: ["", "99.7", "v", "12.345"]) func noVersions(text: String) {
        #expect(SystemdReading.versionNumber(text) == (text == "12.345" ? 345 : nil))
    }

    @Test func onlyWhatIsWantedIsAsked() {
        let all = SystemdOptions(hasTasks: true, hasRestarts: true, hasStartTimes: true)
        #expect(SystemdOptions().properties(of: unit("a.service")) == [])
        #expect(SystemdOptions().properties(of: unit("a.timer")) == [.lastTrigger])
        #expect(SystemdOptions().properties(of: unit("a.socket")) == [.accepted, .connections, .refused])
        #expect(
            all.properties(of: unit("a.service")) == [.restarts, .tasksCurrent, .tasksMaximum, .startTime])
        #expect(all.properties(of: unit("a.service", "failed")) == [.restarts, .tasksCurrent, .tasksMaximum])
        #expect(all.properties(of: unit("a.target")) == [.startTime])
    }

    @Test func withoutABusItIsAbsent() throws {
        let bus = SystemBus(library: "libsystemd-that-is-not-there.so.0")
        #expect {
            try bus.ask([.property("Version", of: "i", at: "/", service: "s")], until: .now + .seconds(1)) { _, _ in }
        } throws: { error in
            guard case .noLibrary(let reason) = error as? BusError else { return false }
            return reason.contains("libsystemd-that-is-not-there") && CollectError(BusError.noLibrary(reason)).isAbsent
        }
        #expect(CollectError(BusError.absent("no bus")) == .absent("no bus"))
        #expect(!CollectError(BusError.late).isAbsent)
    }

    @Test(arguments: [
        (#"{ "unit_include": "(" }"#, "systemd.unit_include"), (#"{ "unit_exclude": "a)|(b" }"#, "unit_exclude"),
        (#"{ "timeout": "0s" }"#, "systemd.timeout"), (#"{ "enable_task_metrics": 1 }"#, "expected true or false"),
        (#"{ "enable_task_metric": true }"#, "did you mean \"enable_task_metrics\"?"),
    ]) func rejectsWrongSettings(settings: String, reason: String) {
        do {
            var section = try section(settings, path: "systemd")
            _ = try SystemdCollector(&section, host: Host())
            try section.finish()
            Issue.record("was accepted, expected: \(reason)")
        } catch { #expect("\(error)".contains(reason), "\(error)") }
    }

    @Test func sessionsAreCounted() {
        typealias Session = LogindCollector.Session
        let sessions = [
            Session(seat: "seat0", remote: false, type: "wayland", sessionClass: "user"),
            Session(seat: "seat0", remote: false, type: "wayland", sessionClass: "user"),
            Session(seat: "", remote: true, type: "tty", sessionClass: "user"),
            Session(seat: "", remote: false, type: "hologram", sessionClass: "manager"),
            Session(seat: "seat0", remote: nil, type: "tty", sessionClass: "user"),
        ]
        var snapshot = Snapshot()
        LogindCollector.add(seats: ["seat0"], sessions, to: &snapshot)
        #expect(snapshot.samples.count == 2 * 7 * 5 * 2)
        let some = snapshot.samples.filter { $0.value != 0 }
        #expect(
            some.map { snapshot.labels(of: $0) + ["\(Int($0.value))"] } == [
                ["user", "true", "", "tty", "1"], ["other", "false", "", "other", "1"],
                ["user", "false", "seat0", "wayland", "2"],
            ])
    }
}

extension CollectError {
    fileprivate var isAbsent: Bool {
        if case .absent = self { true } else { false }
    }
}
