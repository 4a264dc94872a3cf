// Known faults of the CPU, and what the kernel does about them: /sys/devices/system/cpu/vulnerabilities.
// See Documentation/ABI/testing/sysfs-devices-system-cpu.

internal import Metrics
internal import Procfs
internal import Settings

struct CPUVulnerabilitiesCollector: Collector {
    static let name = "cpu_vulnerabilities"
    static let isEnabledByDefault = false
    static let metrics = [info]

    private static let info = MetricDescriptor(
        "node_cpu_vulnerabilities_info", .gauge, labels: ["codename", "mitigation", "state"],
        help: "A known fault of CPUs, and what the kernel does about it here; always 1.")

    private struct Vulnerability {
        let codename: String
        let attribute: Attribute
    }

    private let vulnerabilities: DeviceList<Vulnerability>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        vulnerabilities = DeviceList("\(host.sys)/devices/system/cpu/vulnerabilities") { name, path in
            Vulnerability(codename: name, attribute: Attribute(path))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try vulnerabilities.forEach { vulnerability, _ throws(KernelFileError) in
            guard let found = try vulnerability.attribute.value(CPUVulnerability.parse) else { return }
            snapshot.add(Self.info, 1, labels: [vulnerability.codename, found.mitigation, found.state])
        }
    }
}
