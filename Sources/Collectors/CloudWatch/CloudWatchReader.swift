// The host in the CloudWatch vocabulary: reads what is wanted, once for all that is made of it, and keeps what deltas
// need.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

/// Which parts of the host are measured: the objects of the settings that are named as the agent's plug-ins.
package struct CloudWatchChoice: Sendable {
    var cpu = CPUUsage.Choice()
    var disk = ResourceChoice()
    var diskTypes: [Glob] = []
    var hasDevice = true
    var diskIO = ResourceChoice()
    var net = ResourceChoice()
    var processes: [ProcessSelector] = []

    /// Disks in memory, and files as disks: what they read and write is not the disks' work.
    static let ignoredDevices = ["loop*", "ram*", "fd[0-9]*"]

    /// All that the host has.
    package init() {}

    /// Asks for `cpu`, `disk`, `diskio`, `net` and `procstat`.
    init(_ section: inout SettingsSection, _ selection: MetricSelection) throws(SettingsError) {
        var cpu = try section.section("cpu")
        self.cpu.hasEach = try cpu.bool("each", default: true)
        self.cpu.hasTotal = try cpu.bool("total", default: true)
        try cpu.finish()
        var disk = try section.section("disk")
        self.disk = try ResourceChoice(&disk)
        diskTypes = try ResourceChoice.globs(&disk, "ignore_types", default: [])
        hasDevice = try !disk.bool("drop_device", default: false)
        try disk.finish()
        var diskIO = try section.section("diskio")
        self.diskIO = try ResourceChoice(&diskIO, ignoring: Self.ignoredDevices)
        try diskIO.finish()
        var net = try section.section("net")
        self.net = try ResourceChoice(&net)
        try net.finish()
        processes = try ProcessSelector.all(&section)
        if processes.isEmpty, selection.names("procstat_") {
            throw section.error(at: "metrics", "procstat_* needs \"procstat\": [ { \"exe\": \"…\" } ]")
        }
    }

    func takes(_ mount: Mount, default isUsual: (Mount) -> Bool) -> Bool {
        guard disk.takes(mount.mountPoint), !diskTypes.contains(where: { $0.matches(mount.fsType) }) else {
            return false
        }
        return !disk.isDefault || isUsual(mount)
    }

    func takesInterface(_ name: String) -> Bool { net.takes(name) && (name != "lo" || !net.isDefault) }
}

/// The first reading has no usage of CPUs and no traffic: those need two.
final class CloudWatchReader {
    /// All mounts together; one that hangs costs this once, and is left out from then on.
    private static let mountPatience: Duration = .seconds(1)

    /// Of which subjects anything is wanted: what nobody wants is not read.
    private struct Wanted {
        let memory, swap, cpu, disk, diskIO, amazonDisks, net, tcp, udp: Bool
        /// Somebody has written their names.
        let amazonDisksByName: Bool

        init(_ selection: MetricSelection) {
            memory = selection.takes(anyOf: MemoryUse.subject.metrics)
            swap = selection.takes(anyOf: SwapUse.subject.metrics)
            cpu = selection.takes(anyOf: CPUUsage.subject.metrics)
            disk = selection.takes(anyOf: DiskUse.subject.metrics)
            diskIO = selection.takes(anyOf: DiskTraffic.subject.metrics)
            amazonDisks = selection.takes(anyOf: NVMeTraffic.subject.metrics + NVMeTraffic.instanceStoreSubject.metrics)
            amazonDisksByName = selection.names("diskio_ebs") || selection.names("diskio_instance")
            net = selection.takes(anyOf: NetTraffic.subject.metrics)
            tcp = selection.takes(anyOf: SocketStates.tcpMetrics)
            udp = selection.takes(anyOf: SocketStates.udpMetrics)
        }
    }

    private let choice: CloudWatchChoice
    private let wanted: Wanted
    private let stat: KernelFile
    private let meminfo: KernelFile
    private let diskstats: KernelFile
    private let sockstats: [KernelFile]
    private let interfaces: Interfaces
    private let sockets: TCPSocketTable
    private let mounts: MountSpaces
    private let amazonDisks: AmazonDisks
    private let lookup: ProcessLookup?
    private let isUsual: (Mount) -> Bool
    private let devices: NameDecisions
    private let wantedInterfaces: NameDecisions
    private var previousStat: Stat?
    private var previousDisks: [DiskStats] = []
    private var previousInterfaces: [NetDev] = []

    init(_ choice: CloudWatchChoice, _ selection: MetricSelection, host: Host) throws(SettingsError) {
        self.choice = choice
        wanted = Wanted(selection)
        stat = KernelFile("\(host.proc)/stat")
        meminfo = KernelFile("\(host.proc)/meminfo")
        diskstats = KernelFile("\(host.proc)/diskstats")
        sockstats = ["sockstat", "sockstat6"].map { KernelFile("\(host.proc)/net/\($0)") }
        interfaces = Interfaces(host: host)
        sockets = TCPSocketTable(host: host)
        mounts = MountSpaces(host: host, patience: Self.mountPatience)
        amazonDisks = AmazonDisks(host: host)
        let files = ProcessLookup.Wanted(
            states: selection.takes(anyOf: ProcessStates.subject.metrics),
            rest: selection.takes(anyOf: ProcessUse.ofRest), status: selection.takes(anyOf: ProcessUse.ofStatus),
            io: selection.takes(anyOf: ProcessUse.ofIO), limits: selection.takes(anyOf: ProcessUse.ofLimits),
            openFiles: selection.takes(anyOf: [ProcessUse.openFiles]))
        let isOfProcesses = selection.takes(
            anyOf: ProcessUse.subject.metrics + ProcessUse.lookupSubject.metrics)
        let selectors = isOfProcesses ? choice.processes : []
        lookup = files.states || !selectors.isEmpty ? ProcessLookup(selectors, files, host: host) : nil
        var defaults = SettingsSection(missing: "")
        let points = try NameFilter(&defaults, "mount_points", excluding: FilesystemCollector.excludedMountPoints)
        let types = try NameFilter(&defaults, "fs_types", excluding: FilesystemCollector.excludedTypes)
        isUsual = { points.takes($0.mountPoint) && types.takes($0.fsType) }
        devices = NameDecisions { choice.diskIO.takes($0) }
        wantedInterfaces = NameDecisions { choice.takesInterface($0) }
    }

    /// Adds what the host has now, and what could not be read.
    func read(at now: Instant, to points: inout MetricPoints, _ problems: inout [String]) {
        attempt(&problems) { () throws(CollectError) in try readMemory(&points) }
        attempt(&problems) { () throws(CollectError) in try readCPU(&points) }
        var disks: [String] = []
        attempt(&problems) { () throws(CollectError) in disks += try readDisk(&points) }
        attempt(&problems) { () throws(CollectError) in disks += try readDiskIO(&points) }
        problems += disks
        attempt(&problems) { () throws(CollectError) in try readNet(&points) }
        attempt(&problems) { () throws(CollectError) in try readSockets(&points) }
        lookup?.read(at: now, to: &points, &problems)
    }

    /// What is wrong with one subject does not hide the others.
    private func attempt(_ problems: inout [String], _ body: () throws(CollectError) -> Void) {
        do throws(CollectError) { try body() } catch { problems.append(error.description) }
    }

    private func readMemory(_ points: inout MetricPoints) throws(CollectError) {
        guard wanted.memory || wanted.swap else { return }
        let fields = try meminfo.value(Meminfo.parse)
        if wanted.swap { SwapUse.add(fields, to: &points) }
        guard !wanted.memory || MemoryUse.add(fields, to: &points) else {
            throw .failed("\(meminfo.path): neither MemTotal nor MemFree")
        }
    }

    private func readCPU(_ points: inout MetricPoints) throws(CollectError) {
        guard wanted.cpu else { return }
        let now = try stat.value(Stat.parse)
        CPUUsage.add(now, since: previousStat, choice.cpu, to: &points)
        previousStat = now
    }

    /// Returns what is wrong with single file systems.
    private func readDisk(_ points: inout MetricPoints) throws(CollectError) -> [String] {
        guard wanted.disk else { return [] }
        var problems: [String] = []
        for (mount, answer) in try mounts.read(where: { choice.takes($0, default: isUsual) }) {
            switch answer {
            case .space(let space): DiskUse.add(mount, space, withDevice: choice.hasDevice, to: &points)
            case .failed(let errno): problems.append("\(mount.mountPoint): \(errno)")
            case .late: problems.append("\(mount.mountPoint): \(FilesystemCollector.timeoutReason)")
            }
        }
        return problems
    }

    /// Returns what is wrong with single disks.
    private func readDiskIO(_ points: inout MetricPoints) throws(CollectError) -> [String] {
        if wanted.diskIO {
            let now = try diskstats.value(DiskStats.parse)
            DiskTraffic.add(now, since: previousDisks, where: devices.takes, to: &points)
            previousDisks = now
        }
        guard wanted.amazonDisks else { return [] }
        let refused = try reading { () throws(KernelFileError) in
            try amazonDisks.read(where: devices.takes, to: &points)
        }
        // Who has only asked for everything has not asked for this: it takes a capability that the agent does not have.
        guard wanted.amazonDisksByName else { return [] }
        return refused.map { "\($0.device): \($0.reason), which takes CAP_SYS_ADMIN" }
    }

    private func readNet(_ points: inout MetricPoints) throws(CollectError) {
        guard wanted.net else { return }
        let now = try interfaces.devices()
        NetTraffic.add(now, since: previousInterfaces, where: wantedInterfaces.takes, to: &points)
        previousInterfaces = now
    }

    private func readSockets(_ points: inout MetricPoints) throws(CollectError) {
        if wanted.udp {
            var count = 0.0
            for (file, name) in zip(sockstats, ["UDP", "UDP6"]) {
                // Without IPv6 the second is not there.
                count += try file.valueIfThere(SockStat.parse)?[name, "inuse"] ?? 0
            }
            SocketStates.add(udp: count, to: &points)
        }
        if wanted.tcp { SocketStates.add(tcp: try sockets.read(), to: &points) }
    }
}
