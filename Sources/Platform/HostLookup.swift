// From a name and a port to addresses, as getaddrinfo(3) knows them. It may block for as long as the resolver's
// time-outs: only for queues that may wait.

internal import CLinux
internal import Glibc

/// The addresses that stream sockets may be connected to, in the order in which they are to be tried.
///
/// - Throws: `HostLookupError` with the resolver's own words.
package func lookUp(host: String, port: UInt16) throws(HostLookupError) -> [SocketAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &found)
    guard code == 0 else {
        let reason = unsafe gai_strerror(code).map { unsafe String(cString: $0) }
        throw HostLookupError(host: host, reason: reason ?? "error \(code)")
    }
    defer { unsafe freeaddrinfo(found) }
    var addresses: [SocketAddress] = []
    var next = unsafe found
    while let entry = unsafe next {
        let length = unsafe entry.pointee.ai_addrlen
        let raw = unsafe UnsafeRawPointer(entry.pointee.ai_addr)
        let address = unsafe SocketAddress { out, outLength in
            guard let raw = unsafe raw, unsafe length <= outLength.pointee else { return -1 }
            unsafe UnsafeMutableRawPointer(out).copyMemory(from: raw, byteCount: Int(length))
            unsafe outLength.pointee = length
            return 0
        }
        if let address { addresses.append(address) }
        unsafe next = entry.pointee.ai_next
    }
    return addresses
}

/// A name that leads nowhere, now.
package struct HostLookupError: Error, Equatable, CustomStringConvertible {
    package let host: String
    package let reason: String

    package var description: String { "\(host): \(reason)" }
}
