// The host in the CloudWatch vocabulary, as EMF documents: reads what is wanted, and keeps what deltas need.

internal import Bytes
internal import Metrics
internal import Platform
package import Procfs
package import Settings

/// What is read, and how it is written.
package struct HostMetricsPlan: Sendable {
    package var host: Host
    package var selection: MetricSelection
    package var namespace: String
    /// Of every metric, before those of its subject.
    package var dimensions: [(name: String, value: String)]
    package var isHighResolution: Bool

    package init(
        host: Host, selection: MetricSelection, namespace: String, dimensions: [(name: String, value: String)],
        isHighResolution: Bool
    ) {
        self.host = host
        self.selection = selection
        self.namespace = namespace
        self.dimensions = dimensions
        self.isHighResolution = isHighResolution
    }
}

/// Reads the host once for each call. The first call has no usage of CPUs and no traffic: those need two readings.
package final class HostMetrics {
    /// All mounts together; one that hangs costs this once, and is left out from then on.
    private static let mountPatience: Duration = .seconds(1)
    /// Dimensions that the subjects bring, which a setting must not take.
    package static let subjectDimensions = ["cpu", "device", "fstype", "interface", "path"]

    private let plan: HostMetricsPlan
    private let stat: KernelFile
    private let meminfo: KernelFile
    private let interfaces: Interfaces
    private let mounts: MountSpaces
    private let mountPoints: NameFilter
    private let types: NameFilter
    private var previousStat: Stat?
    private var previousDevices: [NetDev] = []

    package init(_ plan: HostMetricsPlan) throws(SettingsError) {
        self.plan = plan
        stat = KernelFile("\(plan.host.proc)/stat")
        meminfo = KernelFile("\(plan.host.proc)/meminfo")
        interfaces = Interfaces(host: plan.host)
        mounts = MountSpaces(host: plan.host, patience: Self.mountPatience)
        var defaults = SettingsSection(missing: "")
        mountPoints = try NameFilter(
            &defaults, "mount_points", excluding: FilesystemCollector.excludedMountPoints)
        types = try NameFilter(&defaults, "fs_types", excluding: FilesystemCollector.excludedTypes)
    }

    /// One document for each set of dimensions, and what could not be read.
    package func documents(unixNanoseconds: Int64) -> (documents: [[UInt8]], problems: [String]) {
        var problems: [String] = []
        var documents: [[UInt8]] = []
        for group in groups(&problems) {
            let chosen = EMFGroup(
                dimensions: plan.dimensions.map { .init($0.name, $0.value) } + group.dimensions,
                metrics: group.metrics.filter { plan.selection.takes($0.name) })
            documents += EMFDocument.encode(
                chosen, namespace: plan.namespace, unixMilliseconds: unixNanoseconds / 1_000_000,
                isHighResolution: plan.isHighResolution)
        }
        return (documents, problems)
    }

    private func groups(_ problems: inout [String]) -> [EMFGroup] {
        var groups: [EMFGroup] = []
        for read in [memory, cpu, disk, net] {
            do throws(CollectError) { groups += try read(&problems) } catch { problems.append(error.description) }
        }
        return groups
    }

    private func memory(_: inout [String]) throws(CollectError) -> [EMFGroup] {
        guard plan.selection.takes(anyOf: CloudWatchNames.memory) else { return [] }
        guard let group = MemoryUse.group(try meminfo.value(Meminfo.parse)) else {
            throw .failed("\(meminfo.path): neither MemTotal nor MemFree")
        }
        return [group]
    }

    private func cpu(_: inout [String]) throws(CollectError) -> [EMFGroup] {
        guard plan.selection.takes(anyOf: CloudWatchNames.cpuTimes + CloudWatchNames.cpuUsage) else { return [] }
        let now = try stat.value(Stat.parse)
        defer { previousStat = now }
        return CPUUsage.groups(now, since: previousStat)
    }

    private func disk(_ problems: inout [String]) throws(CollectError) -> [EMFGroup] {
        guard plan.selection.takes(anyOf: CloudWatchNames.disk) else { return [] }
        var groups: [EMFGroup] = []
        let known = try mounts.read { mountPoints.takes($0.mountPoint) && types.takes($0.fsType) }
        for (mount, answer) in known {
            switch answer {
            case .space(let space): groups.append(DiskUse.group(mount, space))
            case .failed(let errno): problems.append("\(mount.mountPoint): \(errno)")
            case .late: problems.append("\(mount.mountPoint): \(FilesystemCollector.timeoutReason)")
            }
        }
        return groups
    }

    private func net(_: inout [String]) throws(CollectError) -> [EMFGroup] {
        guard plan.selection.takes(anyOf: CloudWatchNames.net) else { return [] }
        let devices = try interfaces.devices()
        defer { previousDevices = devices }
        return NetTraffic.groups(devices, since: previousDevices)
    }
}
