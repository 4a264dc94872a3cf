// node_network_*: what network interfaces received and sent.
//
// By default with the sums of /proc/net/dev (`receive_errs`, `receive_drop` …), which dashboards ask for; with
// `enable_detailed_metrics` with the counters that the kernel keeps (`receive_errors`, `receive_missed_errors` …).

internal import Bytes
package import Metrics
package import Procfs
package import Settings

/// Traffic and errors of network interfaces.
package struct NetdevCollector: Collector {
    package static let name = "netdev"
    package static let isEnabledByDefault = true
    package static let metrics: [MetricDescriptor] = {
        var seen: Set<String> = []
        return (Families(labels: ["device"]).all + [addressInfo]).filter { seen.insert($0.name).inserted }
    }()

    static let addressInfo = MetricDescriptor(
        "node_network_address_info", .gauge, labels: ["address", "device", "netmask", "scope"],
        help: "An address of a network interface; always 1.")

    private let filter: NameFilter
    private let interfaces: Interfaces
    private let isDetailed: Bool
    private let withAddresses: Bool
    private let withAlias: Bool
    private let sys: String
    private let families: Families

    /// `netlink: false` reads /proc/net/dev; so does a host whose `proc` is not /proc, and an agent that may not open
    /// netlink.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        filter = try NameFilter(&section, "device")
        interfaces = Interfaces(host: host, netlink: try section.bool("netlink", default: true))
        isDetailed = try section.bool("enable_detailed_metrics", default: false)
        withAddresses = try section.bool("address_info", default: false)
        withAlias = try section.bool("label_ifalias", default: false)
        sys = host.sys
        families = Families(labels: withAlias ? ["device", "ifalias"] : ["device"])
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var links: [LinkStatistics] = []
        switch try interfaces.read() {
        case .links(let all):
            for link in all where filter.takes(link.name) { add(link, to: &snapshot) }
            if withAddresses { links = all.filter { filter.takes($0.name) } }
        case .file(let devices):
            for device in devices where filter.takes(device.name) {
                add(device, names: isDetailed ? .fileDetailed : .sums, alias: alias(of: device.name), to: &snapshot)
            }
        }
        guard withAddresses else { return }
        for (device, address) in try interfaces.addresses(of: links) {
            snapshot.add(
                Self.addressInfo, 1, labels: [address.text, device, "\(address.prefixLength)", address.scope])
        }
    }

    func add(_ link: LinkStatistics, to snapshot: inout Snapshot) {
        if isDetailed {
            families.add(families.detailed, Self.detailedValues(link), link.name, link.alias, to: &snapshot)
        } else {
            add(NetDev(link), names: .sums, alias: link.alias, to: &snapshot)
        }
        if let count = link.receivedWithoutHandler {
            families.add([families.withoutHandler], [count], link.name, link.alias, to: &snapshot)
        }
    }

    private enum Names { case sums, fileDetailed }

    private func add(_ device: NetDev, names: Names, alias: String, to snapshot: inout Snapshot) {
        families.add(
            names == .sums ? families.sums : families.fileDetailed, Self.values(device), device.name, alias,
            to: &snapshot)
    }

    /// Only asked for where netlink did not say it.
    private func alias(of device: String) -> String {
        guard withAlias else { return "" }
        let file = KernelFile("\(sys)/class/net/\(device)/ifalias", keepsOpen: false)
        do throws(KernelFileError) {
            return try file.read { cursor throws(ParseError) in cursor.text(cursor.restOfLine()) } ?? ""
        } catch {
            // An interface that went away meanwhile has no alias, and its counters are still true.
            return ""
        }
    }

    /// In the order of `Families.sums`.
    private static func values(_ device: NetDev) -> [UInt64] {
        [
            device.bytesReceived, device.packetsReceived, device.receiveErrors, device.receiveDrops,
            device.receiveFIFOErrors, device.receiveFrameErrors, device.compressedReceived, device.multicastReceived,
            device.bytesSent, device.packetsSent, device.sendErrors, device.sendDrops, device.sendFIFOErrors,
            device.collisions, device.carrierErrors, device.compressedSent,
        ]
    }

    /// In the order of `Families.detailed`.
    private static func detailedValues(_ link: LinkStatistics) -> [UInt64] {
        [
            link.packetsReceived, link.packetsSent, link.bytesReceived, link.bytesSent, link.receiveErrors,
            link.sendErrors, link.receiveDropped, link.sendDropped, link.multicast, link.collisions,
            link.receiveLengthErrors, link.receiveOverErrors, link.receiveCRCErrors, link.receiveFrameErrors,
            link.receiveFIFOErrors, link.receiveMissedErrors, link.sendAbortedErrors, link.sendCarrierErrors,
            link.sendFIFOErrors, link.sendHeartbeatErrors, link.sendWindowErrors, link.compressedReceived,
            link.compressedSent,
        ]
    }
}

/// The counters of one interface as metric families, with or without its alias as a label.
private struct Families: Sendable {
    let sums: [MetricDescriptor]
    let detailed: [MetricDescriptor]
    /// What can be had from the file of the finer names: errors and drops, which are sums all the same.
    let fileDetailed: [MetricDescriptor]
    let withoutHandler: MetricDescriptor

    init(labels: [String]) {
        var known: [String: MetricDescriptor] = [:]
        func family(_ name: String) -> MetricDescriptor {
            if let family = known[name] { return family }
            let family = MetricDescriptor(
                "node_network_\(name)_total", .counter, labels: labels,
                help: "Counter \(name) of a network interface.")
            known[name] = family
            return family
        }
        sums = [
            "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
            "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs",
            "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
        ].map(family)
        fileDetailed = [
            "receive_bytes", "receive_packets", "receive_errors", "receive_dropped", "receive_fifo", "receive_frame",
            "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errors",
            "transmit_dropped", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
        ].map(family)
        detailed = [
            "receive_packets", "transmit_packets", "receive_bytes", "transmit_bytes", "receive_errors",
            "transmit_errors", "receive_dropped", "transmit_dropped", "multicast", "collisions",
            "receive_length_errors", "receive_over_errors", "receive_crc_errors", "receive_frame_errors",
            "receive_fifo_errors", "receive_missed_errors", "transmit_aborted_errors", "transmit_carrier_errors",
            "transmit_fifo_errors", "transmit_heartbeat_errors", "transmit_window_errors", "receive_compressed",
            "transmit_compressed",
        ].map(family)
        withoutHandler = family("receive_nohandler")
    }

    var all: [MetricDescriptor] { sums + fileDetailed + detailed + [withoutHandler] }

    func add(
        _ descriptors: [MetricDescriptor], _ values: [UInt64], _ device: String, _ alias: String,
        to snapshot: inout Snapshot
    ) {
        for (descriptor, value) in zip(descriptors, values) {
            if descriptor.labels.count == 1 {
                snapshot.add(descriptor, Double(value), device)
            } else {
                snapshot.add(descriptor, Double(value), device, alias)
            }
        }
    }
}
