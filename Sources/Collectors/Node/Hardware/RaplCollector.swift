// The energy that parts of the machine used: zones of /sys/class/powercap (Documentation/power/powercap/powercap.rst).
// That takes root or CAP_DAC_READ_SEARCH, since how much power a CPU draws tells what it computes (CVE-2020-8694).

internal import Metrics
internal import Procfs
internal import Settings

struct RaplCollector: Collector {
    static let name = "rapl"
    static let isEnabledByDefault = true
    /// With `enable_zone_label`; without it each zone has a family: `node_rapl_package_joules_total`.
    static let metrics = [joules]

    private static let joules = MetricDescriptor(
        "node_rapl_joules_total", .counter, labels: ["index", "path", "rapl_zone"],
        help: "The energy that a zone used; begins anew from 0 when the kernel's counter is full.")

    private final class Zone {
        let name: String
        let path: String
        let energy: Attribute
        /// What it is served as.
        var series: (descriptor: MetricDescriptor, labels: [String])?

        init(_ name: String, _ path: String) {
            self.name = name
            self.path = path
            energy = Attribute("\(path)/energy_uj")
        }
    }

    private let withZoneLabel: Bool
    private let zones: DeviceList<Zone>
    private var families: [String: MetricDescriptor] = [:]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        withZoneLabel = try section.bool("enable_zone_label", default: false)
        zones = DeviceList("\(host.sys)/class/powercap") { _, path throws(KernelFileError) in
            // The control types, beside the zones, have no name.
            guard let name = try Attribute("\(path)/name").text(), !name.isEmpty else { return nil }
            return Zone(name, path)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var hasTold = false
        try zones.forEach(
            whenOther: { zones, _ in label(zones) },
            { zone, _ throws(KernelFileError) in
                guard let energy = try zone.energy.number(), let series = zone.series else { return }
                hasTold = true
                snapshot.add(series.descriptor, energy / 1_000_000, labels: series.labels)
            })
        guard hasTold || zones.devices.isEmpty else {
            throw .absent("no energy_uj in \(zones.path) may be read: that takes root or CAP_DAC_READ_SEARCH")
        }
    }

    private mutating func label(_ zones: [Zone]) {
        var counts: [String: Int] = [:]
        for zone in zones.sorted(by: { $0.path < $1.path }) {
            let (name, number) = Self.parts(zone.name)
            // Zones without a number of their own are counted, in the order of their paths.
            let index = number ?? counts[name, default: 0]
            counts[name] = index + 1
            zone.series = (
                withZoneLabel ? Self.joules : family(name),
                ["\(index)", zone.path] + (withZoneLabel ? [name] : [])
            )
        }
    }

    /// `package-1` is the second package; `core` and `package-0-die-1` have no number of their own.
    static func parts(_ name: String) -> (name: String, number: Int?) {
        let words = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard words.count == 2, let number = Int(String(Substring(words[1]))) else { return (name, nil) }
        return (String(Substring(words[0])), number)
    }

    private mutating func family(_ zone: String) -> MetricDescriptor {
        if let family = families[zone] { return family }
        let part = zone.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ":": Character(scalar)
            default: "_"
            }
        }
        let family = MetricDescriptor(
            "node_rapl_\(String(part))_joules_total", .counter, labels: ["index", "path"],
            help: "The energy that zones of this name used; begins anew from 0 when the kernel's counter is full.")
        families[zone] = family
        return family
    }
}
