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

    private let directory: String
    private var devices: [Device]?
    /// A test puts other clocks here.
    var now: () -> Moment = { .now }
    var zone: (_ unixSeconds: Int64) -> LocalZone = LocalZone.at

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        directory = "\(host.sys)/devices/system/clocksource"
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let now = now().unixNanoseconds
        snapshot.add(Self.seconds, Double(now) / 1e9)
        let zone = zone(now / 1_000_000_000)
        snapshot.add(Self.zoneOffset, Double(zone.offsetSeconds), zone.abbreviation)
        for device in try listedDevices() {
            for source in try device.available.valueIfThere(Words.parse) ?? [] {
                snapshot.add(Self.available, 1, source, device.device)
            }
            for source in try device.current.valueIfThere(Words.parse) ?? [] {
                snapshot.add(Self.current, 1, source, device.device)
            }
        }
    }

    /// Listed once: the kernel makes its one device at the boot.
    private mutating func listedDevices() throws(CollectError) -> [Device] {
        if let devices { return devices }
        var names: [String] = []
        do throws(Errno) { names = try textEntries(directory) } catch  where error == .notFound {
            // No sysfs here: the time is served all the same.
        } catch {
            throw .failed("\(directory): \(error)")
        }
        let prefix = "clocksource"
        let listed = names.filter { $0.hasPrefix(prefix) }.sorted().map { name in
            Device(
                device: String(name.dropFirst(prefix.count)),
                available: KernelFile("\(directory)/\(name)/available_clocksource"),
                current: KernelFile("\(directory)/\(name)/current_clocksource"))
        }
        devices = listed
        return listed
    }
}
