// One connection's TLS. It never waits: each call says for what it would have to. See SSL_get_error(3ossl).

internal import COpenSSL
internal import Platform

/// Why a connection moves no bytes now.
enum TransportStop: Error, Equatable {
    case waitsToRead, waitsToWrite
    case failed(String)
}

/// Touched by one thread at a time.
@safe final class TLSSession {
    /// Names in a certificate, all in all; those of a service mesh have one of a hundred bytes.
    private static let nameByteLimit = 4 << 10
    /// RFC 8446, section 5.1.
    private static let recordByteCount = 16 << 10

    private let session: OpaquePointer
    /// Its descriptor must outlive the session.
    private let socket: Socket
    private let clientNames: [String]

    init(owning session: OpaquePointer, on socket: Socket, clientNames: [String]) {
        unsafe self.session = session
        self.socket = socket
        self.clientNames = clientNames
    }

    deinit { unsafe tls_free(session) }

    /// Goes on with the handshake; returns when it is done.
    func accept() throws(TransportStop) {
        _ = try check(unsafe tls_accept(session))
        guard !clientNames.isEmpty else { return }
        // Without a certificate, where none is required, there is no name to be wrong.
        guard let given = certificateNames, !clientNames.contains(where: given.contains) else { return }
        throw .failed("the client's certificate is for none of client_names: \(given.joined(separator: ", "))")
    }

    /// Nil when the client has shown no certificate.
    private var certificateNames: [String]? {
        var names = [CChar](repeating: 0, count: Self.nameByteLimit)
        let count = unsafe tls_client_names(session, &names, names.count)
        guard count >= 0 else { return nil }
        let bytes = names[..<count].map { UInt8(bitPattern: $0) }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns 0 when the client has finished.
    func read(into buffer: inout [UInt8]) throws(TransportStop) -> Int {
        try check(unsafe buffer.withUnsafeMutableBytes { unsafe tls_read(session, $0.baseAddress, $0.count) })
    }

    /// As `Socket.write` does. After `.waitsToWrite` the next call must be for the same bytes.
    func write(_ head: [UInt8], _ body: [UInt8], from start: Int) throws(TransportStop) -> Int {
        // The head and what fits after it are one record, and so most responses are one packet.
        let isInHead = start < head.count
        let bytes = isInHead ? head[start...] + body.prefix(max(0, Self.recordByteCount - head.count)) : body[...]
        let offset = isInHead ? 0 : start - head.count
        return try check(
            unsafe bytes.withUnsafeBytes {
                unsafe tls_write(session, $0.baseAddress.map { unsafe $0 + offset }, $0.count - offset)
            })
    }

    /// The client knows from here on that the last response was whole.
    func finishWriting() { unsafe tls_finish(session) }

    private func check(_ answer: Int) throws(TransportStop) -> Int {
        switch Int32(clamping: answer) {
        case Int32(TLS_WAITS_TO_READ): throw .waitsToRead
        case Int32(TLS_WAITS_TO_WRITE): throw .waitsToWrite
        case Int32(TLS_FAILED): throw .failed(unsafe String(cString: tls_reason()))
        default: return answer
        }
    }
}
