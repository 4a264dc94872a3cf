// An address of this host at which an input receives what others send: each can be had once.

package import Platform

package struct ListenAddress: Equatable, Sendable {
    /// A port of the one has nothing to do with the same port of the other.
    package enum Transport: String, Sendable {
        case tcp = "TCP"
        case udp = "UDP"
    }

    package let address: SocketAddress
    package let transport: Transport
    /// Where it stands in the input's section.
    package let key: String

    package init(_ address: SocketAddress, _ transport: Transport, key: String) {
        self.address = address
        self.transport = transport
        self.key = key
    }

    /// Why it cannot be had.
    package func explanation(of error: Errno) -> String {
        error == .addressInUse
            ? "\(self) is in use: another program receives there"
            : "cannot receive at \(self): \(address.explanation(of: error))"
    }

    package func overlaps(_ other: ListenAddress) -> Bool {
        transport == other.transport && address.overlaps(other.address)
    }

    /// Has the address for a moment.
    package func tryOut() throws(Errno) {
        switch transport {
        case .tcp: _ = try Socket.listening(at: address)
        case .udp: _ = try Socket.receivingDatagrams(at: address, bufferBytes: 0)
        }
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String { "\(address) (\(transport.rawValue))" }
}
