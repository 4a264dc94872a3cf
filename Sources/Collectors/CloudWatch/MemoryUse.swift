// mem_* and swap_*: the CloudWatch agent's view of /proc/meminfo, which is that of free(1).

internal import Metrics
internal import Procfs

enum MemoryUse {
    static let subject = CloudWatchSubject(
        name: "mem", dimensions: [],
        metrics: [
            active, available, availablePercent, buffered, cached, free, inactive, shared, total, used, usedPercent,
        ])

    private static let active = metric("active", .bytes, "Memory that was in use lately.")
    private static let available = metric("available", .bytes, "What programs could have without swapping.")
    private static let availablePercent = metric("available_percent", .percent, "The same, of all memory.")
    private static let buffered = metric("buffered", .bytes, "Buffers of block devices.")
    private static let cached = metric("cached", .bytes, "Files in memory, and what of the kernel's can be taken back.")
    private static let free = metric("free", .bytes, "Memory that nobody uses.")
    private static let inactive = metric("inactive", .bytes, "Memory that was not in use lately.")
    private static let shared = metric("shared", .bytes, "Shared memory and tmpfs.")
    private static let total = metric("total", .bytes, "All memory.")
    private static let used = metric("used", .bytes, "All but free, buffered and cached.")
    private static let usedPercent = metric("used_percent", .percent, "The same, of all memory.")

    private static func metric(_ name: String, _ unit: EMFUnit, _ meaning: String) -> CloudWatchMetric {
        CloudWatchMetric("mem_\(name)", unit, meaning)
    }

    /// False for a file without the fields that every kernel writes.
    static func add(_ meminfo: FieldList, to points: inout MetricPoints) -> Bool {
        guard let total = meminfo["MemTotal"], let free = meminfo["MemFree"] else { return false }
        let buffered = meminfo["Buffers"] ?? 0
        let cached = (meminfo["Cached"] ?? 0) + (meminfo["SReclaimable"] ?? 0)
        // MemAvailable is there since Linux 3.14.
        let available = meminfo["MemAvailable"] ?? free + buffered + cached
        let used = max(0, total - free - buffered - cached)
        points.begin([])
        points.add(active, meminfo["Active"] ?? 0)
        points.add(Self.available, available)
        points.add(availablePercent, 100 * available / total)
        points.add(Self.buffered, buffered)
        points.add(Self.cached, cached)
        points.add(Self.free, free)
        points.add(inactive, meminfo["Inactive"] ?? 0)
        points.add(shared, meminfo["Shmem"] ?? 0)
        points.add(Self.total, total)
        points.add(Self.used, used)
        points.add(usedPercent, 100 * used / total)
        return true
    }
}

enum SwapUse {
    static let subject = CloudWatchSubject(name: "swap", dimensions: [], metrics: [free, used, usedPercent])

    private static let free = CloudWatchMetric("swap_free", .bytes, "Swap space that is free.")
    private static let used = CloudWatchMetric("swap_used", .bytes, "Swap space that is in use.")
    private static let usedPercent = CloudWatchMetric(
        "swap_used_percent", .percent, "The same, of all swap space; 0 on a host without.")

    static func add(_ meminfo: FieldList, to points: inout MetricPoints) {
        guard let total = meminfo["SwapTotal"], let free = meminfo["SwapFree"] else { return }
        points.begin([])
        points.add(Self.free, free)
        points.add(used, max(0, total - free))
        points.add(usedPercent, total > 0 ? 100 * max(0, total - free) / total : 0)
    }
}
