// How many processes and threads there are and what they do, from /proc/<pid>. On a host with many, this is the
// dearest of all collectors: a file is opened for each process, and one for each further thread.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct ProcessesCollector: Collector {
    static let name = "processes"
    static let isEnabledByDefault = false
    static let metrics = [threads, maximumThreads, processState, threadState, pids, maximumProcesses]

    private static let threads = MetricDescriptor("node_processes_threads", .gauge, help: "Threads of all processes.")
    private static let maximumThreads = MetricDescriptor(
        "node_processes_max_threads", .gauge, help: "Threads that the kernel allows.")
    private static let processState = MetricDescriptor(
        "node_processes_state", .gauge, labels: ["state"], help: "Processes by the state of their first thread.")
    private static let threadState = MetricDescriptor(
        "node_processes_threads_state", .gauge, labels: ["thread_state"], help: "Threads by their state.")
    private static let pids = MetricDescriptor("node_processes_pids", .gauge, help: "Processes.")
    private static let maximumProcesses = MetricDescriptor(
        "node_processes_max_processes", .gauge, help: "Identifiers that the kernel has for processes and threads.")

    /// Counts by letter; a state that nobody is in is not served.
    private struct States {
        private static let labels = (0..<128).map { String(UnicodeScalar(UInt8($0))) }
        private var counts = [Int](repeating: 0, count: 128)

        mutating func removeAll() { for letter in counts.indices { counts[letter] = 0 } }
        mutating func count(_ state: UInt8) { counts[Int(state & 0x7F)] += 1 }

        func add(_ metric: MetricDescriptor, to snapshot: inout Snapshot) {
            for (letter, count) in counts.enumerated() where count > 0 {
                snapshot.add(metric, Double(count), Self.labels[letter])
            }
        }
    }

    private let threadsMaximum: KernelFile
    private let pidMaximum: KernelFile
    private var lister = NumberLister()
    /// `/proc/`, and more at its end while a process is looked at.
    private var path: PathBuffer
    private let rootCount: Int
    /// Kept for their memory.
    private var processes: [UInt32] = []
    private var tasks: [UInt32] = []
    private var buffer = [UInt8](repeating: 0, count: 1 << 10)
    private var processStates = States()
    private var threadStates = States()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        threadsMaximum = KernelFile("\(host.proc)/sys/kernel/threads-max")
        pidMaximum = KernelFile("\(host.proc)/sys/kernel/pid_max")
        path = PathBuffer("\(host.proc)/")
        rootCount = path.count
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        snapshot.add(Self.maximumThreads, Double(try threadsMaximum.value(SingleNumber.parse)))
        snapshot.add(Self.maximumProcesses, Double(try pidMaximum.value(SingleNumber.parse)))
        processStates.removeAll()
        threadStates.removeAll()
        var (processCount, threadCount) = (0, UInt64(0))
        processes.removeAll(keepingCapacity: true)
        path.cut(to: rootCount)
        do throws(Errno) { try lister.list(path, into: &processes) } catch { throw .failed("\(path.text): \(error)") }
        for process in processes {
            path.cut(to: rootCount)
            path.append(process)
            let directoryCount = path.count
            guard let stat = try stat() else { continue }
            processCount += 1
            threadCount &+= stat.threads
            processStates.count(stat.state)
            threadStates.count(stat.state)
            if stat.threads > 1 {
                path.cut(to: directoryCount)
                try countTasks(besides: process)
            }
        }
        snapshot.add(Self.pids, Double(processCount))
        snapshot.add(Self.threads, Double(threadCount))
        processStates.add(Self.processState, to: &snapshot)
        threadStates.add(Self.threadState, to: &snapshot)
    }

    /// The threads of the process that `path` leads to, but the first, whose state is that of the process.
    private mutating func countTasks(besides first: UInt32) throws(CollectError) {
        path.append("/task/")
        let count = path.count
        tasks.removeAll(keepingCapacity: true)
        do throws(Errno) { try lister.list(path, into: &tasks) } catch {
            guard error.isOfVanishedProcess else { throw .failed("\(path.text): \(error)") }
        }
        for task in tasks where task != first {
            path.cut(to: count)
            path.append(task)
            if let stat = try stat() { threadStates.count(stat.state) }
        }
    }

    /// `stat` in the directory that `path` leads to; nil when the process ended meanwhile.
    private mutating func stat() throws(CollectError) -> ProcessStat? {
        path.append("/stat")
        let count: Int
        do throws(Errno) { count = try File(reading: path).read(into: &buffer, at: 0) } catch {
            guard error.isOfVanishedProcess else { throw .failed("\(path.text): \(error)") }
            return nil
        }
        var text: [UInt8] = []
        swap(&text, &buffer)
        var cursor = ByteCursor(text, count: count)
        text = []
        defer { buffer = cursor.takeBytes() }
        do throws(ParseError) { return try ProcessStat.parse(&cursor) } catch {
            throw .failed("\(path.text): \(error)")
        }
    }
}

extension Errno {
    fileprivate var isOfVanishedProcess: Bool { self == .notFound || self == .noProcess }
}
