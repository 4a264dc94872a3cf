// The largest processes by CPU, memory and I/O, from /proc/<pid>.
//
// Who is among them changes from one reading to the next, so that a counter would often be served once and never
// again, and nothing could be made of it. What is used is served as an average since the last reading instead, with the
// length of that window: each sample says something by itself.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct TopCollector: Collector {
    static let name = "top"
    static let isEnabledByDefault = false
    static let metrics = Subject.allCases.map(\.descriptor) + [leftOut, unreadable, window]

    private enum Subject: String, CaseIterable {
        case cpu, memory, io

        var descriptor: MetricDescriptor {
            switch self {
            case .cpu: TopCollector.cpu
            case .memory: TopCollector.memory
            case .io: TopCollector.io
            }
        }
    }

    private static let cpu = MetricDescriptor(
        "vitals_top_cpu_ratio", .gauge, labels: ["command", "pid"],
        help: "CPUs that a process used since the last reading, on average; 1 is one CPU all the time.")
    private static let memory = MetricDescriptor(
        "vitals_top_memory_bytes", .gauge, labels: ["command", "pid"], help: "Memory in RAM of a process.")
    private static let io = MetricDescriptor(
        "vitals_top_io_bytes_per_second", .gauge, labels: ["command", "pid"],
        help: "Bytes that a process read from and wrote to disks since the last reading, on average.")
    private static let leftOut = MetricDescriptor(
        "vitals_top_left_out", .gauge, labels: ["by"], help: "Processes that use some of it, and are not among the top."
    )
    private static let unreadable = MetricDescriptor(
        "vitals_top_unreadable", .gauge, help: "Processes of which what is asked for may not be read.")
    private static let window = MetricDescriptor(
        "vitals_top_window_seconds", .gauge, help: "The time over which CPU and I/O are averaged.")

    /// Clock ticks are hundredths of a second: over less than this, averages say little. Who asks again sooner is
    /// answered over a longer time, since the reading before the last.
    private static let leastWindow: Duration = .seconds(1)
    private static let counts = 1...100

    private struct Seen {
        var cpuTicks: UInt64
        var ioBytes: UInt64?
    }

    private struct Ranking {
        let subject: Subject
        /// The largest first; as many as are served.
        var entries: [(value: Double, process: UInt32, name: Range<Int>)] = []
        /// All processes that use some.
        var users = 0

        mutating func removeAll() {
            entries.removeAll(keepingCapacity: true)
            users = 0
        }

        mutating func add(_ value: Double, _ process: UInt32, name: Range<Int>, limit: Int) {
            guard value > 0 else { return }
            users += 1
            if entries.count == limit {
                guard let last = entries.last, value > last.value else { return }
                entries.removeLast()
            }
            // Of equals the first stays in front.
            var index = entries.count
            while index > 0, entries[index - 1].value < value { index -= 1 }
            entries.insert((value, process, name), at: index)
        }
    }

    private let count: Int
    private var rankings: [Ranking]
    private let hasIO: Bool
    private var files: ProcessFiles
    private var history = ProcessHistory<Seen>()
    /// When that history was made; nil before the first reading.
    private var historyBegan: Instant?
    /// Kept for their memory. All names are kept until it is known which are served.
    private var processes: [UInt32] = []
    private var names: [UInt8] = []
    private var denied = 0
    private var problem: KernelFileError?

    /// A test puts another clock here.
    var now: () -> Instant = { .now }

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        count = try section.integer("count", default: 10, in: Self.counts)
        var subjects: [Subject] = []
        for (index, word) in try section.strings("by", default: ["cpu", "memory"]).enumerated() {
            guard let subject = Subject(rawValue: word), !subjects.contains(subject) else {
                throw section.error(at: "by", element: index, "expected cpu, memory or io, each once")
            }
            subjects.append(subject)
        }
        rankings = subjects.map { Ranking(subject: $0) }
        hasIO = subjects.contains(.io)
        files = ProcessFiles(host)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        do throws(KernelFileError) { try files.list(into: &processes) } catch { throw CollectError(error) }
        guard !processes.isEmpty else { throw .absent("\(files.path) has no processes") }
        let now = now()
        let window = historyBegan.map { now - $0 }
        for index in rankings.indices { rankings[index].removeAll() }
        names.removeAll(keepingCapacity: true)
        denied = 0
        problem = nil
        history.begin()
        for process in processes {
            do throws(KernelFileError) { try look(at: process, over: window?.inSeconds) } catch {
                if problem == nil { problem = error }
            }
        }
        try reading { () throws(KernelFileError) in try files.throwIfNothingWasRead() }
        if window.map({ $0 >= Self.leastWindow }) ?? true {
            history.end()
            historyBegan = now
        }
        for ranking in rankings where ranking.subject == .memory || window != nil { add(ranking, to: &snapshot) }
        snapshot.add(Self.unreadable, Double(denied))
        if let window { snapshot.add(Self.window, window.inSeconds) }
        if let problem { throw CollectError(problem) }
    }

    private mutating func look(at process: UInt32, over seconds: Double?) throws(KernelFileError) {
        let answer = try files.read(process, "/stat", ProcessStat.parse)
        guard case .value(let stat) = answer else {
            // hidepid of /proc may forbid even this file.
            if case .denied = answer { denied += 1 }
            return
        }
        let nameStart = names.count
        names.append(contentsOf: files.reader.buffer[stat.name])
        let name = nameStart..<names.count
        let cpuTicks = stat.userTicks &+ stat.systemTicks
        var ioBytes: UInt64?
        if hasIO {
            switch try files.read(process, "/io", ProcessIO.parse) {
            case .value(let io): ioBytes = io.readBytes &+ io.writtenBytes
            case .denied: denied += 1
            case .gone, .odd: break
            }
        }
        // One that could not be read the last time is as if it had used nothing since.
        let start = history.isNew(startTicks: stat.startTicks) ? Seen(cpuTicks: 0, ioBytes: 0) : nil
        let earlier = history.earlier(process, startTicks: stat.startTicks) ?? start
        for index in rankings.indices {
            let value: Double? =
                switch rankings[index].subject {
                case .cpu: Self.rate(cpuTicks, earlier?.cpuTicks, seconds, per: Double(KernelUnits.ticksPerSecond))
                case .memory: Double(stat.residentPages) * Double(KernelUnits.pageBytes)
                case .io: Self.rate(ioBytes, earlier?.ioBytes, seconds, per: 1)
                }
            if let value { rankings[index].add(value, process, name: name, limit: count) }
        }
        history.keep(process, startTicks: stat.startTicks, Seen(cpuTicks: cpuTicks, ioBytes: ioBytes))
    }

    private static func rate(_ current: UInt64?, _ earlier: UInt64?, _ seconds: Double?, per unit: Double) -> Double? {
        guard let current, let earlier, let seconds, seconds > 0, current > earlier else { return nil }
        return Double(current - earlier) / unit / seconds
    }

    private func add(_ ranking: Ranking, to snapshot: inout Snapshot) {
        let descriptor = ranking.subject.descriptor
        for (value, process, name) in ranking.entries {
            snapshot.add(descriptor, value, String(label: names[name]), String(process))
        }
        snapshot.add(Self.leftOut, Double(ranking.users - ranking.entries.count), ranking.subject.rawValue)
    }
}
