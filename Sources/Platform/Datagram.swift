// One datagram to a Unix socket: what sd_notify(3) comes down to. See unix(7).

internal import CLinux
internal import Glibc

/// Sends `bytes` as one datagram. A name that begins with `@` is in the abstract namespace, where there are no files.
package func sendDatagram(_ bytes: [UInt8], toUnixSocket name: String) throws(Errno) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var path = Array(name.utf8)
    let isAbstract = path.first == UInt8(ascii: "@")
    if isAbstract { path[0] = 0 }
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    // The name of a file ends with a zero; one in the abstract namespace ends where the address does.
    guard !path.isEmpty, path.count <= (isAbstract ? capacity : capacity - 1) else { throw .invalid }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    let length = MemoryLayout<sa_family_t>.size + path.count + (isAbstract ? 0 : 1)

    let socket = File(owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    guard socket.descriptor >= 0 else { throw .current }
    let descriptor = socket.descriptor
    let sent = unsafe withUnsafePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe sendto(
                    descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL), address,
                    socklen_t(length))
            }
        }
    }
    guard sent >= 0 else { throw .current }
}
