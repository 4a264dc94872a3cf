// mem_*, disk_* and net_*: the CloudWatch agent's view of /proc/meminfo, statfs(2) and the interfaces' counters.

internal import Metrics
internal import Platform
internal import Procfs

enum MemoryUse {
    /// nil for a file without the fields that every kernel writes.
    ///
    /// What can be taken back from caches counts as cached, so that `mem_used` is what free(1) calls used.
    static func group(_ meminfo: FieldList) -> EMFGroup? {
        guard let total = meminfo["MemTotal"], let free = meminfo["MemFree"] else { return nil }
        let buffered = meminfo["Buffers"] ?? 0
        let cached = (meminfo["Cached"] ?? 0) + (meminfo["SReclaimable"] ?? 0)
        // MemAvailable is there since Linux 3.14.
        let available = meminfo["MemAvailable"] ?? free + buffered + cached
        let used = max(0, total - free - buffered - cached)
        return EMFGroup(
            dimensions: [],
            metrics: [
                EMFMetric("mem_active", .bytes, meminfo["Active"] ?? 0),
                EMFMetric("mem_available", .bytes, available),
                EMFMetric("mem_available_percent", .percent, 100 * available / total),
                EMFMetric("mem_buffered", .bytes, buffered),
                EMFMetric("mem_cached", .bytes, cached),
                EMFMetric("mem_free", .bytes, free),
                EMFMetric("mem_inactive", .bytes, meminfo["Inactive"] ?? 0),
                EMFMetric("mem_shared", .bytes, meminfo["Shmem"] ?? 0),
                EMFMetric("mem_total", .bytes, total),
                EMFMetric("mem_used", .bytes, used),
                EMFMetric("mem_used_percent", .percent, 100 * used / total),
            ])
    }
}

enum DiskUse {
    /// `disk_free` is what users may have, `disk_used` all that is taken: they do not add up to `disk_total`, and
    /// the percentage is of the two, as df(1) has it.
    static func group(_ mount: Mount, _ space: FileSystemSpace) -> EMFGroup {
        let used = Double(space.totalBytes) - Double(space.freeBytes)
        let free = Double(space.availableBytes)
        let device = mount.device.hasPrefix("/dev/") ? String(mount.device.dropFirst(5)) : mount.device
        return EMFGroup(
            dimensions: [
                .init("device", device), .init("fstype", mount.fsType), .init("path", mount.mountPoint),
            ],
            metrics: [
                EMFMetric("disk_free", .bytes, free),
                EMFMetric("disk_inodes_free", .count, Double(space.freeInodes)),
                EMFMetric("disk_inodes_total", .count, Double(space.inodes)),
                EMFMetric("disk_inodes_used", .count, Double(space.inodes) - Double(space.freeInodes)),
                EMFMetric("disk_total", .bytes, Double(space.totalBytes)),
                EMFMetric("disk_used", .bytes, used),
                EMFMetric("disk_used_percent", .percent, 100 * used / (used + free)),
            ])
    }
}

enum NetTraffic {
    /// What came and went since `previous`, for interfaces that were there then. Loopback is left out: it is no
    /// network. A counter that went back was reset: what passed is not known, and it is missing this time.
    static func groups(_ devices: [NetDev], since previous: [NetDev]) -> [EMFGroup] {
        var before: [String: NetDev] = [:]
        for device in previous { before[device.name] = device }
        return devices.compactMap { device in
            guard device.name != "lo", let old = before[device.name] else { return nil }
            let metrics = zip(counters(device), counters(old)).compactMap { now, then -> EMFMetric? in
                now.value < then.value ? nil : EMFMetric(now.name, now.unit, Double(now.value - then.value))
            }
            return EMFGroup(dimensions: [.init("interface", device.name)], metrics: metrics)
        }
    }

    private static func counters(_ device: NetDev) -> [(name: String, unit: EMFUnit, value: UInt64)] {
        [
            ("net_bytes_recv", .bytes, device.bytesReceived), ("net_bytes_sent", .bytes, device.bytesSent),
            ("net_drop_in", .count, device.receiveDrops), ("net_drop_out", .count, device.sendDrops),
            ("net_err_in", .count, device.receiveErrors), ("net_err_out", .count, device.sendErrors),
            ("net_packets_recv", .count, device.packetsReceived), ("net_packets_sent", .count, device.packetsSent),
        ]
    }
}
