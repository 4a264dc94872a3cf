// A netlink socket: a request goes out to a part of the kernel, datagrams come back. See netlink(7), rtnetlink(7),
// sock_diag(7), and Documentation/userspace-api/netlink/intro.rst for generic netlink.

package import Bytes
internal import CLinux
internal import Glibc

/// Which part of the kernel answers.
package enum NetlinkProtocol: Sendable {
    /// NETLINK_ROUTE: interfaces, addresses, routes, neighbours, queueing disciplines.
    case route
    /// NETLINK_SOCK_DIAG: sockets.
    case socketDiagnosis
    /// NETLINK_GENERIC: families with numbers that are given out when they are loaded.
    case generic

    fileprivate var number: Int32 {
        switch self {
        case .route: NETLINK_ROUTE
        case .socketDiagnosis: NETLINK_SOCK_DIAG
        case .generic: NETLINK_GENERIC
        }
    }
}

/// An open netlink socket. A class, since its owner keeps it in an optional.
package final class NetlinkSocket {
    /// The kernel fills at most 32 KiB of a dump into one datagram, unless one message alone is longer
    /// (`netlink_dump` in net/netlink/af_netlink.c): an interface may have 64 KiB of other names, and 255 virtual
    /// functions besides.
    package static let datagramByteLimit = 1 << 20

    private let descriptor: Int32

    package init(_ part: NetlinkProtocol) throws(Errno) {
        descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), part.number)
        guard descriptor >= 0 else { throw .current }
    }

    deinit { close(descriptor) }

    /// Sends one datagram to the kernel.
    package func send(_ bytes: [UInt8]) throws(Errno) {
        try retryingOnInterrupt {
            unsafe bytes.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Receives one datagram. Returns its length.
    ///
    /// - Throws: `EAGAIN` when none came by `deadline`; `EFBIG` for one that is longer than `buffer`.
    package func receive(into buffer: inout [UInt8], until deadline: Instant) throws(Errno) -> Int {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let left = max(0, (deadline - Instant.now).nanoseconds)
        let ready = try retryingOnInterrupt { unsafe Int(poll(&watched, 1, Int32(clamping: left / 1_000_000 + 1))) }
        guard ready > 0 else { throw .wouldBlock }
        let count = try retryingOnInterrupt {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe recv(
                    descriptor, bytes.baseAddress, bytes.count, Int32(MSG_TRUNC | MSG_DONTWAIT))
            }
        }
        guard count <= buffer.count else { throw .tooLarge }
        return count
    }

    /// The name of the interface with this number, nil when there is none (any more). See netdevice(7); any socket
    /// can be asked.
    package func interfaceName(_ index: UInt32) throws(Errno) -> String? {
        var name = [CChar](repeating: 0, count: Int(LINUX_INTERFACE_NAME_BYTES))
        guard unsafe linux_interface_name(descriptor, index, &name) == 0 else {
            let error = Errno.current
            if error == .noDevice { return nil }
            throw error
        }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Asks the driver of an interface: `data` is a structure of linux/ethtool.h, its command first, and holds the
    /// answer then. Any socket can be asked.
    package func ethtool(_ interface: Path, _ data: inout [UInt8]) throws(Errno) {
        try retryingOnInterrupt {
            unsafe data.withUnsafeMutableBytes { bytes in
                unsafe interface.withCString { name in
                    unsafe Int(linux_ethtool(descriptor, name, bytes.baseAddress, bytes.count))
                }
            }
        }
    }
}
