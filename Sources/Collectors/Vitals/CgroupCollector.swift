// What control groups use: slices, services, containers, to a depth. See
// Documentation/admin-guide/cgroup-v2.rst.
//
// Each group costs a dozen small files, so their number has a limit. Version 1 is not read: on a host that has both,
// what version 2 has is served, which is little more than pressure and the time on the CPU.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct CgroupCollector: Collector {
    static let name = "cgroup"
    static let isEnabledByDefault = false
    static let metrics = CgroupMetrics.all

    /// Of one group; a host with more disks than these has them in few groups.
    private static let deviceLimit = 32
    private static let limits = 1...10_000
    private static let depths = 1...16

    private enum Subject: String, CaseIterable { case cpu, io, memory, pids, pressure }

    private let roots: [String]
    private let depth: Int
    private let limit: Int
    private let subjects: Set<Subject>
    private let filter: NameFilter
    private let deviceFilter: NameFilter
    private let disks: KernelFile

    private var tree: CgroupTree?
    private var reader = SmallFileReader("")
    /// By major and minor number; nil for one that is not served. Made anew at each reading.
    private var deviceNames: [UInt64: String?] = [:]
    /// Kept for their memory.
    private var values: [UInt64?] = []
    private var devices: [CgroupIO] = []
    private var devicesLeftOut = 0
    private var problem = FirstProblem()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        roots = ["\(host.sys)/fs/cgroup", "\(host.sys)/fs/cgroup/unified"]
        depth = try section.integer("depth", default: 2, in: Self.depths)
        limit = try section.integer("limit", default: 500, in: Self.limits)
        filter = try NameFilter(&section, exclude: "exclude", include: "include")
        deviceFilter = try NameFilter(&section, "device", excluding: #"^(z?ram|loop|fd|sr)\d+$"#)
        let words = try section.strings("subjects", default: Subject.allCases.map(\.rawValue))
        var subjects: Set<Subject> = []
        for (index, word) in words.enumerated() {
            guard let subject = Subject(rawValue: word) else {
                let known = Subject.allCases.map(\.rawValue).joined(separator: ", ")
                throw section.error(at: "subjects", element: index, "expected one of \(known)")
            }
            subjects.insert(subject)
        }
        self.subjects = subjects
        disks = KernelFile("\(host.proc)/diskstats")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        // Taken out, so that its lists have one owner; after an error it is looked for anew.
        var tree = if let known = self.tree.take() { known } else { try findTree() }
        do throws(KernelFileError) { try tree.refresh() } catch { throw CollectError(error) }
        defer { self.tree = tree }
        problem = FirstProblem()
        devicesLeftOut = 0
        if subjects.contains(.io) { nameDevices() }
        var (served, leftOut) = (0, tree.passedOver)
        for node in tree.nodes where node.isTaken {
            guard served < limit else {
                leftOut += 1
                continue
            }
            served += 1
            add(node, at: tree.root, to: &snapshot)
        }
        snapshot.add(CgroupMetrics.leftOut, Double(leftOut))
        snapshot.add(CgroupMetrics.devicesLeftOut, Double(devicesLeftOut))
        try problem.throwIfAny()
    }

    /// Version 2 is mounted alone, or below version 1.
    private mutating func findTree() throws(CollectError) -> CgroupTree {
        for root in roots {
            reader.directory = PathBuffer(root)
            let answer = try reading { () throws(KernelFileError) in
                try reader.read("/cgroup.controllers") { _ throws(ParseError) in }
            }
            if case .value = answer { return CgroupTree(root: root, depth: depth, filter: filter) }
        }
        throw .absent("this host has no control groups of version 2 at \(roots[0])")
    }

    private mutating func nameDevices() {
        deviceNames.removeAll(keepingCapacity: true)
        guard let disks = problem.noted({ () throws(KernelFileError) in try disks.read(DiskStats.parse) }) else {
            return
        }
        for disk in disks {
            deviceNames[Self.number(disk.major, disk.minor)] = .some(deviceFilter.takes(disk.name) ? disk.name : nil)
        }
    }

    private static func number(_ major: UInt64, _ minor: UInt64) -> UInt64 { major << 32 | minor & 0xFFFF_FFFF }

    private mutating func add(_ node: CgroupNode, at root: String, to snapshot: inout Snapshot) {
        reader.directory.cut(to: 0)
        reader.directory.append(text: root)
        reader.directory.append(path: node.path)
        let group = node.label
        let before = snapshot.samples.count
        if subjects.contains(.cpu) {
            add(CgroupMetrics.cpu, group, to: &snapshot)
            if let cpus = read("/cpu.max", CgroupLimit.parseCPUs) ?? nil {
                snapshot.add(CgroupMetrics.cpuLimit, cpus, group)
            }
        }
        if subjects.contains(.memory) { addMemory(group, to: &snapshot) }
        if subjects.contains(.io) { addIO(group, to: &snapshot) }
        if subjects.contains(.pids) {
            add(CgroupMetrics.pids, "/pids.current", group, to: &snapshot)
            add(CgroupMetrics.pidsLimit, "/pids.max", group, to: &snapshot)
        }
        if subjects.contains(.pressure) { addPressure(group, to: &snapshot) }
        // A group that went away meanwhile has nothing that could be named.
        if !node.infoLabels.isEmpty, snapshot.samples.count > before {
            snapshot.add(CgroupMetrics.info, 1, labels: node.infoLabels)
        }
    }

    private mutating func addMemory(_ group: String, to snapshot: inout Snapshot) {
        add(CgroupMetrics.memory, "/memory.current", group, to: &snapshot)
        add(CgroupMetrics.memoryLimit, "/memory.max", group, to: &snapshot)
        add(CgroupMetrics.swap, "/memory.swap.current", group, to: &snapshot)
        add(CgroupMetrics.memoryStat, group, to: &snapshot)
        guard readFlat("/memory.events", CgroupMetrics.memoryEventFields) else { return }
        for (index, event) in CgroupMetrics.memoryEventLabels.enumerated() {
            if let value = values[index] { snapshot.add(CgroupMetrics.memoryEvents, Double(value), group, event) }
        }
    }

    private mutating func addIO(_ group: String, to snapshot: inout Snapshot) {
        var found: [CgroupIO] = []
        swap(&found, &devices)
        defer { swap(&found, &devices) }
        guard read("/io.stat", { cursor throws(ParseError) in try CgroupIO.parse(&cursor, into: &found) }) != nil else {
            return
        }
        var served = 0
        for io in found {
            // A device that is not in the list has gone; its numbers still tell it from the others.
            guard let device = deviceNames[Self.number(io.major, io.minor)] ?? "\(io.major):\(io.minor)" else {
                continue
            }
            guard served < Self.deviceLimit else {
                devicesLeftOut += 1
                continue
            }
            served += 1
            for (descriptor, value) in CgroupMetrics.io { snapshot.add(descriptor, Double(value(io)), group, device) }
        }
    }

    private mutating func addPressure(_ group: String, to snapshot: inout Snapshot) {
        for (file, resource) in CgroupMetrics.pressureFiles {
            guard let pressure = read(file, Pressure.parse) else { continue }
            if let time = pressure.someMicroseconds {
                snapshot.add(CgroupMetrics.waiting, Double(time) / 1_000_000, group, resource)
            }
            if let time = pressure.fullMicroseconds {
                snapshot.add(CgroupMetrics.stalled, Double(time) / 1_000_000, group, resource)
            }
        }
    }

    // MARK: Files

    private mutating func add(_ file: CgroupMetrics.FlatFile, _ group: String, to snapshot: inout Snapshot) {
        guard readFlat(file.path, file.fields) else { return }
        for (index, (descriptor, divisor)) in file.series.enumerated() {
            if let value = values[index] { snapshot.add(descriptor, Double(value) / divisor, group) }
        }
    }

    private mutating func readFlat(_ file: StaticString, _ fields: [StaticString]) -> Bool {
        var found: [UInt64?] = []
        swap(&found, &values)
        defer { swap(&found, &values) }
        return read(file) { cursor throws(ParseError) in try FlatKeyed.parse(&cursor, fields, into: &found) } != nil
    }

    /// A number, or `max`, which is no sample.
    private mutating func add(
        _ descriptor: MetricDescriptor, _ file: StaticString, _ group: String, to snapshot: inout Snapshot
    ) {
        if let value = read(file, CgroupLimit.parse) ?? nil { snapshot.add(descriptor, Double(value), group) }
    }

    /// nil when the group has no such file, or a bad one: that costs this group, and all else is served.
    private mutating func read<Value>(
        _ file: StaticString, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) -> Value? {
        do throws(KernelFileError) {
            switch try reader.read(file, parse) {
            case .value(let value):
                problem.noteSuccess()
                return value
            case .gone, .odd: return nil
            case .denied: throw .unreadable(path: "\(reader.directory.text)\(file)", .accessDenied)
            }
        } catch {
            problem.note(error)
            return nil
        }
    }
}
