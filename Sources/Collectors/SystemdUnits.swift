// What the service manager says of its units, and what is served of it: the pure part of the systemd collector.
// https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html

internal import Bytes
internal import Metrics

struct SystemdUnit: Sendable, Equatable {
    var name: String
    var loadState: String
    var activeState: String
    /// The object of the bus.
    var path: String
    /// `Type` of a service or the file system of a mount; nil as long as it is not known.
    var type: String?
}

/// A number that the manager tells of one unit, and what it is served as.
enum UnitProperty: CaseIterable, Sendable {
    case restarts, tasksCurrent, tasksMaximum, startTime, lastTrigger, accepted, connections, refused

    /// The interface and the property on the bus.
    var source: (interface: String, name: String) {
        switch self {
        case .restarts: ("Service", "NRestarts")
        case .tasksCurrent: ("Service", "TasksCurrent")
        case .tasksMaximum: ("Service", "TasksMax")
        case .startTime: ("Unit", "ActiveEnterTimestamp")
        case .lastTrigger: ("Timer", "LastTriggerUSec")
        case .accepted: ("Socket", "NAccepted")
        case .connections: ("Socket", "NConnections")
        case .refused: ("Socket", "NRefused")
        }
    }

    /// `u` on the bus, else `t`.
    var isWord: Bool {
        switch self {
        case .restarts, .accepted, .connections, .refused: true
        case .tasksCurrent, .tasksMaximum, .startTime, .lastTrigger: false
        }
    }

    var descriptor: MetricDescriptor {
        switch self {
        case .restarts: SystemdMetrics.restarts
        case .tasksCurrent: SystemdMetrics.tasksCurrent
        case .tasksMaximum: SystemdMetrics.tasksMaximum
        case .startTime: SystemdMetrics.startTime
        case .lastTrigger: SystemdMetrics.lastTrigger
        case .accepted: SystemdMetrics.accepted
        case .connections: SystemdMetrics.connections
        case .refused: SystemdMetrics.refused
        }
    }

    /// nil for what is not counted or has no limit.
    func served(_ value: UInt64) -> Double? {
        switch self {
        case .tasksCurrent, .tasksMaximum: value == .max ? nil : Double(value)
        case .startTime, .lastTrigger: Double(value) / 1_000_000
        case .restarts, .accepted, .connections, .refused: Double(value)
        }
    }
}

/// Which properties are asked for.
struct SystemdOptions: Sendable, Equatable {
    var hasTasks = false
    var hasRestarts = false
    var hasStartTimes = false

    /// Those of a unit of that name and state. A unit that is not active has not started: no need to ask.
    func properties(of unit: SystemdUnit) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        if unit.name.hasSuffix(".service") {
            if hasRestarts { properties.append(.restarts) }
            if hasTasks { properties += [.tasksCurrent, .tasksMaximum] }
        } else if unit.name.hasSuffix(".timer") {
            properties.append(.lastTrigger)
        } else if unit.name.hasSuffix(".socket") {
            properties += [.accepted, .connections, .refused]
        }
        if hasStartTimes, unit.activeState == "active" { properties.append(.startTime) }
        return properties
    }
}

/// One look at the manager.
struct SystemdReading: Sendable, Equatable {
    var version = ""
    var virtualization = ""
    var systemState = ""
    /// How many units of the host are in each active state.
    var stateCounts: [String: Int] = [:]
    /// Those that were chosen.
    var units: [SystemdUnit] = []
    /// In the order in which they were answered.
    var values: [(unit: Int, property: UnitProperty, value: UInt64)] = []

    static func == (one: SystemdReading, other: SystemdReading) -> Bool {
        one.version == other.version && one.virtualization == other.virtualization
            && one.systemState == other.systemState && one.stateCounts == other.stateCounts && one.units == other.units
            && one.values.elementsEqual(other.values, by: ==)
    }

    func add(to snapshot: inout Snapshot, _ options: SystemdOptions) {
        if let number = Self.versionNumber(version) { snapshot.add(SystemdMetrics.version, number, version) }
        // Without a word for it, it is a machine of metal.
        snapshot.add(SystemdMetrics.virtualization, 1, virtualization.isEmpty ? "none" : virtualization)
        if !systemState.isEmpty { snapshot.add(SystemdMetrics.isRunning, systemState == "running" ? 1 : 0) }
        let others = stateCounts.keys.filter { !SystemdMetrics.states.contains($0) }.sorted()
        for state in SystemdMetrics.states + others {
            snapshot.add(SystemdMetrics.units, Double(stateCounts[state] ?? 0), state)
        }
        for unit in units {
            if let type = unit.type {
                for state in SystemdMetrics.states {
                    snapshot.add(
                        SystemdMetrics.unitState, state == unit.activeState ? 1 : 0, labels: [unit.name, state, type])
                }
            }
            if options.hasStartTimes, unit.activeState != "active" {
                snapshot.add(SystemdMetrics.startTime, 0, unit.name)
            }
        }
        for (unit, property, value) in values {
            if let value = property.served(value) { snapshot.add(property.descriptor, value, units[unit].name) }
        }
    }

    /// `252.39` of `252.39-1~deb12u2`, as node_exporter reads it: three digits or more, and a fraction.
    static func versionNumber(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            var end = bytes[start...].firstIndex { !$0.isDigit } ?? bytes.count
            if end - start >= 3 {
                if end + 1 < bytes.count, bytes[end] == UInt8(ascii: "."), bytes[end + 1].isDigit {
                    end = bytes[(end + 1)...].firstIndex { !$0.isDigit } ?? bytes.count
                }
                return Double(String(decoding: bytes[start..<end], as: UTF8.self))
            }
            start = end + 1
        }
        return nil
    }
}

enum SystemdMetrics {
    /// Others (`reloading`, `maintenance`, `refreshing`) have no series of their own in `unit_state`.
    static let states = ["active", "activating", "deactivating", "inactive", "failed"]

    static let unitState = MetricDescriptor(
        "node_systemd_unit_state", .gauge, labels: ["name", "state", "type"],
        help: "1 for the state in which a unit is, 0 for the others.")
    static let units = MetricDescriptor(
        "node_systemd_units", .gauge, labels: ["state"], help: "Units of the host in each state.")
    static let isRunning = MetricDescriptor(
        "node_systemd_system_running", .gauge, help: "1 when the system has started and no unit has failed.")
    static let version = MetricDescriptor(
        "node_systemd_version", .gauge, labels: ["version"], help: "The version of systemd.")
    static let virtualization = MetricDescriptor(
        "node_systemd_virtualization_info", .gauge, labels: ["virtualization_type"],
        help: "In which kind of virtual machine or container this host runs, none on metal; always 1.")
    static let restarts = named("service_restart_total", .counter, "Times that systemd restarted a service by itself.")
    static let tasksCurrent = named("unit_tasks_current", .gauge, "Tasks of a service.")
    static let tasksMaximum = named("unit_tasks_max", .gauge, "Tasks that a service may have.")
    static let startTime = named(
        "unit_start_time_seconds", .gauge, "When a unit became active, in seconds since 1970; 0 when it is not.")
    static let lastTrigger = named(
        "timer_last_trigger_seconds", .gauge, "When a timer last elapsed, in seconds since 1970; 0 when it never did.")
    static let accepted = named("socket_accepted_connections_total", .counter, "Connections that a socket accepted.")
    static let connections = named("socket_current_connections", .gauge, "Connections of a socket that are open.")
    static let refused = named("socket_refused_connections_total", .gauge, "Connections that a socket refused.")

    static let all = [
        unitState, units, isRunning, version, virtualization, restarts, tasksCurrent, tasksMaximum, startTime,
        lastTrigger, accepted, connections, refused,
    ]

    private static func named(_ name: String, _ kind: MetricKind, _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_systemd_\(name)", kind, labels: ["name"], help: help)
    }
}
