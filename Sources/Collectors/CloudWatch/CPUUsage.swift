// cpu_usage_* and cpu_time_*: the CloudWatch agent's view of /proc/stat.

internal import Metrics
internal import Procfs

enum CPUUsage {
    static let subject = CloudWatchSubject(name: "cpu", dimensions: ["cpu"], metrics: times + usages)

    static let times = parts.map {
        CloudWatchMetric("cpu_time_\($0.name)", .none, "Time \($0.meaning) since the boot, in seconds.")
    }
    static let usages = parts.map {
        CloudWatchMetric("cpu_usage_\($0.name)", .percent, "Share of the time that passed \($0.meaning).")
    }

    /// In the order of `values`.
    private static let parts = [
        (name: "active", meaning: "in all states but idle"),
        (name: "guest", meaning: "running a virtual CPU"),
        (name: "guest_nice", meaning: "running a virtual CPU at low priority"),
        (name: "idle", meaning: "with nothing to do"),
        (name: "iowait", meaning: "with nothing to do but to wait for disks"),
        (name: "irq", meaning: "in interrupts"),
        (name: "nice", meaning: "in programs at low priority"),
        (name: "softirq", meaning: "in what interrupts have left to be done"),
        (name: "steal", meaning: "that the hypervisor gave to others"),
        (name: "system", meaning: "in the kernel"),
        (name: "user", meaning: "in programs"),
    ]

    /// CPUs of which nobody asks are not counted either.
    struct Choice: Sendable {
        var hasEach = true
        var hasTotal = true
    }

    /// Every CPU and, as `cpu-total`, their sum; each with the dimension `cpu`.
    ///
    /// `cpu_time_*` are seconds since the boot: what the agent sends, although its page speaks of hundredths.
    /// `cpu_usage_*` are per cent of the time since `previous`, and missing for a CPU that was not there then, or
    /// whose clock went back (it was off meanwhile).
    static func add(_ stat: Stat, since previous: Stat?, _ choice: Choice = Choice(), to points: inout MetricPoints) {
        if choice.hasTotal, let total = stat.total { add(total, since: previous?.total, to: &points) }
        guard choice.hasEach else { return }
        // Both lists ascend.
        var index = 0
        let before = previous?.cpus ?? []
        for times in stat.cpus {
            while index < before.count, before[index].cpu ?? -1 < times.cpu ?? -1 { index += 1 }
            let isThere = index < before.count && before[index].cpu == times.cpu
            add(times, since: isThere ? before[index] : nil, to: &points)
        }
    }

    private static func add(_ now: CPUTimes, since old: CPUTimes?, to points: inout MetricPoints) {
        points.begin([EMFDimension("cpu", now.cpu.map { "cpu\($0)" } ?? "cpu-total")])
        let values = values(now, excludingGuests: false)
        let ticksPerSecond = Double(KernelUnits.ticksPerSecond)
        for index in times.indices { points.add(times[index], values[index] / ticksPerSecond) }
        guard let old else { return }
        let passed = total(now) - total(old)
        guard passed > 0 else { return }
        let (new, before) = (Self.values(now, excludingGuests: true), Self.values(old, excludingGuests: true))
        for index in usages.indices {
            // Single columns (iowait) may go back a little while the sum goes on.
            points.add(usages[index], min(100, max(0, 100 * (new[index] - before[index]) / passed)))
        }
    }

    /// Guests' time is in `user` and `nice`, and is counted once.
    private static func total(_ times: CPUTimes) -> Double {
        Double(times.user) + Double(times.nice) + Double(times.system) + Double(times.idle) + Double(times.iowait)
            + Double(times.irq) + Double(times.softirq) + Double(times.steal)
    }

    private static func values(_ times: CPUTimes, excludingGuests: Bool) -> [11 of Double] {
        let guest = Double(times.guest)
        let guestNice = Double(times.guestNice)
        return [
            total(times) - Double(times.idle), guest, guestNice, Double(times.idle), Double(times.iowait),
            Double(times.irq), Double(times.nice) - (excludingGuests ? guestNice : 0), Double(times.softirq),
            Double(times.steal), Double(times.system), Double(times.user) - (excludingGuests ? guest : 0),
        ]
    }
}
