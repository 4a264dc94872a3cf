// cpu_usage_* and cpu_time_*: the CloudWatch agent's view of /proc/stat.

internal import Metrics
internal import Procfs

enum CPUUsage {
    /// In the order of `values`.
    static let parts = [
        "active", "guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user",
    ]

    /// Every CPU and, as `cpu-total`, their sum; each with the dimension `cpu`.
    ///
    /// `cpu_time_*` are seconds since the boot: what the agent sends, although its page speaks of hundredths.
    /// `cpu_usage_*` are per cent of the time since `previous`, and missing for a CPU that was not there then, or
    /// whose clock went back (it was off meanwhile).
    static func groups(_ stat: Stat, since previous: Stat?) -> [EMFGroup] {
        var before: [Int?: CPUTimes] = [:]
        for times in all(previous) { before[times.cpu] = times }
        return all(stat).map { times in
            let ticksPerSecond = Double(KernelUnits.ticksPerSecond)
            var metrics = zip(CloudWatchNames.cpuTimes, values(times, excludingGuests: false)).map {
                EMFMetric($0, .none, $1 / ticksPerSecond)
            }
            if let old = before[times.cpu] { metrics += usage(times, since: old) }
            let name = times.cpu.map { "cpu\($0)" } ?? "cpu-total"
            return EMFGroup(dimensions: [.init("cpu", name)], metrics: metrics)
        }
    }

    private static func all(_ stat: Stat?) -> [CPUTimes] { [stat?.total].compactMap { $0 } + (stat?.cpus ?? []) }

    private static func usage(_ times: CPUTimes, since old: CPUTimes) -> [EMFMetric] {
        let passed = total(times) - total(old)
        guard passed > 0 else { return [] }
        let values = zip(values(times, excludingGuests: true), values(old, excludingGuests: true))
        return zip(CloudWatchNames.cpuUsage, values).map { name, value in
            // Single columns (iowait) may go back a little while the sum goes on.
            EMFMetric(name, .percent, min(100, max(0, 100 * (value.0 - value.1) / passed)))
        }
    }

    /// Guests' time is in `user` and `nice`, and is counted once.
    private static func total(_ times: CPUTimes) -> Double {
        Double(times.user) + Double(times.nice) + Double(times.system) + Double(times.idle) + Double(times.iowait)
            + Double(times.irq) + Double(times.softirq) + Double(times.steal)
    }

    private static func values(_ times: CPUTimes, excludingGuests: Bool) -> [Double] {
        let guest = Double(times.guest)
        let guestNice = Double(times.guestNice)
        return [
            total(times) - Double(times.idle), guest, guestNice, Double(times.idle), Double(times.iowait),
            Double(times.irq), Double(times.nice) - (excludingGuests ? guestNice : 0), Double(times.softirq),
            Double(times.steal), Double(times.system), Double(times.user) - (excludingGuests ? guest : 0),
        ]
    }
}
