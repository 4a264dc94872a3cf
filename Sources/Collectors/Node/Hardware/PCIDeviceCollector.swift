// PCI devices, their links, virtual functions and power states: /sys/bus/pci/devices.
// See Documentation/ABI/testing/sysfs-bus-pci.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct PCIDeviceCollector: Collector {
    static let name = "pcidevice"
    static let isEnabledByDefault = false
    static let metrics =
        [plainInfo, numaNode, powerState] + figures.map(\.metric.descriptor)

    private static let placeLabels = ["bus", "device", "function", "segment"]
    private static let infoLabels = [
        "bus", "class_id", "device", "device_id", "function", "parent_bus", "parent_device", "parent_function",
        "parent_segment", "revision", "segment", "subsystem_device_id", "subsystem_vendor_id", "vendor_id",
    ]
    private static let infoHelp = "What a PCI device is, and the bridge behind which it is; always 1."
    private static let plainInfo = MetricDescriptor(
        "node_pcidevice_info", .gauge, labels: infoLabels, help: infoHelp)
    private static let namedInfo = MetricDescriptor(
        "node_pcidevice_info", .gauge,
        labels: (infoLabels + [
            "class_name", "device_name", "subsystem_device_name", "subsystem_vendor_name", "vendor_name",
        ]).sorted(), help: infoHelp)
    private static let powerState = MetricDescriptor(
        "node_pcidevice_power_state", .gauge, labels: placeLabels + ["state"],
        help: "1 for the power state that the device is in.")
    private static let numaNode = MetricDescriptor(
        "node_pcidevice_numa_node", .gauge, labels: placeLabels, help: "The NUMA node that the device is next to.")

    /// A number of a device, and what is served of a device that does not have it.
    private struct Figure {
        let metric: NumberMetric
        let missing: Double
        /// `8.0 GT/s PCIe`
        let isSpeed: Bool

        init(_ file: String, _ name: String, missing: Double, isSpeed: Bool = false, _ help: String) {
            metric = NumberMetric(
                file, "node_pcidevice_\(name)", labels: placeLabels, isSpeed ? Scale(factor: 1e9) : .one, help: help)
            self.missing = missing
            self.isSpeed = isSpeed
        }
    }

    private static let figures = [
        Figure(
            "max_link_speed", "max_link_transfers_per_second", missing: -1, isSpeed: true,
            "Transfers that the link of the device can make in a second; -1 without one."),
        Figure(
            "current_link_speed", "current_link_transfers_per_second", missing: -1, isSpeed: true,
            "Transfers that the link of the device makes in a second; -1 without one."),
        Figure(
            "max_link_width", "max_link_width", missing: -1,
            "Lanes that the link of the device can have; -1 without one."),
        Figure(
            "current_link_width", "current_link_width", missing: -1,
            "Lanes that the link of the device has; -1 without one."),
        Figure(
            "d3cold_allowed", "d3cold_allowed", missing: 0, "1 when the device may be switched off altogether (D3cold)."
        ),
        Figure(
            "sriov_drivers_autoprobe", "sriov_drivers_autoprobe", missing: 0,
            "1 when drivers are looked for when virtual functions appear."),
        Figure("sriov_numvfs", "sriov_numvfs", missing: 0, "Virtual functions that the device has."),
        Figure("sriov_totalvfs", "sriov_totalvfs", missing: 0, "Virtual functions that the device can have."),
        Figure(
            "sriov_vf_total_msix", "sriov_vf_total_msix", missing: 0, "Interrupt vectors for all its virtual functions."
        ),
    ]

    private let names: PCINames?
    private let devices: DeviceList<PCIDevice>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let path = try section.string("idsfile", default: "")
        names = try section.bool("names", default: false) ? PCINames(path: path) : nil
        devices = DeviceList("\(host.sys)/bus/pci/devices") { name, path throws(KernelFileError) in
            guard let place = PCIPlace(name) else { return nil }
            return try PCIDevice(at: place, path, files: Self.figures.map(\.metric.file))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let info = names == nil ? Self.plainInfo : Self.namedInfo
        try devices.forEach(whenOther: { Self.label($0, names, &$1) }) { device, problem throws(KernelFileError) in
            let place = device.place.labels
            snapshot.add(info, 1, labels: device.infoLabels)
            for (figure, attribute) in zip(Self.figures, device.figures) {
                let problems = problem.count
                let number = problem.noted { () throws(KernelFileError) in
                    figure.isSpeed ? try attribute?.value(Self.speed) ?? nil : try attribute?.numberIfAny()
                }
                // What could not be read is not known; what is not there has a value that says so.
                guard problem.count == problems else { continue }
                snapshot.add(
                    figure.metric.descriptor, number.map { figure.metric.scale($0) } ?? figure.missing, labels: place)
            }
            if let node = device.numaNode { snapshot.add(Self.numaNode, node, labels: place) }
            guard let state = try device.powerState?.text() else { return }
            for (other, labels) in zip(PCIDevice.powerStates, device.powerLabels) {
                snapshot.add(Self.powerState, other == state ? 1 : 0, labels: labels)
            }
        }
    }

    private static func label(_ devices: [PCIDevice], _ names: PCINames?, _ problem: inout FirstProblem) {
        let nameLabels = names?.labels(of: devices.map(\.identity), &problem)
        for (index, device) in devices.enumerated() {
            let (place, identity) = (device.place, device.identity)
            // What is at the root has no bridge, which node_exporter writes so.
            let parent = device.parent ?? PCIPlace(segment: "*", bus: "*", device: "*", function: "*")
            let values = [
                place.bus, identity.baseClass, place.device, identity.device, place.function, parent.bus, parent.device,
                parent.function, parent.segment, device.revision, place.segment, identity.subdevice, identity.subvendor,
                identity.vendor,
            ]
            guard let named = nameLabels?[index] else {
                device.infoLabels = values
                continue
            }
            let byLabel = Dictionary(
                uniqueKeysWithValues: zip(infoLabels, values)
            ).merging([
                "class_name": named.className, "device_name": named.device, "subsystem_device_name": named.subdevice,
                "subsystem_vendor_name": named.subvendor, "vendor_name": named.vendor,
            ]) { number, _ in number }
            device.infoLabels = namedInfo.labels.map { byLabel[$0] ?? "" }
        }
    }

    /// `8.0 GT/s PCIe`; nil for `Unknown`.
    private static func speed(_ text: inout ByteCursor) throws(ParseError) -> Double? {
        _ = text.trimmed()
        guard let number = text.decimal(), text.skip(" GT/s") else { return nil }
        return number
    }
}
