// Arrays of the md driver (software RAID), from /proc/mdstat and /sys/block/md*/md.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct MdadmCollector: Collector {
    static let name = "mdadm"
    static let isEnabledByDefault = true
    static let metrics = [state, disks, required, blocks, synced, raidDisks, degraded]

    private static let state = MetricDescriptor(
        "node_md_state", .gauge, labels: ["device", "state"], help: "1 for what an array is doing, 0 for the rest.")
    private static let disks = MetricDescriptor(
        "node_md_disks", .gauge, labels: ["device", "state"], help: "Disks of an array, by what they are to it.")
    private static let required = MetricDescriptor(
        "node_md_disks_required", .gauge, labels: ["device"], help: "Disks of a complete array.")
    private static let blocks = MetricDescriptor(
        "node_md_blocks", .gauge, labels: ["device"], help: "Size of an array in blocks of 1 KiB.")
    private static let synced = MetricDescriptor(
        "node_md_blocks_synced", .gauge, labels: ["device"],
        help: "Blocks that a recovery, resync or check is through with; all when there is none.")
    private static let raidDisks = MetricDescriptor(
        "node_md_raid_disks", .gauge, labels: ["device"], help: "Disks of a complete array, as sysfs tells it.")
    private static let degraded = MetricDescriptor(
        "node_md_degraded", .gauge, labels: ["device"], help: "Disks that an array lacks.")

    /// A reshape has no state of its own here, as with node_exporter: none is 1 then.
    private static let states: [(activity: MDStat.Activity, label: String)] = [
        (.active, "active"), (.inactive, "inactive"), (.recovering, "recovering"), (.resyncing, "resync"),
        (.checking, "check"),
    ]

    /// One array in sysfs.
    private struct Array {
        let name: String
        let raidDisks: Attribute
        let degraded: Attribute
    }

    private let file: KernelFile
    private let arrays: DeviceList<Array>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/mdstat")
        arrays = DeviceList("\(host.sys)/block") { name, path throws(KernelFileError) in
            guard name.hasPrefix("md"), try Attribute("\(path)/md/level").text() != nil else { return nil }
            return Array(
                name: name, raidDisks: Attribute("\(path)/md/raid_disks"), degraded: Attribute("\(path)/md/degraded"))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        for array in try file.value(MDStat.parse) {
            for (activity, label) in Self.states {
                snapshot.add(Self.state, array.activity == activity ? 1 : 0, array.name, label)
            }
            snapshot.add(Self.disks, Double(array.disksActive), array.name, "active")
            snapshot.add(Self.disks, Double(array.disksFailed), array.name, "failed")
            snapshot.add(Self.disks, Double(array.disksSpare), array.name, "spare")
            snapshot.add(Self.required, Double(array.disksRequired), array.name)
            snapshot.add(Self.blocks, Double(array.blocks), array.name)
            snapshot.add(Self.synced, Double(array.blocksSynced), array.name)
        }
        var problem = FirstProblem()
        problem.noteSuccess()
        arrays.forEach(noting: &problem) { array, problem throws(KernelFileError) in
            // While an array grows or shrinks, the number that it had before follows: `5 (4)`.
            let disks = problem.noted { () throws(KernelFileError) in
                try array.raidDisks.value { cursor throws(ParseError) in
                    guard let disks = cursor.unsigned() else { throw cursor.error("a number of disks") }
                    return disks
                }
            }
            if let disks { snapshot.add(Self.raidDisks, Double(disks), array.name) }
            // raid0 and linear have no such file: they work whole or not at all.
            snapshot.add(Self.degraded, try array.degraded.number() ?? 0, array.name)
        }
        try problem.throwIfAny()
    }
}
