// Stream sockets: listening, accepting, connecting, and reading and writing without waiting. See socket(7), tcp(7),
// unix(7).

internal import CLinux
internal import Glibc
internal import Synchronization

/// Who may connect to a socket at a path: whoever may write to it. See unix(7).
package struct SocketAccess: Sendable, Equatable {
    package var mode: UInt32
    /// Nil: the group that a new file has anyway.
    package var groupID: UInt32?

    package init(mode: UInt32 = 0o660, groupID: UInt32? = nil) {
        self.mode = mode
        self.groupID = groupID
    }
}

/// A socket with one owner, or several that share it; closed when the last of them goes.
///
/// A class, so that a `Watch` that was cancelled can hold on to it until the kernel no longer watches the descriptor.
package final class Socket: Sendable {
    package let descriptor: Int32
    /// That of a listener, which is removed when it closes if it is ours.
    private let boundPath = Mutex<BoundPath?>(nil)

    private struct BoundPath {
        let path: String
        /// The kernel keeps the file of a socket that is open: no other one gets its inode meanwhile.
        let id: FileID
        let isOurs: Bool
    }

    /// Takes over a descriptor that nobody else closes.
    package init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        close(descriptor)
        removePath()
    }

    /// Removes the path of a listener now, before it closes. What somebody else has put there stays.
    package func removePath() {
        let isStillThere = pathFinding == .own
        boundPath.withLock { bound in
            // Gone already when somebody else removed it just now: no harm, and nobody to tell.
            if let bound, bound.isOurs, isStillThere { unsafe _ = unlink(bound.path) }
            bound = nil
        }
    }

    /// What is at the path of a listener by now.
    package enum PathFinding: Equatable, Sendable {
        /// The socket itself; also for one without a path.
        case own
        /// Nothing, or no directory to have it: nobody can connect any more.
        case gone
        case replaced
        case unknown(Errno)
    }

    package var pathFinding: PathFinding {
        guard let bound = boundPath.withLock(\.self) else { return .own }
        do throws(Errno) { return try FileStatus(ofLink: bound.path).id == bound.id ? .own : .replaced } catch {
            return error == .notFound || error == .noDirectory ? .gone : .unknown(error)
        }
    }

    /// From here on `pathFinding` tells whether it is still at `path`. `isOurs`: the path goes with it.
    func rememberPath(_ path: String, isOurs: Bool) throws(Errno) {
        let id = try FileStatus(ofLink: path).id
        boundPath.withLock { $0 = BoundPath(path: path, id: id, isOurs: isOurs) }
    }

    /// One read into `buffer`. Returns 0 when the other side has finished.
    ///
    /// - Throws: `Errno`; `.wouldBlock` when there is nothing yet, or when a deadline set on the socket is over.
    package func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
        let descriptor = descriptor
        return try retryingOnInterrupt {
            unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// The byte that the next read begins with, which stays where it is; nil when the other side has finished.
    ///
    /// - Throws: `Errno`; `.wouldBlock` when there is nothing yet.
    package func peek() throws(Errno) -> UInt8? {
        var byte: UInt8 = 0
        let descriptor = descriptor
        let count = try retryingOnInterrupt { unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK)) }
        return count == 0 ? nil : byte
    }

    /// Small writes go out at once, for who writes a response in several parts. Nothing for a unix socket.
    package func sendAtOnce() {
        // A socket that cannot is slower, and no worse.
        do throws(Errno) { try set(TCP_NODELAY, at: Int32(IPPROTO_TCP), to: 1) } catch {}
    }

    /// Writes what the kernel takes of `head` and then `body`, as one, from the byte `start` on. Returns how many bytes
    /// it took.
    ///
    /// - Throws: `Errno`; `.wouldBlock` when it takes none now.
    package func write(_ head: [UInt8], _ body: [UInt8] = [], from start: Int = 0) throws(Errno) -> Int {
        let descriptor = descriptor
        return try retryingOnInterrupt {
            unsafe head.withUnsafeBytes { head in
                unsafe body.withUnsafeBytes { body in
                    let headStart = min(start, head.count)
                    let bodyStart = start - headStart
                    var parts = unsafe [
                        iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress.map { unsafe $0 + headStart }),
                            iov_len: head.count - headStart),
                        iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress.map { unsafe $0 + bodyStart }),
                            iov_len: body.count - bodyStart),
                    ]
                    return unsafe parts.withUnsafeMutableBufferPointer { parts in
                        var message = unsafe msghdr()
                        unsafe message.msg_iov = parts.baseAddress
                        unsafe message.msg_iovlen = parts.count
                        // A client that went away is an error to handle, not a signal.
                        return unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    /// Bytes that were written and that the other side's kernel has not acknowledged.
    package func unacknowledgedBytes() throws(Errno) -> Int {
        let count = linux_unacknowledged(descriptor)
        guard count >= 0 else { throw .current }
        return Int(count)
    }

    /// Of a listener: nobody can connect from here on. Those who wait to be accepted are turned away.
    package func stopListening() {
        // Fails only for a socket that does not listen.
        _ = shutdown(descriptor, Int32(SHUT_RD))
    }

    /// Tells the other side that nothing more comes. What it still sends can be read.
    package func finishWriting() {
        // Fails only when the other side is gone, which the next read says too.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }
}

// MARK: Listening

extension Socket {
    /// Connections that wait to be accepted; a scrape or two at once is the rule.
    private static let backlog: Int32 = 128

    /// Listens at `address`, without waiting in `accept`.
    ///
    /// `.all` takes IPv6 and IPv4 with one socket, and IPv4 alone where the kernel has no IPv6. At a path, a socket
    /// that nobody answers on is removed first, and `access` says who may connect.
    ///
    /// - Throws: `Errno`; `.addressInUse` when something else listens there, `.alreadyThere` when a file that is no
    ///   socket has the path.
    package static func listening(
        at address: SocketAddress, access: SocketAccess = SocketAccess()
    ) throws(Errno) -> Socket {
        if case .unix(let path) = address { return try listening(atPath: path, address, access) }
        do throws(Errno) { return try bound(to: address) } catch {
            // No IPv6: not compiled in (no family), or switched off (no such address).
            guard case .all(let port) = address, error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL else {
                throw error
            }
            return try bound(to: .ipv4(0, port: port))
        }
    }

    private static func bound(to address: SocketAddress) throws(Errno) -> Socket {
        let socket = try Socket.make(address.family)
        // Connections of an agent that was just stopped do not hold the port.
        try socket.set(SO_REUSEADDR, at: SOL_SOCKET, to: 1)
        try socket.take(address)
        guard listen(socket.descriptor, backlog) == 0 else { throw .current }
        return socket
    }

    private func take(_ address: SocketAddress) throws(Errno) {
        if address.family == AF_INET6 {
            var isAll = false
            if case .all = address { isAll = true }
            try set(IPV6_V6ONLY, at: Int32(IPPROTO_IPV6), to: isAll ? 0 : 1)
        }
        let descriptor = descriptor
        guard unsafe address.withRaw({ unsafe bind(descriptor, $0, $1) }) == 0 else { throw .current }
    }

    private static func listening(
        atPath path: String, _ address: SocketAddress, _ access: SocketAccess
    ) throws(Errno) -> Socket {
        let socket = try Socket.make(AF_UNIX)
        let descriptor = socket.descriptor
        func tryToBind() -> Bool { unsafe address.withRaw { unsafe bind(descriptor, $0, $1) } == 0 }
        if !tryToBind() {
            let error = Errno.current
            // Left behind by an agent that was killed, or alive: only a connection tells.
            guard error == .addressInUse else { throw error }
            // Not ours to remove.
            guard isSocket(path) else { throw .alreadyThere }
            guard isAbandoned(address) else { throw error }
            try removeFile(path)
            guard tryToBind() else { throw .current }
        }
        // From here on the path is ours, and goes with the socket.
        try socket.rememberPath(path, isOurs: true)
        // The mode last: a change of owner may take bits away. Nobody can connect before `listen`.
        if let group = access.groupID {
            guard unsafe lchown(path, uid_t.max, group) == 0 else { throw .current }
        }
        guard unsafe chmod(path, access.mode) == 0, listen(descriptor, backlog) == 0 else { throw .current }
        return socket
    }

    /// A socket at this path refuses connections: nobody has it open.
    private static func isAbandoned(_ address: SocketAddress) -> Bool {
        do throws(Errno) {
            let probe = try Socket.make(AF_UNIX)
            let descriptor = probe.descriptor
            guard unsafe address.withRaw({ unsafe connect(descriptor, $0, $1) }) != 0 else { return false }
            return Errno.current.code == ECONNREFUSED
        } catch { return false }
    }

    private static func isSocket(_ path: String) -> Bool {
        var raw = stat()
        return unsafe lstat(path, &raw) == 0 && raw.st_mode & S_IFMT == S_IFSOCK
    }

    /// The next connection that waits, or nil. It does not wait in reads and writes.
    ///
    /// - Throws: `Errno`; `EMFILE` and the like when there is no descriptor left for it.
    package func accept() throws(Errno) -> Socket? {
        let descriptor = descriptor
        do throws(Errno) {
            return Socket(owning: Int32(try retryingOnInterrupt { Int(linux_accept(descriptor)) }))
        } catch {
            // The last two: the client went away before we came.
            if error == .wouldBlock || error.code == ECONNABORTED || error.code == EPROTO { return nil }
            throw error
        }
    }

    /// The address it listens at, with the port that the kernel chose for port 0.
    package func address(asked address: SocketAddress) -> SocketAddress {
        address.with(port: localAddress?.port ?? 0)
    }

    /// Where it listens, or is connected at; nil for a socket of another family than those of `SocketAddress`.
    package var localAddress: SocketAddress? {
        let descriptor = descriptor
        return unsafe SocketAddress { unsafe getsockname(descriptor, $0, $1) }
    }

    /// Who is at the other end; nil when nobody is any more.
    package var remoteAddress: SocketAddress? {
        let descriptor = descriptor
        return unsafe SocketAddress { unsafe getpeername(descriptor, $0, $1) }
    }

    package var isUnix: Bool {
        var family: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family == AF_UNIX
    }
}

// MARK: Datagrams

extension Socket {
    /// Receives datagrams at `address`, which is none of a unix socket, without waiting in `read`: one call reads one
    /// datagram. `bufferBytes` is what the kernel is asked to hold; it may hold less.
    package static func receivingDatagrams(at address: SocketAddress, bufferBytes: Int) throws(Errno) -> Socket {
        func open(_ address: SocketAddress) throws(Errno) -> Socket {
            let socket = try Socket.make(address.family, SOCK_DGRAM)
            // Less than was asked for is no failure.
            do throws(Errno) { try socket.set(SO_RCVBUF, at: SOL_SOCKET, to: Int32(clamping: bufferBytes)) } catch {}
            try socket.take(address)
            return socket
        }
        do throws(Errno) { return try open(address) } catch {
            guard case .all(let port) = address, error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL else {
                throw error
            }
            return try open(.ipv4(0, port: port))
        }
    }

    /// Datagrams that the kernel had no room for; nil where it does not say (before Linux 4.12).
    package var lostDatagrams: UInt64? {
        // SO_MEMINFO and SK_MEMINFO_DROPS of linux/sock_diag.h.
        let (option, dropsIndex) = (Int32(55), 8)
        var values = [UInt32](repeating: 0, count: 16)
        var length = socklen_t(values.count * MemoryLayout<UInt32>.size)
        let code = unsafe getsockopt(descriptor, SOL_SOCKET, option, &values, &length)
        guard code == 0, Int(length) > dropsIndex * MemoryLayout<UInt32>.size else { return nil }
        return UInt64(values[dropsIndex])
    }
}

// MARK: Connecting

extension Socket {
    /// Connects, and waits for it until `deadline`. Reads and writes on it do not wait: see `wait(for:until:)`.
    ///
    /// - Throws: `Errno`; `ETIMEDOUT` when the deadline is over.
    package static func connecting(to address: SocketAddress, until deadline: Instant) throws(Errno) -> Socket {
        let socket = try Socket.make(address.family)
        let descriptor = socket.descriptor
        guard unsafe address.withRaw({ unsafe connect(descriptor, $0, $1) }) != 0 else { return socket }
        let error = Errno.current
        // EAGAIN comes from a unix socket whose backlog is full: it will not be said when there is room.
        guard error.code == EINPROGRESS || error == .interrupted else { throw error }
        try socket.wait(for: .writing, until: deadline)
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { throw .current }
        guard code == 0 else { throw Errno(code: code) }
        return socket
    }

    package enum Direction: Sendable { case reading, writing }

    /// Blocks until the socket can be read or written, or has failed, which the next call says.
    ///
    /// - Throws: `Errno`; `ETIMEDOUT` when the deadline is over.
    package func wait(for direction: Direction, until deadline: Instant) throws(Errno) {
        let descriptor = descriptor
        while true {
            let left = max(0, (deadline - .now).nanoseconds)
            var entry = pollfd(fd: descriptor, events: Int16(direction == .reading ? POLLIN : POLLOUT), revents: 0)
            // Rounded up, so that the last part of a millisecond is not spent in a loop.
            let milliseconds = Int32(clamping: (left + 999_999) / 1_000_000)
            let count = unsafe poll(&entry, 1, milliseconds)
            if count > 0 { return }
            if count < 0, Errno.current != .interrupted { throw .current }
            if count == 0, Instant.now >= deadline { throw Errno(code: ETIMEDOUT) }
        }
    }

    fileprivate static func make(_ family: Int32, _ type: __socket_type = SOCK_STREAM) throws(Errno) -> Socket {
        let kind = Int32(type.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw .current }
        return Socket(owning: descriptor)
    }

    private func set(_ option: Int32, at level: Int32, to value: Int32) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe setsockopt(descriptor, level, option, &value, size) == 0 else { throw .current }
    }
}
