// Sockets that systemd opened before the agent was started, and keeps while it is not. See sd_listen_fds(3),
// systemd.socket(5).

internal import Bytes
internal import Glibc

package struct PassedSocket: Sendable {
    package let socket: Socket
    /// `FileDescriptorName=` of its unit, which is the unit's own name by default.
    package let name: String
    package let address: SocketAddress
}

/// What was passed is nothing that connections arrive at.
package struct PassedSocketError: Error, Equatable, CustomStringConvertible {
    package let name: String
    package let reason: String
    package var description: String { "the socket \"\(name)\" that was passed: \(reason)" }
}

/// The sockets that were passed to this process; none when it was started without any. To be taken once.
package func takePassedSockets() throws(PassedSocketError) -> [PassedSocket] {
    var sockets: [PassedSocket] = []
    for (descriptor, name) in passedDescriptors(environment: environmentVariable, processID: processID) {
        sockets.append(try adopt(descriptor, name))
    }
    return sockets
}

/// Beginning with the first after standard error, as the variables say. Those of another process are inherited by
/// mistake.
func passedDescriptors(
    environment: (String) -> String?, processID: Int
) -> [(descriptor: Int32, name: String)] {
    /// A service has a few; a number in the millions is no truth.
    let countLimit = 1_024
    guard environment("LISTEN_PID").flatMap({ Int($0) }) == processID,
        let count = environment("LISTEN_FDS").flatMap({ Int($0) }), (1...countLimit).contains(count)
    else { return [] }
    let names = (environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
    return (0..<count).map { index in
        (
            STDERR_FILENO + 1 + Int32(index),
            index < names.count && !names[index].isEmpty ? String(names[index]) : "unknown"
        )
    }
}

/// Takes over a stream socket that listens. Its path, when it has one, is systemd's to remove.
func adopt(_ descriptor: Int32, _ name: String) throws(PassedSocketError) -> PassedSocket {
    func fail(_ reason: String) -> PassedSocketError { PassedSocketError(name: name, reason: reason) }
    var isListening: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 else {
        throw fail("\(Errno.current)")
    }
    // Datagram sockets never listen; connections of Accept=yes do not any more.
    guard isListening != 0 else { throw fail("it does not listen: ListenStream= without Accept= is needed") }
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
    else { throw fail("\(Errno.current)") }
    let socket = Socket(owning: descriptor)
    guard let address = socket.localAddress else { throw fail("it is of a family that is not known here") }
    if case .unix(let path) = address, path.hasPrefix("/") {
        // Where it cannot be looked at, nobody is told later that it is gone.
        do throws(Errno) { try socket.rememberPath(path, isOurs: false) } catch {}
    }
    return PassedSocket(socket: socket, name: name, address: address)
}
