// What waits in the queues of all UDP sockets, from /proc/net/udp and udp6.

internal import Metrics
internal import Procfs
internal import Settings

struct UDPQueuesCollector: Collector {
    static let name = "udp_queues"
    static let isEnabledByDefault = true
    static let metrics = [queues]

    private static let queues = MetricDescriptor(
        "node_udp_queues", .gauge, labels: ["ip", "queue"], help: "Bytes in the queues of all UDP sockets.")

    private let files: [(ip: String, file: KernelFile)]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        files = [("v4", KernelFile("\(host.proc)/net/udp")), ("v6", KernelFile("\(host.proc)/net/udp6"))]
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var isThere = false
        var problem = FirstProblem()
        for (ip, file) in files {
            // Not there where IPv6 is switched off.
            let read = problem.noted { () throws(KernelFileError) in try file.read(UDPSockets.parse) }
            guard let sockets = read else { continue }
            isThere = true
            snapshot.add(Self.queues, Double(sockets.receiveQueue), ip, "rx")
            snapshot.add(Self.queues, Double(sockets.sendQueue), ip, "tx")
        }
        try problem.throwIfAny()
        guard isThere else { throw .absent("this kernel has neither \(files[0].file.path) nor \(files[1].file.path)") }
    }
}
