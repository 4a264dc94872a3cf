// NVMe subsystems and the paths to them, from /sys/class/nvme-subsystem. Under native multipath a subsystem has several
// controllers, each a path. See drivers/nvme/host/multipath.c and sysfs.c.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct NVMeSubsystemCollector: Collector {
    static let name = "nvmesubsystem"
    static let isEnabledByDefault = false
    static let metrics = [info, namespaceInfo, paths, livePaths, pathState]

    private static let info = metric(
        "info", ["iopolicy", "model", "nqn", "serial", "subsystem"], "What an NVMe subsystem is; always 1.")
    private static let namespaceInfo = metric(
        "namespace_info", ["device", "subsystem"], "A block device of an NVMe subsystem; always 1.")
    private static let paths = metric("paths", ["subsystem"], "Controllers through which a subsystem can be reached.")
    private static let livePaths = metric("paths_live", ["subsystem"], "Controllers that are in working order.")
    private static let pathState = metric(
        "path_state", ["controller", "state", "subsystem", "transport"],
        "1 for the state of a controller, 0 for the others.")

    private static func metric(_ name: String, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_nvmesubsystem_" + name, .gauge, labels: labels, help: help)
    }

    /// The last one is for what a later kernel may say.
    private static let states = ["live", "connecting", "resetting", "dead", "new", "deleting", "unknown"]

    /// The state of which the kernel's word is one (nvme_sysfs_show_state in drivers/nvme/host/sysfs.c): a controller
    /// that is deleted takes no more requests in the end.
    private static func state(_ word: String) -> String {
        if word == "deleting (no IO)" { return "deleting" }
        return states.contains(word) ? word : "unknown"
    }

    private final class Subsystem {
        let name: String
        let nqn: String
        let model: String
        let serial: String
        let iopolicy: Attribute
        let members: DeviceList<Member>

        init(_ name: String, _ path: String) throws(KernelFileError) {
            self.name = name
            nqn = try Attribute("\(path)/subsysnqn").text() ?? ""
            model = try Attribute("\(path)/model").text() ?? ""
            serial = try Attribute("\(path)/serial").text() ?? ""
            iopolicy = Attribute("\(path)/iopolicy")
            members = DeviceList(path) { name, path throws(KernelFileError) in try Member(name, path) }
        }
    }

    private enum Member {
        case controller(name: String, transport: String, state: Attribute)
        case namespace(String)

        /// nil for the attributes of the subsystem, and for paths (`nvme0c1n1`) of its namespaces.
        init?(_ name: String, _ path: String) throws(KernelFileError) {
            var cursor = ByteCursor(name)
            guard cursor.skip("nvme"), cursor.unsigned() != nil else { return nil }
            if cursor.isAtEnd {
                let transport = try Attribute("\(path)/transport").text() ?? ""
                self = .controller(name: name, transport: transport, state: Attribute("\(path)/state"))
            } else if cursor.skip("n"), cursor.unsigned() != nil, cursor.isAtEnd {
                self = .namespace(name)
            } else {
                return nil
            }
        }
    }

    private let subsystems: DeviceList<Subsystem>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        subsystems = DeviceList("\(host.sys)/class/nvme-subsystem") { name, path throws(KernelFileError) in
            name.hasPrefix("nvme-subsys") ? try Subsystem(name, path) : nil
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try subsystems.forEach { subsystem, problem throws(KernelFileError) in
            Self.add(subsystem, to: &snapshot, &problem)
        }
    }

    private static func add(
        _ subsystem: Subsystem, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        let policy = problem.text(subsystem.iopolicy) ?? ""
        snapshot.add(
            info, 1, labels: [policy, subsystem.model, subsystem.nqn, subsystem.serial, subsystem.name])
        var (count, liveCount) = (0, 0)
        subsystem.members.forEach(noting: &problem) { member, problem throws(KernelFileError) in
            switch member {
            case .namespace(let name): snapshot.add(namespaceInfo, 1, name, subsystem.name)
            case .controller(let name, let transport, let attribute):
                let current = Self.state(problem.text(attribute) ?? "")
                count += 1
                if current == "live" { liveCount += 1 }
                for state in states {
                    snapshot.add(
                        pathState, state == current ? 1 : 0, labels: [name, state, subsystem.name, transport])
                }
            }
        }
        snapshot.add(paths, Double(count), subsystem.name)
        snapshot.add(livePaths, Double(liveCount), subsystem.name)
    }
}
