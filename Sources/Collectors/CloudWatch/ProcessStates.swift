// processes_*: the CloudWatch agent's view of the states in /proc/<pid>/stat.

internal import Metrics
internal import Procfs

enum ProcessStates {
    static let subject = CloudWatchSubject(
        name: "processes", dimensions: [],
        metrics: [
            blocked, dead, idle, paging, running, sleeping, stopped, total, totalThreads, waiting, zombies,
        ])

    private static let blocked = metric("blocked", "Processes that cannot be interrupted: they wait for a disk (D).")
    private static let dead = metric("dead", "Processes that are just going away (X).")
    private static let idle = metric("idle", "Threads of the kernel that have nothing to do (I).")
    private static let paging = metric("paging", "Processes that are paging or waking (W): only of old kernels.")
    private static let running = metric("running", "Processes that run or could (R).")
    private static let sleeping = metric("sleeping", "Processes that sleep (S).")
    private static let stopped = metric("stopped", "Processes that are stopped or traced (T, t).")
    private static let total = metric("total", "All processes.")
    private static let totalThreads = metric("total_threads", "Threads of all processes.")
    private static let waiting = metric("wait", "Always 0: a state of FreeBSD.")
    private static let zombies = metric("zombies", "Processes that ended and were not waited for (Z).")

    private static func metric(_ name: String, _ meaning: String) -> CloudWatchMetric {
        CloudWatchMetric("processes_\(name)", .count, meaning)
    }

    /// Counted while they are read.
    struct Counts {
        fileprivate var states = [Int](repeating: 0, count: 128)
        fileprivate var processes = 0
        fileprivate var threads: UInt64 = 0

        mutating func removeAll() {
            for letter in states.indices { states[letter] = 0 }
            processes = 0
            threads = 0
        }

        mutating func count(_ stat: ProcessStat) {
            states[Int(stat.state & 0x7F)] += 1
            processes += 1
            threads &+= stat.threads
        }
    }

    static func add(_ counts: Counts, to points: inout MetricPoints) {
        func inState(_ letters: Unicode.Scalar...) -> Double {
            Double(letters.reduce(0) { $0 + counts.states[Int($1.value & 0x7F)] })
        }
        points.begin([])
        points.add(blocked, inState("D"))
        points.add(dead, inState("X", "x"))
        points.add(idle, inState("I"))
        points.add(paging, inState("W"))
        points.add(running, inState("R"))
        points.add(sleeping, inState("S"))
        points.add(stopped, inState("T", "t"))
        points.add(total, Double(counts.processes))
        points.add(totalThreads, Double(counts.threads))
        points.add(waiting, 0)
        points.add(zombies, inState("Z"))
    }
}
