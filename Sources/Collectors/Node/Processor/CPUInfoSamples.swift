// The part of CPUCollector that says what the CPUs are, from /proc/cpuinfo. Off by default: the file is long, and
// slow to read.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct CPUInfoSamples {
    static let metrics = [info, frequency, flag, bug]

    private static let info = MetricDescriptor(
        "node_cpu_info", .gauge,
        labels: [
            "cachesize", "core", "cpu", "family", "microcode", "model", "model_name", "package", "stepping", "vendor",
        ],
        help: "A CPU as /proc/cpuinfo describes it; always 1.")
    private static let frequency = MetricDescriptor(
        "node_cpu_frequency_hertz", .gauge, labels: ["core", "cpu", "package"],
        help: "The frequency at which a CPU runs, as /proc/cpuinfo tells it.")
    private static let flag = MetricDescriptor(
        "node_cpu_flag_info", .gauge, labels: ["flag"], help: "Features of the first CPU; always 1.")
    private static let bug = MetricDescriptor(
        "node_cpu_bug_info", .gauge, labels: ["bug"], help: "Known faults of the first CPU; always 1.")

    private let file: KernelFile
    private let flags: Pattern?
    private let bugs: Pattern?

    /// nil when the settings do not ask for it. Asking for flags or bugs asks for all.
    init?(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let isWanted = try section.bool("info", default: false)
        flags = try section.pattern("info_flags_include")
        bugs = try section.pattern("info_bugs_include")
        guard isWanted || flags != nil || bugs != nil else { return nil }
        file = KernelFile("\(host.proc)/cpuinfo")
    }

    func add(to snapshot: inout Snapshot, _ problem: inout FirstProblem) {
        guard let info = problem.noted({ () throws(KernelFileError) in try file.read(CPUInfo.parse) }) else { return }
        for cpu in info.processors {
            snapshot.add(
                Self.info, 1,
                labels: [
                    cpu.cacheSize, cpu.core, cpu.processor, cpu.family, cpu.microcode, cpu.model, cpu.modelName,
                    cpu.package, cpu.stepping, cpu.vendor,
                ])
        }
        for cpu in info.processors {
            guard let hertz = cpu.frequencyHertz else { continue }
            snapshot.add(Self.frequency, hertz, labels: [cpu.core, cpu.processor, cpu.package])
        }
        if let flags {
            for flag in info.flags where flags.matches(flag) { snapshot.add(Self.flag, 1, flag) }
        }
        if let bugs {
            for bug in info.bugs where bugs.matches(bug) { snapshot.add(Self.bug, 1, bug) }
        }
    }
}
