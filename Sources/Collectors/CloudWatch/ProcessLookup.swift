// One look at all processes, for processes_* and procstat_*: a file is opened for each, and four more for those that a
// selector takes.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

final class ProcessLookup {
    /// A process may change its command line at any time, and be moved to another unit. So each is matched anew after
    /// this many readings, and at the second one, since a process begins as a copy of its parent.
    private static let readingsBetweenMatches = 16
    /// Of a command line, which may have megabytes.
    private static let lineBytes = 4 << 10
    /// The kernel keeps 15 bytes of a name; the rest of a longer one is in the command line.
    private static let commandBytes = 15

    /// Which files are read of the processes that were found.
    struct Wanted {
        var states = true
        var rest = true
        var status = true
        var io = true
        var limits = true
        var openFiles = true
    }

    private struct Seen {
        var cpuTicks: UInt64
        var readings = 0
        /// A bit for each matcher.
        var mask: UInt64 = 0
        var command = Fingerprint()
        /// Empty for one that nobody asks for.
        var name = ""
    }

    private let matchers: [ProcessMatcher]
    private let wanted: Wanted
    private let needsAll: Bool
    private var files: ProcessFiles
    private var history = ProcessHistory<Seen>()
    private var lastReading: Instant?
    /// Kept for their memory.
    private var processes: [UInt32] = []
    private var counts = ProcessStates.Counts()
    private var line: [UInt8] = []
    private var cgroup: [UInt8] = []
    private var named: [UInt32?]
    private var found: [Int]
    private var denied: Set<String> = []

    init(_ selectors: [ProcessSelector], _ wanted: Wanted, host: Host) {
        matchers = selectors.map { ProcessMatcher($0, host: host) }
        self.wanted = wanted
        needsAll = wanted.states || matchers.contains(where: \.isOfProcesses)
        files = ProcessFiles(host)
        named = matchers.map { _ in nil }
        found = matchers.map { _ in 0 }
    }

    func read(at now: Instant, to points: inout MetricPoints, _ problems: inout [String]) {
        counts.removeAll()
        denied.removeAll(keepingCapacity: true)
        readPIDFiles(&problems)
        do throws(KernelFileError) { try list() } catch {
            problems.append(error.description)
            return
        }
        let passed = lastReading.map { (now - $0).inSeconds }
        history.begin()
        var problem: KernelFileError?
        for process in processes {
            do throws(KernelFileError) { try look(at: process, passed, to: &points) } catch {
                if problem == nil { problem = error }
            }
        }
        history.end()
        do throws(KernelFileError) { try files.throwIfNothingWasRead() } catch { problem = problem ?? error }
        if let problem { problems.append(problem.description) }
        lastReading = now
        if wanted.states { ProcessStates.add(counts, to: &points) }
        for (index, matcher) in matchers.enumerated() {
            ProcessUse.add(processCount: found[index], matcher.dimension, to: &points)
            found[index] = 0
        }
        if !denied.isEmpty { problems.append("procstat: may not read \(denied.sorted().joined(separator: ", "))") }
    }

    private func list() throws(KernelFileError) {
        if needsAll {
            try files.list(into: &processes)
        } else {
            // Only those that files name.
            processes = Set(named.compactMap { $0 }).sorted()
        }
    }

    private func readPIDFiles(_ problems: inout [String]) {
        for (index, matcher) in matchers.enumerated() {
            guard let file = matcher.file else { continue }
            named[index] = nil
            // Without the file the daemon does not run: that is what pid_count is for.
            do throws(KernelFileError) { named[index] = try file.read(PIDFile.parse) } catch {
                problems.append(error.description)
            }
        }
    }

    private func look(
        at process: UInt32, _ passed: Double?, to points: inout MetricPoints
    ) throws(KernelFileError) {
        let needsRest = wanted.rest
        var rest: ProcessStatRest?
        let answer = try files.read(process, "/stat") { cursor throws(ParseError) in
            let stat = try ProcessStat.parse(&cursor)
            if needsRest { rest = try ProcessStatRest.parse(&cursor) }
            return stat
        }
        guard case .value(let stat) = answer else {
            // hidepid of /proc may forbid even this file.
            if case .denied = answer { denied.insert("stat") }
            return
        }
        counts.count(stat)
        guard !matchers.isEmpty else { return }
        let earlier = history.earlier(process, startTicks: stat.startTicks)
        var seen = earlier ?? Seen(cpuTicks: 0)
        var command = Fingerprint()
        for byte in files.reader.buffer[stat.name] { command.add(byte) }
        let turn = (seen.readings + Int(process)) % Self.readingsBetweenMatches
        if seen.readings < 2 || turn == 0 || command != seen.command {
            try match(process, Array(files.reader.buffer[stat.name]), &seen)
        }
        var mask = seen.mask
        for (index, number) in named.enumerated() where number == process { mask |= 1 << UInt64(index) }
        let cpuTicks = stat.userTicks &+ stat.systemTicks
        if mask != 0 {
            if seen.name.isEmpty {
                seen.name = String(label: try name(process, Array(files.reader.buffer[stat.name])))
            }
            var reading = ProcessUse.Reading(process: process, stat: stat, rest: rest)
            // A new one has used all of it since the last reading, when all were looked at then.
            let isNew = needsAll && history.isNew(startTicks: stat.startTicks)
            let before = earlier?.cpuTicks ?? (isNew ? 0 : nil)
            if let before, let passed, passed > 0, cpuTicks >= before {
                reading.cpuPercent = 100 * Double(cpuTicks - before) / Double(KernelUnits.ticksPerSecond) / passed
            }
            try readFiles(of: process, into: &reading)
            add(reading, mask, seen.name, to: &points)
        }
        seen.readings += 1
        seen.command = command
        seen.cpuTicks = cpuTicks
        history.keep(process, startTicks: stat.startTicks, seen)
    }

    private func add(_ reading: ProcessUse.Reading, _ mask: UInt64, _ name: String, to points: inout MetricPoints) {
        for (index, matcher) in matchers.enumerated() where mask & 1 << UInt64(index) != 0 {
            found[index] += 1
            ProcessUse.add(reading, [EMFDimension("process_name", name), matcher.dimension], to: &points)
        }
    }

    private func match(_ process: UInt32, _ command: [UInt8], _ seen: inout Seen) throws(KernelFileError) {
        let name = try name(process, command)
        line.removeAll(keepingCapacity: true)
        cgroup.removeAll(keepingCapacity: true)
        if matchers.contains(where: \.needsLine) { try readLine(of: process) }
        if matchers.contains(where: \.needsCgroup) {
            _ = try files.read(process, "/cgroup") { cursor throws(ParseError) in
                try ProcessCgroup.parse(&cursor, into: &cgroup)
            }
        }
        seen.mask = 0
        for (index, matcher) in matchers.enumerated()
        where matcher.match(name: name, line: line, cgroup: cgroup) == .matches { seen.mask |= 1 << UInt64(index) }
        seen.name = String(label: name)
    }

    /// The whole of a name that the kernel has cut, perhaps in the middle of a letter.
    private func name(_ process: UInt32, _ command: [UInt8]) throws(KernelFileError) -> [UInt8] {
        guard command.count == Self.commandBytes else { return command }
        try readLine(of: process)
        let program = line.prefix { $0 != UInt8(ascii: " ") }
        let file = program[(program.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? program.startIndex)...]
        return file.starts(with: command) ? Array(file) : command
    }

    private func readLine(of process: UInt32) throws(KernelFileError) {
        line.removeAll(keepingCapacity: true)
        _ = try files.read(process, "/cmdline", cutAt: Self.lineBytes) { cursor throws(ParseError) in
            CommandLine.parse(&cursor, into: &line)
        }
    }

    private func readFiles(
        of process: UInt32, into reading: inout ProcessUse.Reading
    ) throws(KernelFileError) {
        if wanted.status, case .value(let status) = try files.read(process, "/status", ProcessStatus.parse) {
            reading.status = status
        }
        if wanted.limits, case .value(let limits) = try files.read(process, "/limits", ProcessLimits.parse) {
            reading.limits = limits
        }
        if wanted.io {
            let answer = try files.read(process, "/io") { cursor throws(ParseError) in
                (try ProcessCalls.parse(&cursor), try ProcessIO.parse(&cursor))
            }
            switch answer {
            case .value(let (calls, io)): (reading.calls, reading.io) = (calls, io)
            case .denied: denied.insert("io")
            case .gone, .odd: break
            }
        }
        if wanted.openFiles {
            switch try files.countOpenFiles(of: process) {
            case .value(let count): reading.openFiles = count
            case .denied: denied.insert("fd")
            case .gone, .odd: break
            }
        }
    }
}
