// How often CPUs were slowed down since they were too hot: cpu*/thermal_throttle/{core,package}_throttle_count of
// /sys/devices/system/cpu. See Documentation/admin-guide/cputopology.rst for cores and packages.

internal import Metrics
internal import Procfs

/// The part of CPUCollector that reads sysfs: one file for each core and one for each package, since the threads of a
/// core tell the same. Made anew when a CPU comes or goes.
struct CPUThrottles {
    static let metrics = [core, package]

    private static let core = MetricDescriptor(
        "node_cpu_core_throttles_total", .counter, labels: ["core", "package"],
        help: "How often a core was slowed down for its heat.")
    private static let package = MetricDescriptor(
        "node_cpu_package_throttles_total", .counter, labels: ["package"],
        help: "How often a package of cores was slowed down for its heat.")

    /// Files that are kept open; a machine with more cores than this opens them each time, to save descriptors.
    private static let keptOpenLimit = 64

    private struct Counter {
        let file: KernelFile
        let package: String
        /// nil for the counter of a package.
        let core: String?
    }

    private var counters: [Counter] = []

    init() {}

    /// What of `cpus` can be read; CPUs without a place in the topology are left out, as are machines without counters.
    init(of cpus: [Int], in directory: String) {
        var seenCores: Set<[Int64]> = []
        var seenPackages: Set<Int64> = []
        let keepsOpen = cpus.count <= Self.keptOpenLimit
        for cpu in cpus {
            let path = "\(directory)/cpu\(cpu)"
            // A virtual machine may say -1: the CPU has no package.
            guard let package = Self.number("\(path)/topology/physical_package_id"), package >= 0,
                let core = Self.number("\(path)/topology/core_id"), core >= 0
            else { continue }
            let coreCount = "\(path)/thermal_throttle/core_throttle_count"
            if !seenCores.contains([package, core]), Self.number(coreCount) != nil {
                seenCores.insert([package, core])
                let file = KernelFile(coreCount, keepsOpen: keepsOpen)
                counters.append(Counter(file: file, package: String(package), core: String(core)))
            }
            let packageCount = "\(path)/thermal_throttle/package_throttle_count"
            if !seenPackages.contains(package), Self.number(packageCount) != nil {
                seenPackages.insert(package)
                let file = KernelFile(packageCount, keepsOpen: keepsOpen)
                counters.append(Counter(file: file, package: String(package), core: nil))
            }
        }
    }

    func add(to snapshot: inout Snapshot, _ problem: inout FirstProblem) {
        for counter in counters {
            // It goes with its CPU; the next reading of /proc/stat tells.
            let read = problem.noted { () throws(KernelFileError) in try counter.file.read(SingleNumber.parse) }
            guard let count = read else { continue }
            if let core = counter.core {
                snapshot.add(Self.core, Double(count), core, counter.package)
            } else {
                snapshot.add(Self.package, Double(count), counter.package)
            }
        }
    }

    /// nil when the file is not there, or cannot be read, which is noted: this machine does not tell.
    private static func number(_ path: String) -> Int64? {
        do throws(KernelFileError) {
            return try KernelFile(path, keepsOpen: false).read(SingleNumber.parse)
        } catch {
            SkippedRows.note(error)
            return nil
        }
    }
}
