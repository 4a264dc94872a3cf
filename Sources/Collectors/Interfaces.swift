// The network interfaces and their counters, for the node_* and the CloudWatch vocabulary.

internal import Bytes
internal import Platform
package import Procfs

/// Asks the kernel through a netlink socket that is kept open: one dump whatever the number of interfaces.
final class LinkTable {
    /// The kernel answers a dump at once; a second is for a machine that is out of breath.
    private static let patience: Duration = .seconds(1)
    /// Dumps tried again when interfaces came or went meanwhile.
    private static let attempts = 3

    private var socket: NetlinkSocket?
    private var buffer: [UInt8] = []
    private var sequence: UInt32 = 0

    enum Failure: Error, Equatable {
        case socket(Errno)
        case answer(NetlinkError)

        var description: String {
            switch self {
            case .socket(let errno): "netlink socket: \(errno)"
            case .answer(let error): error.description
            }
        }
    }

    func links() throws(Failure) -> [LinkStatistics] {
        var links: [LinkStatistics] = []
        for attempt in 1...Self.attempts {
            links.removeAll(keepingCapacity: true)
            let isWhole = try dump(LinkStatistics.requestType, LinkStatistics.headerBytes) {
                bytes, count, sequence throws(NetlinkError) in
                try LinkStatistics.parse(bytes, count: count, sequence: sequence, into: &links)
            }
            if isWhole { break }
            if attempt == Self.attempts {
                // Still changing: what stands twice is taken once.
                var seen: Set<UInt32> = []
                links.removeAll { !seen.insert($0.index).inserted }
            }
        }
        return links
    }

    func addresses() throws(Failure) -> [InterfaceAddress] {
        var addresses: [InterfaceAddress] = []
        for _ in 1...Self.attempts {
            addresses.removeAll(keepingCapacity: true)
            let isWhole = try dump(InterfaceAddress.requestType, InterfaceAddress.headerBytes) {
                bytes, count, sequence throws(NetlinkError) in
                try InterfaceAddress.parse(bytes, count: count, sequence: sequence, into: &addresses)
            }
            if isWhole { break }
        }
        return addresses
    }

    /// False when something changed meanwhile. After a failure the socket is made anew.
    private func dump(
        _ type: UInt16, _ bodyBytes: Int,
        _ parse: (_ bytes: [UInt8], _ count: Int, _ sequence: UInt32) throws(NetlinkError) -> NetlinkPart
    ) throws(Failure) -> Bool {
        let open: NetlinkSocket
        do throws(Errno) {
            if let socket { open = socket } else { open = try NetlinkSocket() }
        } catch {
            throw .socket(error)
        }
        // Only a dump that was read to its end leaves a socket that can be used again.
        socket = nil
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: NetlinkSocket.datagramByteLimit) }
        sequence &+= 1
        let deadline = Instant.now + Self.patience
        var isWhole = true
        do throws(Errno) {
            try open.send(NetlinkDump.request(type: type, bodyBytes: bodyBytes, sequence: sequence))
        } catch {
            throw .socket(error)
        }
        while true {
            let count: Int
            do throws(Errno) { count = try open.receive(into: &buffer, until: deadline) } catch { throw .socket(error) }
            let part: NetlinkPart
            do throws(NetlinkError) { part = try parse(buffer, count, sequence) } catch { throw .answer(error) }
            if part.isInterrupted { isWhole = false }
            if part.isLast {
                socket = open
                return isWhole
            }
        }
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
            do throws(LinkTable.Failure) { return .links(try links.links()) } catch {
                // A sandbox may forbid netlink; the file has the same, less finely.
                guard case .socket = error else { throw .failed(error.description) }
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
        do throws(LinkTable.Failure) { addresses = try table.addresses() } catch { throw .failed(error.description) }
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
