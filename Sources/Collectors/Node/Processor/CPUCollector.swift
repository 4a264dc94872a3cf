// What each CPU spends its time with (/proc/stat), which are online, isolated, throttled (/sys/devices/system/cpu),
// and what they are (/proc/cpuinfo, when `info` is set).

internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct CPUCollector: Collector {
    static let name = "cpu"
    static let isEnabledByDefault = true
    static let metrics = [seconds, guestSeconds, online, isolated] + CPUThrottles.metrics + CPUInfoSamples.metrics

    private static let seconds = MetricDescriptor(
        "node_cpu_seconds_total", .counter, labels: ["cpu", "mode"], help: "Time that a CPU spent in each mode.")
    private static let guestSeconds = MetricDescriptor(
        "node_cpu_guest_seconds_total", .counter, labels: ["cpu", "mode"],
        help: "Time that a CPU spent running virtual machines; a part of its user and nice time.")
    private static let online = MetricDescriptor(
        "node_cpu_online", .gauge, labels: ["cpu"], help: "1 when a CPU is online, 0 when it was taken offline.")
    private static let isolated = MetricDescriptor(
        "node_cpu_isolated", .gauge, labels: ["cpu"],
        help: "1 for the CPUs that the kernel keeps free of tasks that were not put there.")

    private let stat: KernelFile
    private let present: KernelFile
    private let isolatedList: KernelFile
    private let sysDirectory: String
    private let withGuest: Bool
    private let ticksPerSecond = Double(KernelUnits.ticksPerSecond)
    private var info: CPUInfoSamples?

    /// What was served the last time, in the order of the CPUs' numbers.
    private var times: [CPUTimes] = []
    /// `0` for CPU 0: by the number of the CPU.
    private var labels: [String] = []
    private var throttles = CPUThrottles()
    /// Fixed at the boot; nil before the first reading.
    private var isolatedCPUs: [Int]?
    /// Whether the kernel lets any CPU of this machine be taken offline; nil when that is to be found out.
    private var isSwitchable: Bool?

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        stat = KernelFile("\(host.proc)/stat")
        sysDirectory = "\(host.sys)/devices/system/cpu"
        present = KernelFile("\(sysDirectory)/present")
        isolatedList = KernelFile("\(sysDirectory)/isolated", keepsOpen: false)
        withGuest = try section.bool("guest", default: true)
        info = try CPUInfoSamples(&section, host: host)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let cpus = try stat.value(Stat.parse).cpus
        let isChanged = !cpus.elementsEqual(times) { $0.cpu == $1.cpu }
        times = Self.held(times, cpus)
        label(upTo: times.last?.cpu ?? 0)
        if isChanged { lookAround() }
        addTimes(to: &snapshot)
        var problem = FirstProblem()
        problem.noteSuccess()
        addOnline(to: &snapshot, &problem)
        addIsolated(to: &snapshot, &problem)
        throttles.add(to: &snapshot, &problem)
        info?.add(to: &snapshot, &problem)
        try problem.throwIfAny()
    }

    /// The new times, but nothing smaller than it was: the kernel's idle and iowait times run backwards now and then,
    /// which a counter must not. A CPU that was offline meanwhile starts anew, which shows in its idle time.
    static func held(_ last: [CPUTimes], _ now: [CPUTimes]) -> [CPUTimes] {
        let restart = 3 * KernelUnits.ticksPerSecond
        var held = now
        var at = 0
        for index in held.indices {
            let new = now[index]
            while at < last.count, (last[at].cpu ?? 0) < (new.cpu ?? 0) { at += 1 }
            guard at < last.count, last[at].cpu == new.cpu else { continue }
            let old = last[at]
            if old.idle > new.idle, old.idle - new.idle >= restart { continue }
            held[index].user = max(old.user, new.user)
            held[index].nice = max(old.nice, new.nice)
            held[index].system = max(old.system, new.system)
            held[index].idle = max(old.idle, new.idle)
            held[index].iowait = max(old.iowait, new.iowait)
            held[index].irq = max(old.irq, new.irq)
            held[index].softirq = max(old.softirq, new.softirq)
            held[index].steal = max(old.steal, new.steal)
            held[index].guest = max(old.guest, new.guest)
            held[index].guestNice = max(old.guestNice, new.guestNice)
        }
        return held
    }

    private mutating func label(upTo cpu: Int) {
        while labels.count <= cpu { labels.append(String(labels.count)) }
    }

    /// What changes only when a CPU comes or goes.
    private mutating func lookAround() {
        throttles = CPUThrottles(of: times.compactMap(\.cpu), in: sysDirectory)
        isSwitchable = nil
    }

    private func addTimes(to snapshot: inout Snapshot) {
        for cpu in times {
            guard let number = cpu.cpu else { continue }
            let label = labels[number]
            snapshot.add(Self.seconds, Double(cpu.user) / ticksPerSecond, label, "user")
            snapshot.add(Self.seconds, Double(cpu.nice) / ticksPerSecond, label, "nice")
            snapshot.add(Self.seconds, Double(cpu.system) / ticksPerSecond, label, "system")
            snapshot.add(Self.seconds, Double(cpu.idle) / ticksPerSecond, label, "idle")
            snapshot.add(Self.seconds, Double(cpu.iowait) / ticksPerSecond, label, "iowait")
            snapshot.add(Self.seconds, Double(cpu.irq) / ticksPerSecond, label, "irq")
            snapshot.add(Self.seconds, Double(cpu.softirq) / ticksPerSecond, label, "softirq")
            snapshot.add(Self.seconds, Double(cpu.steal) / ticksPerSecond, label, "steal")
        }
        guard withGuest else { return }
        for cpu in times {
            guard let number = cpu.cpu else { continue }
            snapshot.add(Self.guestSeconds, Double(cpu.guest) / ticksPerSecond, labels[number], "user")
            snapshot.add(Self.guestSeconds, Double(cpu.guestNice) / ticksPerSecond, labels[number], "nice")
        }
    }

    /// `/proc/stat` has a line for each CPU that is online, and no other.
    private mutating func addOnline(to snapshot: inout Snapshot, _ problem: inout FirstProblem) {
        guard isSwitchable ?? true,
            let present = problem.noted({ () throws(KernelFileError) in try present.read(CPUList.parse) })
        else { return }
        label(upTo: present.last ?? 0)
        if isSwitchable == nil {
            // CPU 0 cannot be switched on x86, and has no such file; the others have it, also while they are offline.
            isSwitchable = present.contains { isThere("\(sysDirectory)/cpu\($0)/online") }
            if isSwitchable == false { return }
        }
        var at = 0
        for cpu in present {
            while at < times.count, (times[at].cpu ?? 0) < cpu { at += 1 }
            let isOnline = at < times.count && times[at].cpu == cpu
            snapshot.add(Self.online, isOnline ? 1 : 0, labels[cpu])
        }
    }

    private mutating func addIsolated(to snapshot: inout Snapshot, _ problem: inout FirstProblem) {
        if isolatedCPUs == nil {
            let problems = problem.count
            let cpus = problem.noted { () throws(KernelFileError) in try isolatedList.read(CPUList.parse) } ?? []
            label(upTo: cpus.last ?? 0)
            if problem.count == problems { isolatedCPUs = cpus }
        }
        for cpu in isolatedCPUs ?? [] { snapshot.add(Self.isolated, 1, labels[cpu]) }
    }

    private func isThere(_ path: String) -> Bool {
        do throws(Errno) { _ = try FileStatus(of: path) } catch { return false }
        return true
    }
}
