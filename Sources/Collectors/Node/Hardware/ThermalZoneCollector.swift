// Temperatures of the kernel's thermal zones, and what the devices that cool them do: /sys/class/thermal.
// See Documentation/driver-api/thermal/sysfs-api.rst.

internal import Metrics
internal import Procfs
internal import Settings

struct ThermalZoneCollector: Collector {
    static let name = "thermal_zone"
    static let isEnabledByDefault = true
    static let metrics = [zoneMetric.descriptor] + coolingMetrics.map(\.descriptor)

    private static let zoneMetric = NumberMetric(
        "temp", "node_thermal_zone_temp", labels: ["type", "zone"], Scale(divisor: 1_000),
        help: "The temperature of a zone, in degrees Celsius.")
    private static let coolingMetrics = [
        NumberMetric(
            "cur_state", "node_cooling_device_cur_state", labels: ["name", "type"],
            help: "How much a device cools now; -1 when it does not tell."),
        NumberMetric(
            "max_state", "node_cooling_device_max_state", labels: ["name", "type"],
            help: "How much a device can cool."),
    ]

    /// A zone, or a device that cools.
    private struct Device {
        let type: String
        let number: String
        let isZone: Bool
        let readings: [(metric: NumberMetric, attribute: Attribute)]
    }

    private let devices: DeviceList<Device>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        devices = DeviceList("\(host.sys)/class/thermal") { name, path throws(KernelFileError) in
            try Self.device(name, path)
        }
    }

    private static func device(_ name: String, _ path: String) throws(KernelFileError) -> Device? {
        let zone = numberOfDevice(name, "thermal_zone")
        guard let number = zone ?? numberOfDevice(name, "cooling_device"),
            let type = try Attribute("\(path)/type").text()
        else { return nil }
        let metrics = zone == nil ? coolingMetrics : [zoneMetric]
        return Device(
            type: type, number: number, isZone: zone != nil,
            readings: metrics.map { ($0, Attribute("\(path)/\($0.file)")) })
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try devices.forEach { device, problem throws(KernelFileError) in
            for (metric, attribute) in device.readings {
                guard let number = problem.number(attribute) else { continue }
                let value = metric.scale(number)
                if device.isZone {
                    snapshot.add(metric.descriptor, value, device.type, device.number)
                } else {
                    snapshot.add(metric.descriptor, value, device.number, device.type)
                }
            }
        }
    }
}
