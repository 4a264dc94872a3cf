// Whether SELinux is in force, from /sys/fs/selinux (not there when it is off) and /etc/selinux/config. See selinux(8).

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct SelinuxCollector: Collector {
    static let name = "selinux"
    static let isEnabledByDefault = true
    static let metrics = [enabled, configMode, currentMode]

    private static let enabled = MetricDescriptor(
        "node_selinux_enabled", .gauge, help: "1 when the kernel has a policy of SELinux loaded.")
    private static let configMode = MetricDescriptor(
        "node_selinux_config_mode", .gauge,
        help: "What the settings want at the boot: 1 enforcing, 0 permissive, -1 disabled.")
    private static let currentMode = MetricDescriptor(
        "node_selinux_current_mode", .gauge, help: "What holds now: 1 enforcing, 0 permissive, -1 disabled.")

    private let enforce: Attribute
    /// The label of the init process: `kernel` as long as no policy is loaded.
    private let initLabel: Attribute
    private let config: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        enforce = Attribute("\(host.sys)/fs/selinux/enforce")
        initLabel = Attribute("\(host.proc)/1/attr/current")
        config = KernelFile("/etc/selinux/config", inside: host.root)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let mode = try reading { () throws(KernelFileError) in try enforce.number() }
        let label = try reading { () throws(KernelFileError) in
            try initLabel.value { text throws(ParseError) in text.skip("kernel") && (text.next ?? 0) <= 32 }
        }
        guard let mode, label != true else {
            snapshot.add(Self.enabled, 0)
            return
        }
        snapshot.add(Self.enabled, 1)
        snapshot.add(Self.configMode, try wanted())
        snapshot.add(Self.currentMode, mode)
    }

    private func wanted() throws(CollectError) -> Double {
        switch try config.valueIfThere(Assignments.parse)?["SELINUX"] {
        case "enforcing": 1
        case "permissive": 0
        default: -1
        }
    }
}
