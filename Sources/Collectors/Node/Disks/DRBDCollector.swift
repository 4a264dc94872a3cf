// Replicated block devices of DRBD 8, from /proc/drbd.

internal import Metrics
internal import Procfs
internal import Settings

struct DRBDCollector: Collector {
    static let name = "drbd"
    static let isEnabledByDefault = false
    static let metrics = counters.map(\.descriptor) + [connected, isPrimary, isUpToDate]

    private static let connected = MetricDescriptor(
        "node_drbd_connected", .gauge, labels: ["device"], help: "1 when it is connected to the other node.")
    private static let isPrimary = MetricDescriptor(
        "node_drbd_node_role_is_primary", .gauge, labels: ["device", "node"], help: "1 when the node is primary.")
    private static let isUpToDate = MetricDescriptor(
        "node_drbd_disk_state_is_up_to_date", .gauge, labels: ["device", "node"],
        help: "1 when the disk of the node is up to date.")

    private typealias Counter = (descriptor: MetricDescriptor, factor: Double)

    private static func counter(_ name: String, _ kind: MetricKind, _ factor: Double, _ help: String) -> Counter {
        (MetricDescriptor("node_drbd_" + name, kind, labels: ["device"], help: help), factor)
    }

    /// In the order of `DRBDDevice.counterNames`.
    private static let counters = [
        counter("network_sent_bytes_total", .counter, 1_024, "Bytes sent to the other node."),
        counter("network_received_bytes_total", .counter, 1_024, "Bytes received from the other node."),
        counter("disk_written_bytes_total", .counter, 1_024, "Bytes written to the local disk."),
        counter("disk_read_bytes_total", .counter, 1_024, "Bytes read from the local disk."),
        counter("activitylog_writes_total", .counter, 1, "Updates of the activity log."),
        counter("bitmap_writes_total", .counter, 1, "Updates of the bitmap."),
        counter("local_pending", .gauge, 1, "Requests to the local disk that are under way."),
        counter("remote_pending", .gauge, 1, "Requests to the other node that it has not answered."),
        counter("remote_unacknowledged", .gauge, 1, "Requests of the other node that were not answered."),
        counter("application_pending", .gauge, 1, "Requests of applications that were not answered."),
        counter("epochs", .gauge, 1, "Epochs that are under way."),
        counter("out_of_sync_bytes", .gauge, 1_024, "Bytes that are not the same on both nodes."),
    ]

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/drbd")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for device in try file.value(DRBDDevice.parse) {
            let name = "drbd\(device.number)"
            for (counter, value) in zip(Self.counters, device.counters) {
                if let value { snapshot.add(counter.descriptor, Double(value) * counter.factor, name) }
            }
            snapshot.add(Self.connected, device.connection == "Connected" ? 1 : 0, name)
            for (node, role) in zip(["local", "remote"], device.roles) {
                snapshot.add(Self.isPrimary, role == "Primary" ? 1 : 0, name, node)
            }
            for (node, state) in zip(["local", "remote"], device.diskStates) {
                snapshot.add(Self.isUpToDate, state == "UpToDate" ? 1 : 0, name, node)
            }
        }
    }
}
