// node_network_*_supported, *_advertised: how the links of network interfaces can run.

internal import Metrics
internal import Procfs

enum EthtoolLinkMetrics {
    static let all = [ports, autonegotiates] + supported.all + advertised.all

    private static let ports = gauge(
        "supported_port_info", ["device", "type"], "A kind of port that an interface has; always 1.")
    private static let autonegotiates = gauge("autonegotiate", ["device"], "1 when the link settles its speed itself.")
    private static let supported = Set("supported", "can do")
    private static let advertised = Set("advertised", "offers to the other side")

    /// What is served of a set of modes.
    private struct Set {
        let speed: MetricDescriptor
        let autonegotiation: MetricDescriptor
        let pause: MetricDescriptor
        let asymmetricPause: MetricDescriptor

        var all: [MetricDescriptor] { [speed, autonegotiation, pause, asymmetricPause] }

        init(_ word: String, _ verb: String) {
            speed = gauge(
                "\(word)_speed_bytes", ["device", "duplex", "mode"],
                "A mode that the link \(verb), in bytes per second.")
            autonegotiation = gauge(
                "autonegotiate_\(word)", ["device"], "1 for autonegotiation, which the link \(verb).")
            pause = gauge("pause_\(word)", ["device"], "1 for pause frames, which the link \(verb).")
            asymmetricPause = gauge(
                "asymmetricpause_\(word)", ["device"], "1 for pause frames in one direction, which the link \(verb).")
        }

        func add(_ modes: [UInt32], of device: String, to snapshot: inout Snapshot) {
            for mode in LinkMode.all where modes.has(mode.bit) {
                snapshot.add(speed, mode.bytesPerSecond, labels: [device, mode.duplex, mode.name])
            }
            snapshot.add(autonegotiation, modes.has(LinkMode.autonegotiation) ? 1 : 0, device)
            snapshot.add(pause, modes.has(LinkMode.pause) ? 1 : 0, device)
            snapshot.add(asymmetricPause, modes.has(LinkMode.asymmetricPause) ? 1 : 0, device)
        }
    }

    private static func gauge(_ name: String, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_network_" + name, .gauge, labels: labels, help: help)
    }

    static func add(_ link: EthtoolLink, of device: String, to snapshot: inout Snapshot) {
        for (bit, name) in LinkMode.ports where link.supported.has(bit) { snapshot.add(ports, 1, device, name) }
        supported.add(link.supported, of: device, to: &snapshot)
        advertised.add(link.advertised, of: device, to: &snapshot)
        snapshot.add(autonegotiates, link.isAutonegotiating ? 1 : 0, device)
    }
}

extension [UInt32] {
    fileprivate func has(_ bit: Int) -> Bool { bit / 32 < count && self[bit / 32] >> UInt32(bit % 32) & 1 != 0 }
}
