// One client of the server, and how its bytes travel.

internal import Platform

/// Touched on the server's queue only.
final class ServerConnection {
    enum Phase { case shakingHands, reading, handling, writing, closing }

    enum Transport {
        case plain
        case tls(TLSSession)
    }

    let socket: Socket
    /// Whose places it takes: `other` until it has shown who it is.
    var kind: ConnectionKind
    /// Of an address that speaks TLS.
    let acceptor: TLSAcceptor?
    /// Plain until the client's first byte has come, also at an address that speaks TLS.
    var transport = Transport.plain
    var parser = RequestParser()
    var phase: Phase
    /// Has had an answer, and has not begun to ask again.
    var isIdle = false
    var requestCount = 0
    var keepsAlive = true
    var isHead = false
    var hasPeerFinished = false
    /// When it came, had its last answer, or took the last bytes of one.
    var quietSince = Instant.now
    /// It goes on when the files of the certificate have been looked at.
    var waitsForFiles = false
    var hasAskedForFiles = false
    /// nil while the handler works, which has a deadline of its own.
    var deadline: Instant?

    /// The response that is being written, and how much of it is.
    var head: [UInt8] = []
    var body: [UInt8] = []
    var written = 0

    var readWatch: Watch?
    var writeWatch: Watch?

    /// With an acceptor, a client has to shake hands first.
    init(_ socket: Socket, isUnix: Bool, _ acceptor: TLSAcceptor?) {
        self.socket = socket
        kind = isUnix ? .unix : .other
        self.acceptor = acceptor
        phase = acceptor == nil ? .reading : .shakingHands
    }

    var origin: HTTPServerRequest.Origin { kind == .unix ? .unixSocket : .network(socket.remoteAddress) }

    /// Returns 0 when the client has finished.
    func read(into buffer: inout [UInt8]) throws(TransportStop) -> Int {
        if case .tls(let session) = transport, phase != .closing { return try session.read(into: &buffer) }
        do throws(Errno) { return try socket.read(into: &buffer) } catch {
            throw error == .wouldBlock ? .waitsToRead : .failed(error.description)
        }
    }

    /// Writes some of what is left of the response.
    func write() throws(TransportStop) {
        if case .tls(let session) = transport {
            written += try session.write(head, body, from: written)
        } else {
            do throws(Errno) { written += try socket.write(head, body, from: written) } catch {
                throw error == .wouldBlock ? .waitsToWrite : .failed(error.description)
            }
        }
        quietSince = .now
    }

    /// The client has the last byte, and may still be sending: what it sends from here on is dropped.
    func beginClosing() {
        phase = .closing
        if case .tls(let session) = transport { session.finishWriting() }
        parser = RequestParser()
        socket.finishWriting()
    }

    /// The descriptor is closed when the last of the watches has let go of it.
    func stopReading() {
        let socket = socket
        readWatch?.cancel(then: { _ = socket })
        readWatch = nil
    }

    func stopWaitingToWrite() {
        let socket = socket
        writeWatch?.cancel(then: { _ = socket })
        writeWatch = nil
    }

    func finishWriting() {
        stopWaitingToWrite()
        head = []
        body = []
        written = 0
    }
}
