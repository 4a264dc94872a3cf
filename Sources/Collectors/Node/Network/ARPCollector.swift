// node_arp_entries: how many IPv4 neighbours each network interface has spoken to.

internal import Bytes
package import Metrics
internal import Platform
package import Procfs
package import Settings

/// Entries of the ARP table.
package struct ARPCollector: Collector {
    package static let name = "arp"
    package static let isEnabledByDefault = true
    package static let metrics = [entries]

    static let entries = MetricDescriptor(
        "node_arp_entries", .gauge, labels: ["device"], help: "IPv4 neighbours in the ARP table of an interface.")

    private let filter: NameFilter
    private let client: NetlinkClient?
    private let file: KernelFile
    private let request = Neighbour.request(addressFamily: 2)  // AF_INET
    private var counts = InterfaceCounts()

    /// `netlink: false` reads /proc/net/arp; so does a host whose `proc` is not /proc, and an agent that may not open
    /// netlink.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        filter = try NameFilter(&section, "device")
        let usesNetlink = try section.bool("netlink", default: true)
        client = usesNetlink && host.proc == "/proc" ? NetlinkClient(.route) : nil
        file = KernelFile("\(host.proc)/net/arp")
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        if let client {
            do throws(NetlinkFailure) { return try ask(client, into: &snapshot) } catch { error.note(of: request) }
        }
        try readFile(into: &snapshot)
    }

    private mutating func ask(_ client: NetlinkClient, into snapshot: inout Snapshot) throws(NetlinkFailure) {
        try client.ask(request, begin: { counts.removeAll() }) { bytes, count, sequence throws(NetlinkError) in
            try Neighbour.forEach(bytes, count: count, sequence: sequence) { neighbour in
                if neighbour.isResolved { counts.add(neighbour.interface) }
            }
        }
        for (interface, count) in counts.counts {
            guard let name = try client.interfaceName(interface), filter.takes(name) else { continue }
            snapshot.add(Self.entries, Double(count), name)
        }
    }

    private func readFile(into snapshot: inout Snapshot) throws(CollectError) {
        let counts = try file.value { cursor throws(ParseError) in
            var counts: [(name: String, count: Int)] = []
            // A host of containers has thousands of devices: none is looked for among all of them.
            var indexes: [ExactText: Int] = [:]
            try ARPTable.forEachDevice(&cursor) { range, cursor in
                let name = cursor.text(range)
                if let index = indexes[ExactText(name)] {
                    counts[index].count += 1
                } else {
                    indexes[ExactText(name)] = counts.count
                    counts.append((name, 1))
                }
            }
            return counts
        }
        for (name, count) in counts where filter.takes(name) { snapshot.add(Self.entries, Double(count), name) }
    }
}
