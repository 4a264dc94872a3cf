// How long tasks waited for CPU, memory, I/O and interrupts, from /proc/pressure.

internal import Metrics
internal import Procfs
internal import Settings

struct PressureCollector: Collector {
    static let name = "pressure"
    static let isEnabledByDefault = true
    static let metrics = resources.flatMap { [$0.waiting, $0.stalled].compactMap(\.self) }

    /// What is served of a resource: `some` is waiting, `full` is stalled.
    private struct Resource {
        let name: String
        let waiting: MetricDescriptor?
        let stalled: MetricDescriptor?

        init(_ name: String, waiting: String?, stalled: String?) {
            self.name = name
            self.waiting = waiting.map {
                MetricDescriptor("node_pressure_\(name)_waiting_seconds_total", .counter, help: $0)
            }
            self.stalled = stalled.map {
                MetricDescriptor("node_pressure_\(name)_stalled_seconds_total", .counter, help: $0)
            }
        }
    }

    private static let resources = [
        // For a whole machine the kernel's `full` of the CPU is always 0.
        Resource("cpu", waiting: "Time in which some task waited for a CPU.", stalled: nil),
        Resource(
            "io", waiting: "Time in which some task waited for I/O.",
            stalled: "Time in which all tasks that were not idle waited for I/O."),
        Resource(
            "memory", waiting: "Time in which some task waited for memory.",
            stalled: "Time in which all tasks that were not idle waited for memory."),
        Resource("irq", waiting: nil, stalled: "Time in which interrupts held up the tasks."),
    ]

    private let directory: String
    private let files: [KernelFile]

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let directory = "\(host.proc)/pressure"
        self.directory = directory
        files = Self.resources.map { KernelFile("\(directory)/\($0.name)") }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var isThere = false
        var problem = FirstProblem()
        for (resource, file) in zip(Self.resources, files) {
            let read = problem.noted { () throws(KernelFileError) in try file.read(Pressure.parse) }
            guard let pressure = read else { continue }
            isThere = true
            if let metric = resource.waiting, let time = pressure.someMicroseconds {
                snapshot.add(metric, Double(time) / 1_000_000)
            }
            if let metric = resource.stalled, let time = pressure.fullMicroseconds {
                snapshot.add(metric, Double(time) / 1_000_000)
            }
        }
        try problem.throwIfAny()
        guard isThere else { throw .absent("this kernel has no \(directory), or it is switched off (psi=0)") }
    }
}
