// Where a stream socket listens or connects, as the settings write it. See ip(7), ipv6(7), unix(7).

internal import Bytes
internal import CLinux
internal import Glibc

/// Why a text is no address.
package struct SocketAddressError: Error, Equatable, CustomStringConvertible {
    package let text: String
    package let reason: String

    package var description: String { "\"\(text)\": \(reason)" }
}

/// `127.0.0.1:9100`, `[::1]:9100`, `:9100`, `localhost:9100`, `unix:/run/vitals/vitals.sock`.
///
/// Names are not resolved, since that may block for long at the start of a host; `localhost` is 127.0.0.1.
package enum SocketAddress: Hashable, Sendable {
    /// All addresses of the host, IPv6 and IPv4; written `:port` or `[::]:port`. To connect to it is to connect to this
    /// host.
    case all(port: UInt16)
    /// The address in the order in which it is written.
    case ipv4(UInt32, port: UInt16)
    /// Sixteen bytes.
    case ipv6([UInt8], port: UInt16)
    case unix(path: String)

    /// What `sun_path` holds, with the zero that ends it. See unix(7).
    private static let unixPathLimit = 107

    package init(_ text: String) throws(SocketAddressError) {
        func error(_ reason: String) -> SocketAddressError { SocketAddressError(text: text, reason: reason) }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/") else { throw error("expected an absolute path after \"unix:\"") }
            guard path.utf8.count <= Self.unixPathLimit else {
                throw error("the path of a socket has at most \(Self.unixPathLimit) bytes")
            }
            guard !path.utf8.contains(0) else { throw error("a path has no zero byte") }
            self = .unix(path: path)
            return
        }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw error("expected host:port, [address]:port, :port or unix:/path")
        }
        let digits = text[text.utf8.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { throw error("expected a port from 0 to 65535 after the last colon") }
        let host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let bytes = Self.parse(ipv6: String(host.dropFirst().dropLast())) else {
                throw error("expected an IPv6 address between [ and ]")
            }
            self = bytes.allSatisfy { $0 == 0 } ? .all(port: port) : .ipv6(bytes, port: port)
        } else if host.isEmpty {
            self = .all(port: port)
        } else if host == "localhost" {
            self = .ipv4(Self.loopback, port: port)
        } else if let address = Self.parse(ipv4: host) {
            self = .ipv4(address, port: port)
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            throw error("an IPv6 address stands in brackets: [\(host)]:\(digits)")
        } else {
            throw error("expected an IP address or \"localhost\": names are not resolved")
        }
    }

    private static func parse(ipv4 text: String) -> UInt32? {
        var address = in_addr()
        guard unsafe inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return UInt32(bigEndian: address.s_addr)
    }

    private static func parse(ipv6 text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        return bytes
    }

    private static let loopback: UInt32 = 0x7F00_0001
}

extension SocketAddress: CustomStringConvertible {
    /// As it would be written in the settings.
    package var description: String {
        switch self {
        case .all(let port): return ":\(port)"
        case .ipv4(let address, let port):
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255):\(port)"
        case .ipv6(let bytes, let port):
            var text = [CChar](repeating: 0, count: 46)
            unsafe _ = inet_ntop(AF_INET6, bytes, &text, UInt32(text.count))
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return "[\(address)]:\(port)"
        case .unix(let path): return "unix:\(path)"
        }
    }
}

extension SocketAddress {
    /// Why nobody can listen there, and what a person can look at.
    package func explanation(of error: Errno) -> String {
        if case .unix(let path) = self {
            let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            let shown = directory.isEmpty ? "/" : directory
            switch error {
            case .notFound: return "\(error); the directory \(shown) is not there"
            case .noDirectory: return "\(error); \(shown) is no directory"
            case .accessDenied: return "\(error); the agent may not make files in \(shown)"
            default: return "\(error)"
            }
        }
        switch error {
        case .addressNotHere: return "\(error); this host does not have that address now"
        case .accessDenied where (port ?? .max) < 1_024:
            return "\(error); a port below 1024 needs CAP_NET_BIND_SERVICE, or a socket of systemd"
        default: return "\(error)"
        }
    }

    /// What `call`, getsockname(2) or getpeername(2), fills in; nil when it fails, or for another family.
    ///
    /// IPv4 that came through a socket of IPv6 is IPv4.
    init?(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
        // The largest of them.
        var raw = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = unsafe withUnsafeMutablePointer(to: &raw) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, &length) }
        }
        guard code == 0 else { return nil }
        let bytes = unsafe withUnsafeBytes(of: &raw) { unsafe Array($0.prefix(Int(length))) }
        switch Int32(raw.sun_family) {
        case AF_INET where bytes.count >= 8:
            self = .ipv4(Self.number(bytes[4..<8]), port: UInt16(Self.number(bytes[2..<4])))
        case AF_INET6 where bytes.count >= 24:
            let (address, port) = (Array(bytes[8..<24]), UInt16(Self.number(bytes[2..<4])))
            let isMapped = address.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            self = isMapped ? .ipv4(Self.number(address[12...]), port: port) : .ipv6(address, port: port)
        case AF_UNIX: self = .unix(path: String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self))
        default: return nil
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    /// Without the port, as one writes it; a unix socket's path.
    package var host: String {
        switch self {
        case .all: "::"
        case .ipv4(_, let port), .ipv6(_, let port):
            String(description.prefix(description.utf8.count - "\(port)".utf8.count - 1))
        case .unix(let path): path
        }
    }

    var family: Int32 {
        switch self {
        case .all, .ipv6: AF_INET6
        case .ipv4: AF_INET
        case .unix: AF_UNIX
        }
    }

    /// Whether who listens at the one cannot listen at the other besides.
    package func overlaps(_ other: SocketAddress) -> Bool {
        guard let port, let otherPort = other.port else { return self == other }
        // For port 0 the kernel chooses one that is free.
        guard port == otherPort, port != 0 else { return false }
        switch (self, other) {
        case (.all, _), (_, .all): return true
        case (.ipv4(let one, _), .ipv4(let other, _)): return one == other || one == 0 || other == 0
        default: return self == other
        }
    }

    /// Nil for a path.
    package var port: UInt16? {
        switch self {
        case .all(let port), .ipv4(_, let port), .ipv6(_, let port): port
        case .unix: nil
        }
    }

    /// The same with another port; as it is for a path.
    func with(port: UInt16) -> SocketAddress {
        switch self {
        case .all: .all(port: port)
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let bytes, _): .ipv6(bytes, port: port)
        case .unix: self
        }
    }

    /// Calls `body` with the address as the kernel takes it.
    ///
    /// To connect to all addresses is to connect to this host: Linux takes `::` for the loopback address.
    func withRaw<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        func call<Raw>(_ raw: Raw) -> Value {
            unsafe withUnsafePointer(to: raw) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    unsafe body(raw, socklen_t(MemoryLayout<Raw>.size))
                }
            }
        }
        switch self {
        case .all(let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            return call(raw)
        case .ipv4(let address, let port):
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = address.bigEndian
            return call(raw)
        case .ipv6(let bytes, let port):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &raw.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
            return call(raw)
        case .unix(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &raw.sun_path) {
                unsafe $0.copyBytes(from: path.utf8.prefix(Self.unixPathLimit))
            }
            return call(raw)
        }
    }
}
