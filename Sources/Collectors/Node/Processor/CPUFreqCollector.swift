// How fast each CPU runs, and may: /sys/devices/system/cpu/cpu*/cpufreq. See Documentation/admin-guide/pm/cpufreq.rst.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct CPUFreqCollector: Collector {
    static let name = "cpufreq"
    static let isEnabledByDefault = true
    static let metrics = frequencies.map(\.descriptor) + [governorMetric]

    private static func frequency(_ file: String, _ name: String, _ help: String) -> NumberMetric {
        NumberMetric(file, "node_cpu_\(name)_hertz", labels: ["cpu"], .kilo, help: help)
    }

    private static let frequencies = [
        // The cpu collector serves this family too, when it reads /proc/cpuinfo.
        frequency("cpuinfo_cur_freq", "frequency", "The frequency at which a CPU runs."),
        frequency("cpuinfo_avg_freq", "frequency_avg", "The mean frequency at which a CPU ran lately."),
        frequency("cpuinfo_min_freq", "frequency_min", "The lowest frequency at which a CPU can run."),
        frequency("cpuinfo_max_freq", "frequency_max", "The highest frequency at which a CPU can run."),
        frequency("scaling_cur_freq", "scaling_frequency", "The frequency that was last set for a CPU."),
        frequency("scaling_min_freq", "scaling_frequency_min", "The lowest frequency that may be set for a CPU."),
        frequency("scaling_max_freq", "scaling_frequency_max", "The highest frequency that may be set for a CPU."),
    ]
    private static let governorMetric = MetricDescriptor(
        "node_cpu_scaling_governor", .gauge, labels: ["cpu", "governor"],
        help: "1 for the governor that sets the frequency of a CPU, 0 for the others that could.")

    /// A CPU whose frequency can be set.
    private final class CPU {
        let number: Int
        let label: String
        let frequencies: [(metric: NumberMetric, attribute: Attribute)]
        /// A driver that sets the frequency by itself has none.
        let governor: Attribute?
        private let availableGovernors: Attribute
        private(set) var governors: [String] = []

        init(_ label: String, _ number: Int, _ path: String) {
            self.number = number
            self.label = label
            frequencies = CPUFreqCollector.frequencies.compactMap { metric in
                attributeIfThere("\(path)/\(metric.file)").map { (metric, $0) }
            }
            governor = attributeIfThere("\(path)/scaling_governor")
            availableGovernors = Attribute("\(path)/scaling_available_governors")
        }

        /// The list grows when a module is loaded; whoever uses the new one makes this look again.
        func listGovernors(with governor: String) throws(KernelFileError) {
            if governors.contains(governor) { return }
            governors = try availableGovernors.value(Words.parse) ?? []
        }
    }

    private let cpuinfoPath: String
    private let offlineList: KernelFile
    /// Changes when a driver comes, or a CPU of its own policy.
    private let policies: KeptDirectory
    private let cpus: DeviceList<CPU>
    private var offline: [Int] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let directory = "\(host.sys)/devices/system/cpu"
        cpuinfoPath = "\(host.proc)/cpuinfo"
        offlineList = KernelFile("\(directory)/offline")
        policies = KeptDirectory("\(directory)/cpufreq")
        cpus = DeviceList(directory) { name, path throws(KernelFileError) in
            guard let label = numberOfDevice(name, "cpu"), let number = Int(label) else { return nil }
            do throws(Errno) { _ = try FileStatus(of: "\(path)/cpufreq") } catch { return nil }
            return CPU(label, number, "\(path)/cpufreq")
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem = FirstProblem()
        try lookAround(&problem)
        guard !cpus.devices.isEmpty else { throw .absent("no CPU in \(cpus.path) has cpufreq") }
        prepareFrequencies()
        cpus.walk(&problem) { cpu, problem throws(KernelFileError) in
            if offline.contains(cpu.number) { return }
            for (metric, attribute) in cpu.frequencies {
                // A driver that does not know writes `<unknown>`.
                if let number = problem.numberIfAny(attribute) {
                    snapshot.add(metric.descriptor, metric.scale(number), cpu.label)
                }
            }
            let governor = problem.noted { () throws(KernelFileError) in
                let governor = try cpu.governor?.text()
                if let governor { try cpu.listGovernors(with: governor) }
                return governor
            }
            guard let governor else { return }
            for other in cpu.governors {
                snapshot.add(Self.governorMetric, other == governor ? 1 : 0, cpu.label, other)
            }
        }
        try problem.throwIfAny()
    }

    /// The directory of CPUs stays the same when one is switched on, or a driver is loaded: then they are made anew.
    private mutating func lookAround(_ problem: inout FirstProblem) throws(CollectError) {
        let problems = problem.count
        var nowOffline = problem.noted { () throws(KernelFileError) in try offlineList.read(CPUList.parse) } ?? []
        if problem.count > problems { nowOffline = offline }
        var isChanged = nowOffline != offline
        do throws(Errno) { isChanged = try policies.refresh() || isChanged } catch {
            // Not there: no driver, or a kernel that has the files in the directories of the CPUs.
        }
        offline = nowOffline
        if isChanged { cpus.forget() }
        try cpus.refreshOrAbsent()
    }

    /// A machine without the driver is in order, as virtual ones are; a tree without any CPU is no sysfs.
    var isAbsenceSuccess: Bool {
        do throws(Errno) {
            return try textEntries(cpus.path).contains { numberOfDevice($0, "cpu") != nil }
        } catch { return false }
    }

    /// Up to Linux 5.17, reading the frequency of an x86 CPU that was idle makes the kernel sleep for 10 ms or more,
    /// for each CPU by itself; opening /proc/cpuinfo makes it ask all of them at once.
    private func prepareFrequencies() {
        do throws(Errno) { _ = try File(reading: cpuinfoPath) } catch {
            // Then it takes longer.
        }
    }
}
