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
    private var files: ProcessFiles
    /// Kept for their memory.
    private var processes: [UInt32] = []
    private var tasks: [UInt32] = []
    private var processStates = States()
    private var threadStates = States()
    /// Processes, and threads, that this user may not look at.
    private var denied = 0
    /// Those whose file made no sense.
    private var odd = 0

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        threadsMaximum = KernelFile("\(host.proc)/sys/kernel/threads-max")
        pidMaximum = KernelFile("\(host.proc)/sys/kernel/pid_max")
        files = ProcessFiles(host)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        processStates.removeAll()
        threadStates.removeAll()
        (denied, odd) = (0, 0)
        var (processCount, threadCount) = (0, UInt64(0))
        var problem = FirstProblem()
        try list()
        for process in processes {
            problem.keep { () throws(KernelFileError) in
                let answer = try files.read(process, "/stat", ProcessStat.parse)
                guard let stat = stat(answer) else { return }
                processCount += 1
                threadCount &+= stat.threads
                processStates.count(stat.state)
                threadStates.count(stat.state)
                if stat.threads > 1 { try countThreads(besides: process) }
            }
        }
        // When none of them could be read nothing is known: 0 would be false.
        let isKnown = processCount > 0 || problem.isNone && denied + odd == 0
        if isKnown { snapshot.add(Self.threads, Double(threadCount)) }
        if processCount > 0 { snapshot.add(Self.pids, Double(processCount)) }
        processStates.add(Self.processState, to: &snapshot)
        threadStates.add(Self.threadState, to: &snapshot)
        snapshot.add(Self.maximumThreads, Double(try threadsMaximum.value(SingleNumber.parse)))
        snapshot.add(Self.maximumProcesses, Double(try pidMaximum.value(SingleNumber.parse)))
        if isKnown, processCount == 0 { snapshot.add(Self.pids, 0) }
        do throws(KernelFileError) {
            try problem.throwFirst()
            try files.throwIfNothingWasRead()
        } catch {
            throw CollectError(error)
        }
        // What is served is true of those that were seen, and is not the whole: /proc is mounted with hidepid=1.
        if denied > 0 {
            throw .failed(
                "\(denied) of \(processes.count) processes in \(files.path) may not be read, and are not counted; "
                    + "mount it without hidepid, or with gid= of a group that the agent is in")
        }
    }

    private mutating func list() throws(CollectError) {
        do throws(KernelFileError) { try files.list(into: &processes) } catch .unreadable(_, .notFound) {
            processes = []
        } catch {
            throw CollectError(error)
        }
    }

    /// The threads of a process but the first, whose state is that of the process.
    private mutating func countThreads(besides first: UInt32) throws(KernelFileError) {
        try files.list(threadsOf: first, into: &tasks)
        for task in tasks where task != first {
            let answer = try files.read(first, thread: task, "/stat", ProcessStat.parse)
            if let stat = stat(answer) { threadStates.count(stat.state) }
        }
    }

    /// nil when the process ended meanwhile, or may not be looked at. Takes an answer that is there already: were it
    /// read in the call, this collector would be copied for the call before, and the reading would copy all buffers.
    private mutating func stat(_ answer: SmallFileAnswer<ProcessStat>) -> ProcessStat? {
        switch answer {
        case .value(let stat): return stat
        case .gone: return nil
        case .odd:
            odd += 1
            return nil
        case .denied:
            denied += 1
            return nil
        }
    }
}
