// net_* and netstat_*: the CloudWatch agent's view of the interfaces' counters and of the sockets.

internal import Metrics
internal import Procfs

enum NetTraffic {
    static let subject = CloudWatchSubject(
        name: "net", dimensions: ["interface"],
        metrics: [bytesReceived, bytesSent, dropIn, dropOut, errorsIn, errorsOut, packetsReceived, packetsSent])

    private static let bytesReceived = metric("bytes_recv", .bytes, "Bytes received")
    private static let bytesSent = metric("bytes_sent", .bytes, "Bytes sent")
    private static let dropIn = metric("drop_in", .count, "Packets that were received and dropped")
    private static let dropOut = metric("drop_out", .count, "Packets that were to be sent and were dropped")
    private static let errorsIn = metric("err_in", .count, "Errors in receiving")
    private static let errorsOut = metric("err_out", .count, "Errors in sending")
    private static let packetsReceived = metric("packets_recv", .count, "Packets received")
    private static let packetsSent = metric("packets_sent", .count, "Packets sent")

    private static func metric(_ name: String, _ unit: EMFUnit, _ meaning: String) -> CloudWatchMetric {
        CloudWatchMetric("net_\(name)", unit, "\(meaning) since the reading before.")
    }

    /// Interfaces that were there at the reading before.
    static func add(
        _ devices: [NetDev], since previous: [NetDev], where isWanted: (String) -> Bool = { $0 != "lo" },
        to points: inout MetricPoints
    ) {
        for (index, device) in devices.enumerated() where isWanted(device.name) {
            guard let old = previous.earlier(device.name, at: index, \.name) else { continue }
            points.begin([EMFDimension("interface", device.name)])
            points.add(bytesReceived, from: old.bytesReceived, to: device.bytesReceived)
            points.add(bytesSent, from: old.bytesSent, to: device.bytesSent)
            points.add(dropIn, from: old.receiveDrops, to: device.receiveDrops)
            points.add(dropOut, from: old.sendDrops, to: device.sendDrops)
            points.add(errorsIn, from: old.receiveErrors, to: device.receiveErrors)
            points.add(errorsOut, from: old.sendErrors, to: device.sendErrors)
            points.add(packetsReceived, from: old.packetsReceived, to: device.packetsReceived)
            points.add(packetsSent, from: old.packetsSent, to: device.packetsSent)
        }
    }
}

enum SocketStates {
    static let subject = CloudWatchSubject(name: "netstat", dimensions: [], metrics: states + [stateless, udp])

    /// In the order of `TCPSockets.states`.
    private static let states = TCPSockets.states.map {
        CloudWatchMetric("netstat_tcp_\($0)", .count, "TCP sockets in the state \($0.uppercased()), IPv4 and IPv6.")
    }
    private static let stateless = CloudWatchMetric(
        "netstat_tcp_none", .count, "TCP sockets in no state: always 0, since Linux has none such.")
    private static let udp = CloudWatchMetric("netstat_udp_socket", .count, "UDP sockets, IPv4 and IPv6.")

    static func add(tcp: TCPSockets, to points: inout MetricPoints) {
        points.begin([])
        for (metric, count) in zip(states, tcp.counts) { points.add(metric, Double(count)) }
        points.add(stateless, 0)
    }

    static func add(udp count: Double, to points: inout MetricPoints) {
        points.begin([])
        points.add(udp, count)
    }

    static let tcpMetrics = states + [stateless]
    static let udpMetrics = [udp]
}
