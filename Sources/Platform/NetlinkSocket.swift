// A socket to the kernel's routing tables: a request goes out, datagrams come back. See netlink(7), rtnetlink(7).

internal import CLinux
internal import Glibc

/// An open netlink socket of the family NETLINK_ROUTE. A class, since its owner keeps it in an optional.
package final class NetlinkSocket {
    /// The kernel fills at most 32 KiB of a dump into one datagram (`netlink_dump` in net/netlink/af_netlink.c).
    package static let datagramByteLimit = 64 << 10

    private let descriptor: Int32

    package init() throws(Errno) {
        descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
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
}
