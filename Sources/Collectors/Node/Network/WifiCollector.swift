// node_wifi_*: wireless interfaces, their network and the stations that they speak with.

package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Wireless interfaces, by nl80211.
package struct WifiCollector: Collector {
    package static let name = "wifi"
    package static let isEnabledByDefault = false
    package static let metrics = [frequency, network] + readings.map(\.descriptor)

    static let frequency = MetricDescriptor(
        "node_wifi_interface_frequency_hertz", .gauge, labels: ["device"],
        help: "The frequency of the channel of a wireless interface.")
    static let network = MetricDescriptor(
        "node_wifi_station_info", .gauge, labels: ["bssid", "device", "mode", "ssid"],
        help: "The network that a wireless interface is in; always 1.")

    private typealias Reading = (descriptor: MetricDescriptor, value: @Sendable (WirelessStation) -> Double?)

    private static func reading(
        _ name: String, _ kind: MetricKind, _ help: String, _ value: @escaping @Sendable (WirelessStation) -> Double?
    ) -> Reading {
        (
            MetricDescriptor(
                "node_wifi_station_" + name, kind, labels: ["device", "mac_address"],
                help: "Wireless station: \(help)"),
            value
        )
    }

    private static let readings: [Reading] = [
        reading("connected_seconds_total", .counter, "time since it connected.") {
            $0.connectedSeconds.map { Double($0) }
        },
        reading("inactive_seconds", .gauge, "time since it was last heard.") {
            $0.inactiveMilliseconds.map { Double($0) / 1_000 }
        },
        reading("receive_bits_per_second", .gauge, "rate at which it is heard.") {
            $0.receiveBitsPerSecond.map { Double($0) }
        },
        reading("transmit_bits_per_second", .gauge, "rate at which it is sent to.") {
            $0.sendBitsPerSecond.map { Double($0) }
        },
        reading("receive_bytes_total", .counter, "bytes received from it.") { $0.bytesReceived.map { Double($0) } },
        reading("transmit_bytes_total", .counter, "bytes sent to it.") { $0.bytesSent.map { Double($0) } },
        reading("received_packets_total", .counter, "packets received from it.") {
            $0.packetsReceived.map { Double($0) }
        },
        reading("transmitted_packets_total", .counter, "packets sent to it.") { $0.packetsSent.map { Double($0) } },
        reading("signal_dbm", .gauge, "strength of its signal.") { $0.signalDBm.map { Double($0) } },
        reading("transmit_retries_total", .counter, "packets that were sent to it again.") {
            $0.sendRetries.map { Double($0) }
        },
        reading("transmit_failed_total", .counter, "packets that did not reach it.") {
            $0.sendFailures.map { Double($0) }
        },
        reading("beacon_loss_total", .counter, "times that its beacons stayed out.") {
            $0.beaconLosses.map { Double($0) }
        },
    ]

    private let client = NetlinkClient(.generic)
    /// Given out anew when the module is loaded again.
    private var family: UInt16?

    /// Asks the kernel for its own network namespace, wherever `host.sys` is.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {}

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(NetlinkFailure) {
            if family == nil { family = try client.family(named: WirelessInterface.familyName) }
            guard let family else { return }
            for interface in try interfaces(family) { try add(interface, family, to: &snapshot) }
        } catch {
            family = nil
            throw error.isAbsence ? .absent("this kernel has no nl80211") : CollectError(error)
        }
    }

    private func interfaces(_ family: UInt16) throws(NetlinkFailure) -> [WirelessInterface] {
        var found: [WirelessInterface] = []
        try client.ask(WirelessInterface.request(family: family), begin: { found = [] }) {
            bytes, count, sequence throws(NetlinkError) in
            try WirelessInterface.forEach(bytes, count: count, sequence: sequence, family: family) { found.append($0) }
        }
        return found
    }

    private func add(
        _ interface: WirelessInterface, _ family: UInt16, to snapshot: inout Snapshot
    ) throws(NetlinkFailure) {
        var networks: [WirelessNetwork] = []
        var stations: [WirelessStation] = []
        let networkRequest = WirelessNetwork.request(family: family, interface: interface.index)
        try passingOver(networkRequest) { () throws(NetlinkFailure) in
            try client.ask(networkRequest, begin: { networks = [] }) { bytes, count, sequence throws(NetlinkError) in
                try WirelessNetwork.forEach(bytes, count: count, sequence: sequence, family: family) {
                    if $0.mode != nil { networks.append($0) }
                }
            }
        }
        let stationRequest = WirelessStation.request(family: family, interface: interface.index)
        try passingOver(stationRequest) { () throws(NetlinkFailure) in
            try client.ask(stationRequest, begin: { stations = [] }) { bytes, count, sequence throws(NetlinkError) in
                try WirelessStation.forEach(bytes, count: count, sequence: sequence, family: family) {
                    stations.append($0)
                }
            }
        }
        Self.add(interface, networks, stations, to: &snapshot)
    }

    /// An interface that is down or gone, and one whose kind has no networks or stations, is refused an answer. An
    /// answer that cannot be read costs its interface.
    private func passingOver(
        _ request: NetlinkRequest, _ ask: () throws(NetlinkFailure) -> Void
    ) throws(NetlinkFailure) {
        do throws(NetlinkFailure) { try ask() } catch {
            switch error {
            case .answer(.refused): break
            case .answer(.malformed), .endless: error.note(of: request)
            case .socket: throw error
            }
        }
    }

    static func add(
        _ interface: WirelessInterface, _ networks: [WirelessNetwork], _ stations: [WirelessStation],
        to snapshot: inout Snapshot
    ) {
        if let megahertz = interface.megahertz {
            snapshot.add(frequency, Double(megahertz) * 1_000_000, interface.name)
        }
        // It may have heard the network that it is in on several channels.
        if let network = networks.first, let mode = network.mode {
            snapshot.add(
                Self.network, 1, labels: [network.address, interface.name, mode.rawValue, network.name])
        }
        var seen: Set<String> = []
        for station in stations where seen.insert(station.address).inserted {
            for (descriptor, value) in readings {
                if let value = value(station) { snapshot.add(descriptor, value, interface.name, station.address) }
            }
        }
    }
}
