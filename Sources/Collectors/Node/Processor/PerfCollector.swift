// Counters of the CPUs and of the kernel for each CPU, from perf_event_open(2).
//
// They begin when the agent first asks. Each is a descriptor that stays open: 30 for a CPU with all kinds. Without
// privilege the kernel gives none (perf_event_paranoid); a virtual machine has most often those of the kernel only.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct PerfCollector: Collector {
    static let name = "perf"
    static let isEnabledByDefault = false
    /// Tracepoints are named after themselves.
    static let metrics = (PerfSeries.hardware + PerfSeries.software + PerfSeries.cache).map(\.descriptor)

    /// Gives the value of a counter; nil when the kernel has given it up.
    typealias Reader = () throws(Errno) -> UInt64?

    private struct Tracepoint {
        /// `sched:sched_process_exec`
        let name: String
        let idFiles: [KernelFile]
        let descriptor: MetricDescriptor
    }

    private struct OpenCPU {
        let cpu: Int
        var counters: [(descriptor: MetricDescriptor, read: Reader)] = []
        /// Counters of hardware among them.
        var hardwareCount = 0
        /// By their index in the settings.
        var tracepoints: [Int: (descriptor: MetricDescriptor, read: Reader)] = [:]
    }

    private let online: KernelFile
    private let fixedCPUs: [Int]?
    private let hardware: [PerfSeries]
    private let software: [PerfSeries]
    private let tracepoints: [Tracepoint]
    private var labels = NumberLabels()
    private var open: [OpenCPU] = []
    /// A test puts other counters here.
    var count: (PerfEvent, _ cpu: Int) throws(Errno) -> Reader = { (event, cpu) throws(Errno) in
        let counter = try PerfCounter(event, cpu: cpu)
        return { () throws(Errno) in try counter.value() }
    }

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        online = KernelFile("\(host.sys)/devices/system/cpu/online")
        if let text = try section.optionalString("cpus"), !text.isEmpty {
            guard let cpus = Self.cpus(text) else {
                throw section.error(
                    "cpus: expected numbers and ranges such as \"0-3,8\" or \"0-30:2\", not \"\(text)\"")
            }
            fixedCPUs = cpus
        } else {
            fixedCPUs = nil
        }
        let processor = try Self.chosen("hardware", &section, from: PerfSeries.hardware)
        software = try Self.chosen("software", &section, from: PerfSeries.software)
        hardware = processor + (try Self.chosen("cache", &section, from: PerfSeries.cache))
        var tracepoints: [Tracepoint] = []
        for name in try section.strings("tracepoint", default: []) {
            guard let tracepoint = Self.tracepoint(name, host) else {
                throw section.error("tracepoint: expected \"<subsystem>:<event>\", not \"\(name)\"")
            }
            guard !tracepoints.contains(where: { $0.descriptor.name == tracepoint.descriptor.name }) else {
                throw section.error("tracepoint: \"\(name)\" stands there twice")
            }
            tracepoints.append(tracepoint)
        }
        self.tracepoints = tracepoints
    }

    private static func chosen(
        _ kind: String, _ section: inout SettingsSection, from all: [PerfSeries]
    ) throws(SettingsError) -> [PerfSeries] {
        let isDisabled = try section.bool("disable_\(kind)_profilers", default: false)
        let names = try section.strings("\(kind)_profilers", default: [])
        for name in names where !all.contains(where: { $0.option == name }) {
            let known = all.map(\.option).joined(separator: ", ")
            throw section.error("\(kind)_profilers: there is no \"\(name)\"; known here: \(known)")
        }
        return isDisabled ? [] : all.filter { names.isEmpty || names.contains($0.option) }
    }

    private static func tracepoint(_ name: String, _ host: Host) -> Tracepoint? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && metricNamePart($0) == $0 }) else { return nil }
        let path = "tracing/events/\(parts[0])/\(parts[1])/id"
        return Tracepoint(
            name: name,
            idFiles: ["\(host.sys)/kernel/\(path)", "\(host.sys)/kernel/debug/\(path)"].map {
                KernelFile($0, keepsOpen: false)
            },
            descriptor: MetricDescriptor(
                "node_perf_\(parts[0])_\(parts[1])", .counter, labels: ["cpu"],
                help: "Times that the tracepoint \(name) was passed."))
    }

    /// `0-3,8`, and `1-10:5` for 1 and 6.
    static func cpus(_ text: String) -> [Int]? {
        var text = ByteCursor(text)
        var cpus: Set<Int> = []
        repeat {
            guard let first = text.unsigned(), first <= UInt64(CPUList.highestCPU) else { return nil }
            var (last, step) = (first, UInt64(1))
            if text.skip("-") {
                guard let end = text.unsigned(), end >= first, end <= UInt64(CPUList.highestCPU) else { return nil }
                last = end
                if text.skip(":") {
                    guard let stride = text.unsigned(), (1...UInt64(CPUList.highestCPU)).contains(stride) else {
                        return nil
                    }
                    step = stride
                }
            }
            for cpu in stride(from: first, through: last, by: Int(step)) { cpus.insert(Int(cpu)) }
        } while text.skip(",")
        return text.isAtEnd ? cpus.sorted() : nil
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let cpus = if let fixedCPUs { fixedCPUs } else { try online.value(CPUList.parse) }
        var problem: CollectError?
        do throws(CollectError) { try openCounters(on: cpus) } catch { problem = error }
        for index in tracepoints.indices {
            do throws(CollectError) { try openTracepoint(index) } catch { problem = problem ?? error }
        }
        for cpu in open {
            let label = labels[cpu.cpu]
            for (descriptor, read) in cpu.counters + cpu.tracepoints.values {
                do throws(Errno) {
                    if let value = try read() { snapshot.add(descriptor, Double(value), label) }
                } catch {
                    problem = problem ?? .failed("\(descriptor.name) of CPU \(cpu.cpu): \(error)")
                }
            }
        }
        if let problem { throw problem }
        guard hardware.isEmpty || open.contains(where: { $0.hardwareCount > 0 }) else {
            throw .absent("this machine shows none of the CPU's counters, as is usual for a virtual one")
        }
    }

    /// What is open goes on counting. A CPU that fails is left out, and tried again the next time.
    private mutating func openCounters(on cpus: [Int]) throws(CollectError) {
        guard cpus != open.map(\.cpu) else { return }
        let before = open
        open = []
        for cpu in cpus {
            if let known = before.first(where: { $0.cpu == cpu }) {
                open.append(known)
                continue
            }
            var new = OpenCPU(cpu: cpu)
            for series in software {
                if let read = try reader(series.event, cpu) { new.counters.append((series.descriptor, read)) }
            }
            let softwareCount = new.counters.count
            for series in hardware {
                if let read = try reader(series.event, cpu) { new.counters.append((series.descriptor, read)) }
            }
            new.hardwareCount = new.counters.count - softwareCount
            open.append(new)
        }
    }

    private mutating func openTracepoint(_ index: Int) throws(CollectError) {
        let tracepoint = tracepoints[index]
        guard open.contains(where: { $0.tracepoints[index] == nil }) else { return }
        var id: Int64?
        for file in tracepoint.idFiles where id == nil { id = try file.valueIfThere(SingleNumber.parse) }
        guard let id else { throw .failed("this kernel has no tracepoint \(tracepoint.name)") }
        for at in open.indices where open[at].tracepoints[index] == nil {
            guard let read = try reader(.tracepoint(UInt64(clamping: id)), open[at].cpu) else {
                throw .failed("the tracepoint \(tracepoint.name) cannot be counted on CPU \(open[at].cpu)")
            }
            open[at].tracepoints[index] = (tracepoint.descriptor, read)
        }
    }

    /// nil for what this CPU or this kernel does not count.
    private func reader(_ event: PerfEvent, _ cpu: Int) throws(CollectError) -> Reader? {
        do throws(Errno) { return try count(event, cpu) } catch {
            switch error {
            case .notFound, .notSupported, .noDevice, .invalid: return nil
            case .notPermitted, .accessDenied:
                throw .failed(
                    "perf_event_open(2) is not allowed: it needs CAP_PERFMON, or kernel.perf_event_paranoid below 1")
            case .noSystemCall: throw .absent("this kernel has no perf_event_open(2)")
            default: throw .failed("perf_event_open on CPU \(cpu): \(error)")
            }
        }
    }
}
