// The network interfaces and their counters, for the node_* and the CloudWatch vocabulary.

internal import Bytes
internal import Platform
package import Procfs

/// Asks the kernel through a netlink socket that is kept open: one dump whatever the number of interfaces.
final class LinkTable {
    private let client = NetlinkClient(.route)
    /// How many there were the last time.
    private var linkCount = 0

    func links() throws(NetlinkFailure) -> [LinkStatistics] {
        var links: [LinkStatistics] = []
        links.reserveCapacity(linkCount)
        defer { linkCount = links.count }
        let isWhole = try client.ask(LinkStatistics.request, begin: { links.removeAll(keepingCapacity: true) }) {
            bytes, count, sequence throws(NetlinkError) in
            try LinkStatistics.parse(bytes, count: count, sequence: sequence, into: &links)
        }
        if !isWhole {
            // Still changing: what stands twice is taken once.
            var seen: Set<UInt32> = []
            links.removeAll { !seen.insert($0.index).inserted }
        }
        return links
    }

    func addresses() throws(NetlinkFailure) -> [InterfaceAddress] {
        var addresses: [InterfaceAddress] = []
        try client.ask(InterfaceAddress.request, begin: { addresses.removeAll(keepingCapacity: true) }) {
            bytes, count, sequence throws(NetlinkError) in
            try InterfaceAddress.parse(bytes, count: count, sequence: sequence, into: &addresses)
        }
        return addresses
    }
}

/// Counters of all interfaces from where they can be had: netlink for the network namespace of the agent, the file
/// for a host whose /proc is elsewhere.
package final class Interfaces {
    enum Reading {
        case links([LinkStatistics])
        case file([NetDev])
    }

    private let file: KernelFile
    private let links: LinkTable?

    package init(host: Host, netlink: Bool = true) {
        file = KernelFile("\(host.proc)/net/dev")
        links = netlink && host.proc == "/proc" ? LinkTable() : nil
    }

    func read() throws(CollectError) -> Reading {
        if let links {
            // Where netlink does not answer, the file has the same, less finely.
            do throws(NetlinkFailure) { return .links(try links.links()) } catch {
                error.note(of: LinkStatistics.request)
            }
        }
        return .file(try file.value(NetDev.parse))
    }

    /// As /proc/net/dev has them, whatever they were read from.
    package func devices() throws(CollectError) -> [NetDev] {
        switch try read() {
        case .links(let links): links.map { NetDev($0) }
        case .file(let devices): devices
        }
    }

    /// Addresses, each with the name of its interface; only from netlink.
    func addresses(of links: [LinkStatistics]) throws(CollectError) -> [(device: String, address: InterfaceAddress)] {
        guard let table = self.links else { throw .failed("address_info needs netlink") }
        var names: [UInt32: String] = [:]
        for link in links { names[link.index] = link.name }
        let addresses: [InterfaceAddress]
        do throws(NetlinkFailure) { addresses = try table.addresses() } catch { throw .failed(error.description) }
        return Self.named(addresses, names)
    }

    /// Each once: a point-to-point link has one local address for each of its peers, and a dump that was interrupted
    /// may tell twice. The same series twice would make Prometheus refuse the whole answer.
    static func named(
        _ addresses: [InterfaceAddress], _ names: [UInt32: String]
    ) -> [(device: String, address: InterfaceAddress)] {
        var seen: Set<InterfaceAddress> = []
        return addresses.compactMap { address in
            guard let name = names[address.linkIndex], seen.insert(address).inserted else { return nil }
            return (name, address)
        }
    }
}
