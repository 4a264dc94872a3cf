// The host's clock, its time zone, and the clock sources of the kernel
// (/sys/devices/system/clocksource, Documentation/ABI/testing/sysfs-devices-system-clocksource).

internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct TimeCollector: Collector {
    static let name = "time"
    static let isEnabledByDefault = true
    static let metrics = [seconds, zoneOffset, available, current]

    private static let seconds = MetricDescriptor(
        "node_time_seconds", .gauge, help: "The host's time, in seconds since 1970.")
    private static let zoneOffset = MetricDescriptor(
        "node_time_zone_offset_seconds", .gauge, labels: ["time_zone"],
        help: "How far the local time is ahead of UTC, in seconds.")
    private static let available = MetricDescriptor(
        "node_time_clocksource_available_info", .gauge, labels: ["clocksource", "device"],
        help: "Clock sources that the kernel could use; always 1.")
    private static let current = MetricDescriptor(
        "node_time_clocksource_current_info", .gauge, labels: ["clocksource", "device"],
        help: "The clock source that the kernel uses; always 1.")

    /// One `clocksourceN`; `device` is the N.
    private struct Device {
        let device: String
        let available: KernelFile
        let current: KernelFile
    }

    private let devices: DeviceList<Device>
    /// A test puts other clocks here.
    var now: () -> Moment = { .now }
    var zone: (_ unixSeconds: Int64) -> LocalZone = LocalZone.at

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        devices = DeviceList("\(host.sys)/devices/system/clocksource") { name, path throws(KernelFileError) in
            let prefix = "clocksource"
            guard name.hasPrefix(prefix) else { return nil }
            return Device(
                device: String(name.dropFirst(prefix.count)), available: KernelFile("\(path)/available_clocksource"),
                current: KernelFile("\(path)/current_clocksource"))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let now = now().unixNanoseconds
        snapshot.add(Self.seconds, Double(now) / 1e9)
        let zone = zone(now / 1_000_000_000)
        snapshot.add(Self.zoneOffset, Double(zone.offsetSeconds), zone.abbreviation)
        // Without sysfs the time is served all the same.
        var problem = FirstProblem()
        problem.noteSuccess()
        devices.forEach(noting: &problem) { device, problem throws(KernelFileError) in
            let available = problem.noted { () throws(KernelFileError) in try device.available.read(Words.parse) }
            for source in available ?? [] { snapshot.add(Self.available, 1, source, device.device) }
            let current = problem.noted { () throws(KernelFileError) in try device.current.read(Words.parse) }
            for source in current ?? [] { snapshot.add(Self.current, 1, source, device.device) }
        }
        try problem.throwIfAny()
    }
}
