// What the firmware says of the machine: /sys/class/dmi/id, which drivers/firmware/dmi-id.c makes of the tables that
// the SMBIOS specification (DMTF DSP0134) describes.

internal import Metrics
internal import Procfs
internal import Settings

struct DMICollector: Collector {
    static let name = "dmi"
    static let isEnabledByDefault = true
    static let metrics = [info]

    private static let info = MetricDescriptor(
        "node_dmi_info", .gauge,
        labels: [
            "bios_date", "bios_release", "bios_vendor", "bios_version", "board_asset_tag", "board_name", "board_serial",
            "board_vendor", "board_version", "chassis_asset_tag", "chassis_serial", "chassis_vendor", "chassis_version",
            "product_family", "product_name", "product_serial", "product_sku", "product_uuid", "product_version",
            "system_vendor",
        ],
        help:
            "What the firmware says of the machine; always 1. Serial numbers are there when this process may read them."
    )

    private let directory: String
    /// One for each label. It does not change before the next boot: read once.
    private var values: [String?]?
    private var infos = InfoFamily(info)

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        directory = "\(host.sys)/class/dmi/id"
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        let values = values ?? read(&problem)
        // What could not be read may be readable the next time.
        if problem.isNone { self.values = values }
        try problem.throwIfAny()
        guard values.contains(where: { $0 != nil }) else { throw .absent("this machine has no \(directory)") }
        infos.add(values, to: &snapshot)
    }

    private func read(_ problem: inout FirstProblem) -> [String?] {
        var values: [String?] = []
        for label in Self.info.labels {
            let attribute = Attribute("\(directory)/\(label == "system_vendor" ? "sys_vendor" : label)")
            values.append(problem.text(attribute))
        }
        return values
    }
}
