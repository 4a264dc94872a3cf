// Adapters of InfiniBand and RoCE, from /sys/class/infiniband. See Documentation/ABI/stable/sysfs-class-infiniband.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct InfinibandCollector: Collector {
    static let name = "infiniband"
    static let isEnabledByDefault = true
    static let metrics = [info, stateID, physicalStateID, rate] + InfinibandCounters.all.map(\.descriptor)

    private static let info = MetricDescriptor(
        "node_infiniband_info", .gauge, labels: ["board_id", "device", "firmware_version", "hca_type"],
        help: "What an adapter is; always 1.")
    private static let stateID = MetricDescriptor(
        "node_infiniband_state_id", .gauge, labels: ["device", "port"],
        help: "State of a port: 1 down, 2 initialising, 3 armed, 4 active, 5 active but deferred.")
    private static let physicalStateID = MetricDescriptor(
        "node_infiniband_physical_state_id", .gauge, labels: ["device", "port"],
        help: "Physical state of a port: 1 sleep, 2 polling, 3 disabled, 4 training, 5 up, 6 recovering, 7 test.")
    private static let rate = MetricDescriptor(
        "node_infiniband_rate_bytes_per_second", .gauge, labels: ["device", "port"], help: "Rate of the link.")

    /// The kernel writes it in Gb/s.
    private static let gigabitBytes = 125_000_000.0

    private struct Adapter {
        let name: String
        /// Labels of `info`.
        let labels: [String]
        let ports: [Port]
    }

    private struct Port {
        let number: String
        let states: [(descriptor: MetricDescriptor, attribute: Attribute)]
        let rate: Attribute
        let counters: [(counter: InfinibandCounters.Counter, attribute: Attribute)]

        init(_ number: String, _ path: String) throws(KernelFileError) {
            self.number = number
            states = [
                (InfinibandCollector.stateID, Attribute("\(path)/state")),
                (InfinibandCollector.physicalStateID, Attribute("\(path)/phys_state")),
            ]
            rate = Attribute("\(path)/rate")
            // An adapter has a part of them; which, it does not change.
            var there: Set<String> = []
            for directory in ["counters", "counters_ext", "hw_counters"] {
                for name in try entries(of: "\(path)/\(directory)") { there.insert("\(directory)/\(name)") }
            }
            counters = InfinibandCounters.all.filter { there.contains($0.path) }.map { counter in
                (counter, Attribute("\(path)/\(counter.path)"))
            }
        }
    }

    private let adapters: DeviceList<Adapter>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let filter = try NameFilter(&section, "device")
        adapters = DeviceList("\(host.sys)/class/infiniband") { name, path throws(KernelFileError) in
            guard filter.takes(name) else { return nil }
            let labels = [
                try Attribute("\(path)/board_id").text() ?? "", name, try Attribute("\(path)/fw_ver").text() ?? "",
                try Attribute("\(path)/hca_type").text() ?? "",
            ]
            var ports: [Port] = []
            for port in try entries(of: "\(path)/ports") {
                ports.append(try Port(port, "\(path)/ports/\(port)"))
            }
            return Adapter(name: name, labels: labels, ports: ports)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try adapters.forEach { adapter, problem throws(KernelFileError) in
            snapshot.add(Self.info, 1, labels: adapter.labels)
            for port in adapter.ports {
                func add(
                    _ descriptor: MetricDescriptor, _ factor: Double, _ attribute: Attribute,
                    _ parse: (inout ByteCursor) throws(ParseError) -> Double?
                ) {
                    let value = problem.noted { () throws(KernelFileError) in try attribute.value(parse) }
                    if let value = value ?? nil { snapshot.add(descriptor, value * factor, adapter.name, port.number) }
                }
                for (descriptor, attribute) in port.states { add(descriptor, 1, attribute, Self.state) }
                add(Self.rate, Self.gigabitBytes, port.rate, Self.rate)
                for (counter, attribute) in port.counters {
                    add(counter.descriptor, counter.factor, attribute, Self.count)
                }
            }
        }
    }

    /// `4: ACTIVE`
    private static func state(_ text: inout ByteCursor) throws(ParseError) -> Double? {
        guard let number = text.unsigned(), text.skip(":") else { throw text.error("<number>: <state>") }
        return Double(number)
    }

    /// `100 Gb/sec (4X EDR)`
    private static func rate(_ text: inout ByteCursor) throws(ParseError) -> Double? {
        guard let number = text.decimal(), text.skip(" Gb/sec") else { throw text.error("<number> Gb/sec") }
        return number
    }

    /// A number, or `N/A (no PMA)` for what the adapter cannot tell.
    private static func count(_ text: inout ByteCursor) throws(ParseError) -> Double? {
        if text.skip("N/A") { return nil }
        let range = text.trimmed()
        guard let number = text.unsigned(), text.index == range.upperBound else { throw text.error("a number") }
        return Double(number)
    }
}
