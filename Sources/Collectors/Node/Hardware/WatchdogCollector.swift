// Watchdogs of the hardware: /sys/class/watchdog. See Documentation/ABI/testing/sysfs-class-watchdog.

internal import Metrics
internal import Procfs
internal import Settings

struct WatchdogCollector: Collector {
    static let name = "watchdog"
    static let isEnabledByDefault = true
    static let metrics = numbers.map(\.descriptor) + [info]

    private static func number(_ file: String, _ name: String, _ help: String) -> NumberMetric {
        NumberMetric(file, "node_watchdog_\(name)", labels: ["name"], help: help)
    }

    private static let numbers = [
        number("access_cs0", "access_cs0", "1 when the machine was booted from its second flash."),
        number("bootstatus", "bootstatus", "Why the machine was booted, as bits of WDIOC_GETBOOTSTATUS."),
        number("fw_version", "fw_version", "The version of the watchdog's firmware."),
        number("nowayout", "nowayout", "1 when the watchdog cannot be stopped once it runs."),
        number("pretimeout", "pretimeout_seconds", "How long before the reset the watchdog warns."),
        number("timeleft", "timeleft_seconds", "How long it is until the reset."),
        number("timeout", "timeout_seconds", "How long the watchdog waits for a sign of life."),
    ]

    private static let info = MetricDescriptor(
        "node_watchdog_info", .gauge,
        labels: ["identity", "name", "options", "pretimeout_governor", "state", "status"],
        help: "What a watchdog is, and whether it runs; always 1.")

    private struct Watchdog {
        let name: String
        let numbers: DeviceNumbers
        /// One for each label; nil for what it does not tell, and for the name.
        let texts: [Attribute?]
    }

    private let watchdogs: DeviceList<Watchdog>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        watchdogs = DeviceList("\(host.sys)/class/watchdog") { name, path throws(KernelFileError) in
            Watchdog(
                name: name, numbers: DeviceNumbers(Self.numbers, in: path),
                texts: Self.info.labels.map { attributeIfThere("\(path)/\($0)") })
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try watchdogs.forEach { watchdog, problem throws(KernelFileError) in
            watchdog.numbers.add(watchdog.name, to: &snapshot, &problem)
            let values = zip(Self.info.labels, watchdog.texts).map { label, attribute in
                if label == "name" { return watchdog.name }
                return problem.text(attribute) ?? ""
            }
            snapshot.add(Self.info, 1, labels: values)
        }
    }
}
