// NVMe controllers and the namespaces behind them, from /sys/class/nvme. See Documentation/ABI/stable/sysfs-block and
// drivers/nvme/host/sysfs.c.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct NVMeCollector: Collector {
    static let name = "nvme"
    static let isEnabledByDefault = true
    static let metrics = [info, namespaceInfo, capacity, size, used, blockSize]

    private static let info = MetricDescriptor(
        "node_nvme_info", .gauge, labels: ["cntlid", "device", "firmware_revision", "model", "serial", "state"],
        help: "What an NVMe controller is; always 1.")
    private static let namespaceInfo = MetricDescriptor(
        "node_nvme_namespace_info", .gauge, labels: ["ana_state", "device", "nsid"],
        help: "How a namespace is to be reached through a controller; always 1.")
    private static let capacity = namespaceMetric("capacity_bytes", "Size of a namespace in bytes.")
    private static let size = namespaceMetric("size_bytes", "Size of a namespace in bytes.")
    private static let used = namespaceMetric("used_bytes", "Bytes that a namespace has allocated on its disk.")
    private static let blockSize = namespaceMetric("logical_block_size_bytes", "Size of a block of a namespace.")

    private static func namespaceMetric(_ name: String, _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_nvme_namespace_" + name, .gauge, labels: ["device", "nsid"], help: help)
    }

    /// The unit of `size` in sysfs, whatever the blocks of the disk are.
    private static let sectorBytes = 512.0

    private final class Controller {
        let name: String
        let model: String
        let serial: String
        let cntlid: String
        /// A new firmware may be taken into use without a reset.
        let firmware: Attribute
        let state: Attribute
        let namespaces: DeviceList<Namespace>

        init(_ name: String, _ path: String) throws(KernelFileError) {
            self.name = name
            model = try Attribute("\(path)/model").text() ?? ""
            serial = try Attribute("\(path)/serial").text() ?? ""
            cntlid = try Attribute("\(path)/cntlid").text() ?? ""
            firmware = Attribute("\(path)/firmware_rev")
            state = Attribute("\(path)/state")
            namespaces = DeviceList(path) { name, path throws(KernelFileError) in
                NVMeCollector.namespaceNumber(name).map { Namespace($0, path) }
            }
        }
    }

    private struct Namespace {
        let number: String
        let anaState: Attribute
        let sectors: Attribute
        let usedBlocks: Attribute
        let blockSize: Attribute

        init(_ number: String, _ path: String) {
            self.number = number
            anaState = Attribute("\(path)/ana_state")
            sectors = Attribute("\(path)/size")
            usedBlocks = Attribute("\(path)/nuse")
            blockSize = Attribute("\(path)/queue/logical_block_size")
        }
    }

    private let controllers: DeviceList<Controller>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        controllers = DeviceList("\(host.sys)/class/nvme") { name, path throws(KernelFileError) in
            try Controller(name, path)
        }
    }

    /// `1` of `nvme0n1`, and of `nvme0c3n1`, which is one path of several to a namespace.
    static func namespaceNumber(_ name: String) -> String? {
        var name = ByteCursor(name)
        guard name.skip("nvme"), name.unsigned() != nil else { return nil }
        if name.skip("c"), name.unsigned() == nil { return nil }
        guard name.skip("n") else { return nil }
        let start = name.index
        guard name.unsigned() != nil, name.isAtEnd else { return nil }
        return name.text(start..<name.end)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try controllers.forEach { controller, problem throws(KernelFileError) in
            let firmware = problem.text(controller.firmware)
            let state = problem.text(controller.state)
            let labels = [
                controller.cntlid, controller.name, firmware ?? "", controller.model, controller.serial, state ?? "",
            ]
            snapshot.add(Self.info, 1, labels: labels)
            controller.namespaces.forEach(noting: &problem) { namespace, problem throws(KernelFileError) in
                Self.add(namespace, of: controller.name, to: &snapshot, &problem)
            }
        }
    }

    private static func add(
        _ namespace: Namespace, of device: String, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        // Only a controller that reports asymmetric access (ANA) has the file.
        let anaState = problem.text(namespace.anaState) ?? "unknown"
        snapshot.add(namespaceInfo, 1, labels: [anaState, device, namespace.number])
        if let sectors = problem.number(namespace.sectors) {
            snapshot.add(capacity, sectors * sectorBytes, device, namespace.number)
            snapshot.add(size, sectors * sectorBytes, device, namespace.number)
        }
        guard let bytes = problem.number(namespace.blockSize) else { return }
        snapshot.add(blockSize, bytes, device, namespace.number)
        // Since Linux 6.8.
        if let blocks = problem.number(namespace.usedBlocks) {
            snapshot.add(used, blocks * bytes, device, namespace.number)
        }
    }
}
