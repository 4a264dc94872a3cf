// node_network_*: what network interfaces are and how they are set up. Their counters are netdev's.

internal import Bytes
package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Addresses, states and settings of network interfaces.
package struct NetclassCollector: Collector {
    package static let name = "netclass"
    package static let isEnabledByDefault = true
    package static let metrics = [up, info, alternativeNames, speed] + numbers.map(\.descriptor)

    private static let bytesPerMegabit = 125_000.0

    static let up = MetricDescriptor(
        "node_network_up", .gauge, labels: ["device"], help: "1 when an interface works (operstate up).")
    static let info = MetricDescriptor(
        "node_network_info", .gauge,
        labels: ["address", "adminstate", "broadcast", "device", "duplex", "ifalias", "operstate"],
        help: "What a network interface is; always 1.")
    static let alternativeNames = MetricDescriptor(
        "node_network_altnames_info", .gauge, labels: ["altname", "device"],
        help: "Another name of a network interface; always 1.")
    static let speed = MetricDescriptor(
        "node_network_speed_bytes", .gauge, labels: ["device"],
        help: "Speed of a network interface in bytes per second; negative when it is not known.")

    private static let numbers: [(number: NetClassNumber, descriptor: MetricDescriptor)] = [
        number(.addressAssignType, "address_assign_type", "How it came by its address."),
        number(.carrier, "carrier", "1 when it has a carrier."),
        number(.carrierChanges, "carrier_changes_total", "How often its carrier came or went.", .counter),
        number(.carrierUpChanges, "carrier_up_changes_total", "How often its carrier came.", .counter),
        number(.carrierDownChanges, "carrier_down_changes_total", "How often its carrier went.", .counter),
        number(.deviceID, "device_id", "Tells interfaces that share an address apart (dev_id)."),
        number(.dormant, "dormant", "1 when it waits for something outside, such as a login."),
        number(.flags, "flags", "Its flags (IFF_UP is 1)."),
        number(.index, "iface_id", "Its number (ifindex)."),
        number(.link, "iface_link", "The number of the interface that it stands on, or its own (iflink)."),
        number(.linkMode, "iface_link_mode", "0 for the usual way of going up, 1 for going dormant first."),
        number(.mtu, "mtu_bytes", "The longest packet that it sends."),
        number(.nameAssignType, "name_assign_type", "How it came by its name."),
        number(.group, "net_dev_group", "The group that it is in."),
        number(.hardwareType, "protocol_type", "Its hardware as a number of ARP (ARPHRD_)."),
        number(.transmitQueueLength, "transmit_queue_length", "Packets that its queue may hold."),
    ]

    private static func number(
        _ number: NetClassNumber, _ name: String, _ what: String, _ kind: MetricKind = .gauge
    ) -> (NetClassNumber, MetricDescriptor) {
        (number, MetricDescriptor("node_network_" + name, kind, labels: ["device"], help: "Network interface: \(what)"))
    }

    private let ignored: Pattern?
    private let ignoresInvalidSpeed: Bool
    /// nil for a host whose /sys is elsewhere.
    private let interfaces: NetClassInterfaces?
    private var files: NetClassFiles

    /// `netlink` is taken for what it is in node_exporter, and changes nothing: both ways have the same values here.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        ignored = try section.pattern("ignored_devices", default: "^$")
        ignoresInvalidSpeed = try section.bool("ignore_invalid_speed", default: false)
        _ = try section.bool("netlink", default: false)
        if try section.bool("rtnl_with_stats", default: false) {
            throw section.error(
                "rtnl_with_stats is not there: the counters are netdev's, with enable_detailed_metrics the same ones")
        }
        interfaces = host.sys == "/sys" ? NetClassInterfaces(sys: host.sys) : nil
        files = NetClassFiles(sys: host.sys)
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let (ignored, ignoresInvalidSpeed) = (ignored, ignoresInvalidSpeed)
        func add(_ reading: borrowing NetClassReading) {
            if let ignored, ignored.text != "", ignored.matches(reading.device) { return }
            Self.add(reading, ignoringInvalidSpeed: ignoresInvalidSpeed, to: &snapshot)
        }
        if let interfaces {
            // Where netlink does not answer, the files have the same.
            do throws(NetlinkFailure) { return try interfaces.forEach(add) } catch {
                error.note(of: LinkAttributes.request)
            }
        }
        try files.forEach(add)
    }

    static func add(
        _ reading: borrowing NetClassReading, ignoringInvalidSpeed: Bool, to snapshot: inout Snapshot
    ) {
        let device = reading.device
        snapshot.add(up, reading.operationalState == "up" ? 1 : 0, device)
        let adminState = reading.isSwitchedOn.map { $0 ? "up" : "down" } ?? "unknown"
        snapshot.add(
            info, 1,
            labels: [
                reading.address, adminState, reading.broadcast, device, reading.duplex, reading.alias,
                reading.operationalState,
            ])
        for name in reading.alternativeNames { snapshot.add(alternativeNames, 1, name, device) }
        for (number, descriptor) in numbers {
            if let value = reading[number] { snapshot.add(descriptor, value, device) }
        }
        if let megabits = reading[.speed], megabits >= 0 || !ignoringInvalidSpeed {
            snapshot.add(speed, megabits * bytesPerMegabit, device)
        }
    }
}
