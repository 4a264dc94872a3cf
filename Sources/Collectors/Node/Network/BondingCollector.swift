// How many interfaces a bond has, and how many of them have a link. See Documentation/networking/bonding.rst.

internal import Bytes
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
        let name: Path
        let label: String
        let slaves: Attribute
        /// By the name of the interface.
        var states: [Path: State] = [:]

        init(_ name: Path, in directory: Path) {
            self.name = name
            label = name.label
            slaves = Attribute(directory / name / "bonding/slaves")
        }
    }

    /// Whether an interface has a link. Its directory in that of the bond is `slave_<name>` in older kernels.
    private struct State {
        let status: Attribute
        let oldStatus: Attribute

        init(_ bond: Path, _ slave: Path) {
            func attribute(_ prefix: String) -> Attribute {
                Attribute(bond / Path(Array(prefix.utf8) + slave.bytes) / "bonding_slave/mii_status")
            }
            status = attribute("lower_")
            oldStatus = attribute("slave_")
        }

        func isUp() throws(KernelFileError) -> Bool {
            if let text = try status.text() { return text == "up" }
            return try oldStatus.text() == "up"
        }
    }

    private let directory: Path
    /// The list, rather than the directory of all interfaces: a host of containers has thousands, and they come and go.
    private let masters: Attribute
    private var bonds: [Bond] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        directory = Path("\(host.sys)/class/net")
        masters = Attribute(directory / "bonding_masters")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        guard let names = try reading({ () throws(KernelFileError) in try masters.value(Words.parseNames) }) else {
            throw .absent("this kernel has no \(masters.path)")
        }
        if names != bonds.map(\.name) {
            bonds = names.map { Bond($0, in: directory) }
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
        var listed = try bond.slaves.value(Words.parseNames)
        if listed == nil { listed = try bond.slaves.value(Words.parseNames) }
        guard let names = listed else { return }
        if bond.states.count != names.count || !names.allSatisfy({ bond.states[$0] != nil }) {
            bond.states = [:]
            for name in names { bond.states[name] = State(directory / bond.name, name) }
        }
        var active = 0
        for state in bond.states.values where try state.isUp() { active += 1 }
        snapshot.add(Self.slaves, Double(names.count), bond.label)
        snapshot.add(Self.active, Double(active), bond.label)
    }
}
