// node_systemd_*: the states of systemd's units, asked on the system bus.
//
// Two rounds of questions over one kept connection: all units and the manager's own properties; then, of the units
// that were chosen, what only they can tell. All questions of a round are under way at once.

internal import Bytes
package import Metrics
package import Platform
package import Procfs
package import Settings

/// States of units, and what services, timers and sockets count.
package struct SystemdCollector: Collector {
    package static let name = "systemd"
    package static let isEnabledByDefault = false
    package static let metrics = SystemdMetrics.all

    static let excludedUnits = #".+\.(automount|device|mount|scope|slice)"#
    private static let service = "org.freedesktop.systemd1"
    private static let manager = "org.freedesktop.systemd1.Manager"
    private static let path = "/org/freedesktop/systemd1"
    /// The type of a unit can change only when its file is read again. Where the manager does not tell when that was
    /// (before systemd 250), it is asked for again after so long.
    private static let typeLifetime: Duration = .seconds(600)

    private let include: Pattern
    private let exclude: Pattern
    private let options: SystemdOptions
    private let timeout: Duration
    private let bus: SystemBus
    private var types = KnownTypes()

    /// What `Type` each unit has, until units are loaded anew.
    private struct KnownTypes {
        var byName: [ExactText: String] = [:]
        var loadedAt: UInt64 = 0
        var since: Instant?

        /// Forgets all when they may be old.
        mutating func refresh(loadedAt: UInt64, now: Instant) {
            if let since, self.loadedAt == loadedAt, now - since < SystemdCollector.typeLifetime { return }
            self = KnownTypes(loadedAt: loadedAt, since: now)
        }
    }

    /// `timeout` (2 s) is how long the manager has for all answers, when the scrape has more time than that.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        include = try Self.whole("unit_include", default: ".+", in: &section)
        exclude = try Self.whole("unit_exclude", default: Self.excludedUnits, in: &section)
        options = SystemdOptions(
            hasTasks: try section.bool("enable_task_metrics", default: false),
            hasRestarts: try section.bool("enable_restarts_metrics", default: false),
            hasStartTimes: try section.bool("enable_start_time_metrics", default: false))
        timeout = try section.duration("timeout", default: .seconds(2), in: .milliseconds(10)...(.seconds(60)))
        bus = SystemBus(isPrivate: try section.bool("private", default: false))
    }

    /// These patterns must match the whole name, as node_exporter's do.
    private static func whole(
        _ key: String, default fallback: String, in section: inout SettingsSection
    ) throws(SettingsError) -> Pattern {
        // By itself first, for an error about what the user wrote.
        let text = try section.pattern(key, default: fallback)?.text ?? fallback
        do throws(PatternError) { return try Pattern("^(?:\(text))$") } catch {
            throw section.error("\(key): \(error.description)")
        }
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try collect(into: &snapshot, giveUp: .now + timeout)
    }

    package mutating func collect(into snapshot: inout Snapshot, until deadline: Instant) throws(CollectError) {
        try collect(into: &snapshot, giveUp: SystemBus.deadline(timeout, scrape: deadline))
    }

    private mutating func collect(
        into snapshot: inout Snapshot, giveUp deadline: Instant
    ) throws(CollectError) {
        var reading = SystemdReading()
        do throws(BusError) { try readManager(&reading, until: deadline) } catch { throw CollectError(error) }
        var problem: BusError?
        do throws(BusError) { try readUnits(&reading, until: deadline) } catch { problem = error }
        reading.add(to: &snapshot, options)
        if let problem { throw CollectError(problem) }
    }

    private static func managerProperty(_ name: String) -> BusCall {
        .property(name, of: manager, at: path, service: service)
    }

    private mutating func readManager(_ reading: inout SystemdReading, until deadline: Instant) throws(BusError) {
        let calls = [
            BusCall(service: Self.service, path: Self.path, interface: Self.manager, member: "ListUnits"),
            Self.managerProperty("Version"), Self.managerProperty("Virtualization"),
            Self.managerProperty("SystemState"), Self.managerProperty("UnitsLoadTimestamp"),
        ]
        var found = reading
        var loadedAt: UInt64 = 0
        let (include, exclude) = (include, exclude)
        try bus.ask(calls, until: deadline) { number, answer throws(BusError) in
            if number == 0 {
                try answer.throwRefusal()
                return try answer.forEachStructure("ssssssouso") { () throws(BusError) in
                    let unit = try Self.unit(answer)
                    found.stateCounts[unit.activeState, default: 0] += 1
                    if unit.loadState == "loaded", include.matches(unit.name), !exclude.matches(unit.name) {
                        found.units.append(unit)
                    }
                }
            }
            if try answer.hasNothing() { return }
            try answer.enterVariant(of: number == 4 ? "t" : "s")
            switch number {
            case 1: found.version = try answer.string()
            case 2: found.virtualization = try answer.string()
            case 3: found.systemState = try answer.string()
            default: loadedAt = try answer.unsigned64()
            }
        }
        types.refresh(loadedAt: loadedAt, now: .now)
        reading = found
    }

    /// Name, description, load state, active state, sub state, followed unit, path, and a job's number, type and path.
    private static func unit(_ answer: BusAnswer) throws(BusError) -> SystemdUnit {
        let name = try answer.string()
        try answer.skip("s")
        let (load, active) = (try answer.string(), try answer.string())
        try answer.skip("ss")
        let path = try answer.path()
        try answer.skip("uso")
        return SystemdUnit(name: name, loadState: load, activeState: active, path: path)
    }

    private mutating func readUnits(_ reading: inout SystemdReading, until deadline: Instant) throws(BusError) {
        var calls: [BusCall] = []
        /// For each call the unit, and the property; nil for the type.
        var questions: [(unit: Int, property: UnitProperty?)] = []
        func ask(_ index: Int, _ interface: String, _ name: String, _ property: UnitProperty?) {
            calls.append(
                .property(
                    name, of: "\(Self.service).\(interface)", at: reading.units[index].path, service: Self.service))
            questions.append((index, property))
        }
        var names: [ExactText: String] = [:]
        for (index, unit) in reading.units.enumerated() {
            let interface = unit.name.hasSuffix(".service") ? "Service" : unit.name.hasSuffix(".mount") ? "Mount" : nil
            if let interface {
                let known = types.byName[ExactText(unit.name)]
                reading.units[index].type = known
                names[ExactText(unit.name)] = known
                if reading.units[index].type == nil { ask(index, interface, "Type", nil) }
            } else {
                reading.units[index].type = ""
            }
            for property in options.properties(of: unit) {
                ask(index, property.source.interface, property.source.name, property)
            }
        }
        var found = reading
        defer {
            reading = found
            types.byName = names
        }
        try bus.ask(calls, until: deadline) { number, answer throws(BusError) in
            let (index, property) = questions[number]
            // A unit may have gone meanwhile, and old managers do not count everything.
            let hasNothing = try answer.hasNothing()
            if let property {
                if hasNothing { return }
                try answer.enterVariant(of: property.isWord ? "u" : "t")
                let value = property.isWord ? UInt64(try answer.unsigned32()) : try answer.unsigned64()
                found.values.append((index, property, value))
            } else if !hasNothing {
                try answer.enterVariant(of: "s")
                let type = try answer.string()
                found.units[index].type = type
                names[ExactText(found.units[index].name)] = type
            } else {
                found.units[index].type = ""
            }
        }
    }
}
