// What groups of processes use that the settings name, from /proc/<pid>. One look at all processes serves all groups;
// a process that is in none costs a single file.
//
// Counters begin at 0 with the agent: what a process had used before is not in them, and a restart of the agent is a
// reset like any other. What a process used between the last reading and its end is not seen by anybody.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct ProcessGroupsCollector: Collector {
    static let name = "process_groups"
    static let isEnabledByDefault = false
    static let metrics = ProcessGroupUsage.descriptors + [unmatchedProcesses, leftOutProcesses]

    private static let unmatchedProcesses = MetricDescriptor(
        "vitals_process_group_unmatched", .gauge, help: "Processes that are in no group.")
    private static let leftOutProcesses = MetricDescriptor(
        "vitals_process_group_left_out", .gauge,
        help: "Processes that were not looked at: there are too many, or they may not be looked at.")

    /// A process may change its command line at any time, and be moved to another unit. So each is matched anew after
    /// this many readings, and at the second one, since a process begins as a copy of its parent.
    private static let readingsBetweenMatches = 16
    /// Of a command line, which may have megabytes.
    private static let lineBytes = 4 << 10
    private static let limits = 1...1_000_000

    private struct Seen {
        /// Index of its group, nil for none.
        var group: Int?
        var readings = 0
        var command: Fingerprint
        var userTicks: UInt64
        var systemTicks: UInt64
        var io: ProcessIO?
    }

    private let rules: [ProcessGroupRule]
    private let options: ProcessGroupOptions
    private let limit: Int
    private let needsLine: Bool
    private let needsCgroup: Bool
    private let stat: KernelFile
    private var files: ProcessFiles
    private var history = ProcessHistory<Seen>()
    private var usages: [ProcessGroupUsage]
    /// Kept for their memory.
    private var processes: [UInt32] = []
    private var facts = ProcessFacts()
    private var unmatched = 0
    private var leftOut = 0
    private var problem: CollectError?

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        rules = try ProcessGroupRule.rules(&section)
        limit = try section.integer("limit", default: 20_000, in: Self.limits)
        options = ProcessGroupOptions(
            hasIO: try section.bool("io", default: true), hasOpenFiles: try section.bool("open_files", default: true),
            hasSwap: try section.bool("swap", default: true),
            hasProportional: try section.bool("proportional_memory", default: false))
        needsLine = rules.contains { $0.needsLine }
        needsCgroup = rules.contains { $0.needsCgroup }
        stat = KernelFile("\(host.proc)/stat")
        files = ProcessFiles(host)
        usages = rules.map { _ in ProcessGroupUsage() }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var boot = FirstProblem()
        let bootUnixSeconds = boot.noted { () throws(KernelFileError) in try stat.read(Stat.parse) }?.bootUnixSeconds
        do throws(KernelFileError) { try files.list(into: &processes) } catch { throw CollectError(error) }
        // Its own process is there, or nothing is.
        guard !processes.isEmpty else { throw .absent("\(files.path) has no processes") }
        problem = nil
        for index in usages.indices { usages[index].members = .init() }
        unmatched = 0
        leftOut = max(0, processes.count - limit)
        history.begin()
        for process in processes.prefix(limit) {
            do throws(CollectError) {
                try look(at: process)
            } catch {
                if problem == nil { problem = error }
            }
        }
        history.end()
        try reading { () throws(KernelFileError) in try files.throwIfNothingWasRead() }
        for (rule, usage) in zip(rules, usages) {
            usage.add(to: &snapshot, rule.name, bootUnixSeconds: bootUnixSeconds, options: options)
        }
        snapshot.add(Self.unmatchedProcesses, Double(unmatched))
        snapshot.add(Self.leftOutProcesses, Double(leftOut))
        if let problem { throw problem }
    }

    private mutating func look(at process: UInt32) throws(CollectError) {
        let answer = try reading { () throws(KernelFileError) in try files.read(process, "/stat", ProcessStat.parse) }
        // With hidepid=1 the processes of others are listed, and may not be read.
        if case .denied = answer { leftOut += 1 }
        guard case .value(let stat) = answer else { return }
        var command = Fingerprint()
        for byte in files.reader.buffer[stat.name] { command.add(byte) }
        let earlier = history.earlier(process, startTicks: stat.startTicks)
        let isNew = earlier == nil && history.isNew(startTicks: stat.startTicks)
        var seen =
            earlier
            ?? Seen(
                command: command, userTicks: isNew ? 0 : stat.userTicks, systemTicks: isNew ? 0 : stat.systemTicks,
                io: isNew ? ProcessIO() : nil)
        // Not all in the same reading.
        let turn = (seen.readings + Int(process)) % Self.readingsBetweenMatches
        if seen.readings < 2 || turn == 0 || command != seen.command {
            facts.command.removeAll(keepingCapacity: true)
            facts.command.append(contentsOf: files.reader.buffer[stat.name])
            let group = try match(process)
            // What it read and wrote before it came to the group is not known, and not the group's.
            if group != seen.group, earlier != nil { seen.io = nil }
            seen.group = group
            seen.command = command
        }
        if let group = seen.group { try count(process, stat, &seen, in: group) } else { unmatched += 1 }
        seen.readings += 1
        seen.userTicks = max(seen.userTicks, stat.userTicks)
        seen.systemTicks = max(seen.systemTicks, stat.systemTicks)
        history.keep(process, startTicks: stat.startTicks, seen)
    }

    /// The first group that takes the process whose command is in `facts`.
    private mutating func match(_ process: UInt32) throws(CollectError) -> Int? {
        facts.line.removeAll(keepingCapacity: true)
        facts.cgroup.removeAll(keepingCapacity: true)
        var facts = ProcessFacts()
        swap(&facts, &self.facts)
        defer { swap(&facts, &self.facts) }
        do throws(KernelFileError) {
            if needsLine {
                _ = try files.read(process, "/cmdline", cutAt: Self.lineBytes) { cursor throws(ParseError) in
                    CommandLine.parse(&cursor, into: &facts.line)
                }
                if facts.line.isEmpty {
                    facts.line.append("[")
                    facts.line.append(contentsOf: facts.command)
                    facts.line.append("]")
                }
            }
            if needsCgroup {
                _ = try files.read(process, "/cgroup") { cursor throws(ParseError) in
                    try ProcessCgroup.parse(&cursor, into: &facts.cgroup)
                }
            }
        } catch {
            throw CollectError(error)
        }
        for (index, rule) in rules.enumerated() {
            switch rule.match(facts) {
            case .matches: return index
            case .doesNotMatch: continue
            case .gaveUp: problem = .failed("the pattern of \(rule.name) took too many steps on process \(process)")
            }
        }
        return nil
    }

    private mutating func count(
        _ process: UInt32, _ stat: ProcessStat, _ seen: inout Seen, in group: Int
    ) throws(CollectError) {
        usages[group].members.add(stat)
        usages[group].userTicks &+= stat.userTicks - min(seen.userTicks, stat.userTicks)
        usages[group].systemTicks &+= stat.systemTicks - min(seen.systemTicks, stat.systemTicks)
        do throws(KernelFileError) {
            if options.hasIO {
                switch try files.read(process, "/io", ProcessIO.parse) {
                case .value(let io):
                    usages[group].count(io.since(seen.io ?? io))
                    seen.io = io
                case .denied: usages[group].members.denied.io += 1
                case .gone, .odd: break
                }
            }
            if options.hasSwap,
                case .value(let bytes) = try files.read(process, "/status", ProcessMemory.parseSwapBytes)
            {
                usages[group].members.swapBytes &+= bytes
            }
            if options.hasOpenFiles {
                switch try files.countOpenFiles(of: process) {
                case .value(let count): usages[group].members.openFiles &+= UInt64(count)
                case .denied: usages[group].members.denied.openFiles += 1
                case .gone, .odd: break
                }
            }
            if options.hasProportional {
                switch try files.read(process, "/smaps_rollup", ProcessMemory.parseProportionalBytes) {
                case .value(let bytes): usages[group].members.proportionalBytes &+= bytes
                case .denied: usages[group].members.denied.proportional += 1
                case .gone, .odd: break
                }
            }
        } catch {
            throw CollectError(error)
        }
    }
}

extension ProcessIO {
    /// What was added since an earlier reading.
    func since(_ earlier: ProcessIO) -> ProcessIO {
        ProcessIO(
            readBytes: readBytes - min(readBytes, earlier.readBytes),
            writtenBytes: writtenBytes - min(writtenBytes, earlier.writtenBytes))
    }
}
