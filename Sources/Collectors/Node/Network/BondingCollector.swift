// How many interfaces a bond has, and how many of them have a link. See Documentation/networking/bonding.rst.

internal import Metrics
internal import Procfs
internal import Settings

struct BondingCollector: Collector {
    static let name = "bonding"
    static let isEnabledByDefault = true
    static let metrics = [slaves, active]

    private static let slaves = MetricDescriptor(
        "node_bonding_slaves", .gauge, labels: ["master"], help: "Interfaces of a bond.")
    private static let active = MetricDescriptor(
        "node_bonding_active", .gauge, labels: ["master"], help: "Interfaces of a bond that have a link.")

    private struct Bond {
        let name: String
        let slaves: Attribute
        /// By the name of the interface.
        var states: [String: State] = [:]
    }

    /// Whether an interface has a link. Its directory in that of the bond is `slave_<name>` in older kernels.
    private struct State {
        let status: Attribute
        let oldStatus: Attribute

        init(_ bond: String, _ slave: String) {
            status = Attribute("\(bond)/lower_\(slave)/bonding_slave/mii_status")
            oldStatus = Attribute("\(bond)/slave_\(slave)/bonding_slave/mii_status")
        }

        func isUp() throws(KernelFileError) -> Bool {
            if let text = try status.text() { return text == "up" }
            return try oldStatus.text() == "up"
        }
    }

    private let directory: String
    /// The list, rather than the directory of all interfaces: a host of containers has thousands, and they come and go.
    private let masters: Attribute
    private var bonds: [Bond] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let directory = "\(host.sys)/class/net"
        self.directory = directory
        masters = Attribute("\(directory)/bonding_masters")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        guard let names = try reading({ () throws(KernelFileError) in try masters.value(Words.parse) }) else {
            throw .absent("this kernel has no \(masters.path)")
        }
        if names != bonds.map(\.name) {
            bonds = names.map { Bond(name: $0, slaves: Attribute("\(directory)/\($0)/bonding/slaves")) }
        }
        var problem = FirstProblem()
        for index in bonds.indices {
            do throws(KernelFileError) {
                try add(&bonds[index], to: &snapshot)
                problem.noteSuccess()
            } catch { problem.note(error) }
        }
        try problem.throwIfAny()
    }

    private func add(_ bond: inout Bond, to snapshot: inout Snapshot) throws(KernelFileError) {
        // Twice: the descriptor of a bond that was made anew under its name is that of the old one, until it fails.
        var listed = try bond.slaves.value(Words.parse)
        if listed == nil { listed = try bond.slaves.value(Words.parse) }
        guard let names = listed else { return }
        if bond.states.count != names.count || !names.allSatisfy({ bond.states[$0] != nil }) {
            bond.states = [:]
            for name in names { bond.states[name] = State("\(directory)/\(bond.name)", name) }
        }
        var active = 0
        for state in bond.states.values where try state.isUp() { active += 1 }
        snapshot.add(Self.slaves, Double(names.count), bond.name)
        snapshot.add(Self.active, Double(active), bond.name)
    }
}
