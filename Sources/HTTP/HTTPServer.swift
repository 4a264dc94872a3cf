// An HTTP/1.1 server for a few clients: one queue, sockets that do not wait, and a deadline for everybody.
//
// RFC 9112, section 9 for how connections are kept and closed.

internal import Bytes
package import Platform
internal import Synchronization

/// What a client is told that speaks plain HTTP where TLS is spoken.
package let speaksTLSText = "this address speaks TLS: use https://"

/// What a client is told for whom there is no place.
package let tooManyConnectionsText = "too many connections"

/// Called on the server's queue; the answer may come from any queue, once.
package typealias HTTPServerHandler =
    @Sendable (HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse) -> Void) -> Void

/// Serves until `stop`, which must be called before it goes: sockets may be closed only when nobody watches them any
/// more.
package final class HTTPServer: Sendable {
    /// Connections that are only waited for to close, besides those that are served.
    private static let closingLimit = 16
    /// What is read at once. No less than a record of TLS has: what OpenSSL has read and we have not, no watch tells.
    private static let readByteCount = 16 << 10
    /// When descriptors have run out, others must be closed first: by somebody else, or by us.
    private static let acceptPause: Duration = .seconds(1)
    private static let closingPause: Duration = .milliseconds(50)

    private struct Listener {
        let socket: Socket
        let isUnix: Bool
        let tls: TLSAcceptor?
        var watch: Watch?

        /// The descriptor is closed when the watch has let go of it.
        func close() {
            let socket = socket
            socket.removePath()
            watch?.cancel(then: { _ = socket })
        }
    }

    private struct State {
        var listeners: [UInt64: Listener] = [:]
        var connections: [UInt64: ServerConnection] = [:]
        var closingCount = 0
        var nextID: UInt64 = 0
        /// When the next sweep for connections whose deadline is over will be.
        var sweepAt: Instant?
        /// Since when connections could not be accepted; nil when they can.
        var cannotAcceptSince: Instant?
        /// One for all: what is read goes on to the parser of its connection.
        var readBuffer: [UInt8] = []
        var isStopped = false
    }

    private let limits: HTTPServerLimits
    private let handler: HTTPServerHandler
    private let worker = Worker<State>("http server", State())
    private let counted = Mutex(HTTPServerCounts())
    private let log: AgentLog

    package init(limits: HTTPServerLimits, log: AgentLog = .silent, handler: @escaping HTTPServerHandler) {
        self.limits = limits
        self.log = log
        self.handler = handler
    }

    package var counts: HTTPServerCounts { counted.withLock(\.self) }

    /// How many connections there are, those that are closing among them.
    package var connectionCount: Int { worker.runAndWait { $0.connections.count } }

    /// Serves connections that arrive at `listener` from now on, and speaks TLS with them where `tls` is given.
    package func serve(_ listener: Socket, tls: TLSAcceptor? = nil) {
        worker.runAndWait { state in
            guard !state.isStopped else { return listener.removePath() }
            state.nextID += 1
            state.listeners[state.nextID] = Listener(socket: listener, isUnix: listener.isUnix, tls: tls)
            self.watch(listener: state.nextID, &state)
        }
    }

    /// Lets go of a listener that nobody can reach any more. Clients that wait to be accepted are served, and
    /// connections that there are go on.
    package func retire(_ listener: Socket) {
        worker.runAndWait { state in
            guard let id = state.listeners.first(where: { $0.value.socket === listener })?.key else { return }
            self.accept(from: id, &state)
            state.listeners.removeValue(forKey: id)?.close()
        }
    }

    /// Calls `body` on the server's queue when that has done what is before it.
    package func whenIdle(_ body: @escaping @Sendable () -> Void) { worker.run { _ in body() } }

    /// Closes everything. What was not written by now is not written.
    package func stop() {
        worker.runAndWait { state in
            state.isStopped = true
            for id in state.connections.keys { self.close(id, &state) }
            for listener in state.listeners.values { listener.close() }
            state.listeners = [:]
        }
    }

    // MARK: Accepting

    private func watch(listener id: UInt64, _ state: inout State) {
        guard let descriptor = state.listeners[id]?.socket.descriptor else { return }
        state.listeners[id]?.watch = worker.whenReadable(descriptor) { [weak self] state in
            self?.accept(from: id, &state)
        }
    }

    private func accept(from id: UInt64, _ state: inout State) {
        guard let listener = state.listeners[id] else { return }
        do throws(Errno) {
            while let socket = try listener.socket.accept() {
                noteAccepting(nil, &state)
                open(ServerConnection(socket, isUnix: listener.isUnix, listener.tls), &state)
            }
        } catch {
            // The connection stays in the backlog, and would wake us again at once.
            counted.withLock { $0.acceptsFailed += 1 }
            noteAccepting(error, &state)
            let socket = listener.socket
            listener.watch?.cancel(then: { _ = socket })
            var pause = Self.acceptPause
            // Its descriptor is what the new one needs.
            if let silent = connectionToClose(state.connections, of: Set(ConnectionKind.allCases), at: .now) {
                close(silent, &state)
                pause = Self.closingPause
            }
            worker.run(after: pause) { [weak self] state in
                self?.watch(listener: id, &state)
            }
        }
    }

    /// One line when it begins, and one when it is over.
    private func noteAccepting(_ error: Errno?, _ state: inout State) {
        if let error, state.cannotAcceptSince == nil {
            state.cannotAcceptSince = .now
            log.error(
                "cannot accept connections; clients wait; trying again at least every second",
                ["reason": error.description, "open_file_limit": "\(openFileLimit()) (RLIMIT_NOFILE, LimitNOFILE=)"])
        } else if error == nil, let since = state.cannotAcceptSince {
            state.cannotAcceptSince = nil
            log.info("connections are accepted again", ["after_seconds": "\(Int((Instant.now - since).inSeconds))"])
        }
    }

    private func open(_ connection: ServerConnection, _ state: inout State) {
        counted.withLock { $0.connectionsAccepted += 1 }
        let isTooMany = !makeRoom(for: connection.kind, &state)
        if isTooMany {
            counted.withLock { $0.refusedByLimit += 1 }
            // Who speaks TLS could read a refusal only after a handshake, which is the most costly part.
            guard state.closingCount < Self.closingLimit, connection.phase == .reading else { return }
        }
        state.nextID += 1
        let id = state.nextID
        state.connections[id] = connection
        watchReading(id, connection)
        if isTooMany {
            connection.keepsAlive = false
            let retry = [(name: "Retry-After", value: "5")]
            send(HTTPServerResponse(status: 503, text: tooManyConnectionsText, headers: retry), on: id, &state)
        } else {
            set(deadline: limits.requestDeadline, of: connection, &state)
        }
    }

    /// Whether there is a place for one more of a kind. The one that has been silent for longest gives it up: neither
    /// half-open connections, nor idle ones, nor clients that do not read keep anybody out, however many.
    private func makeRoom(for kind: ConnectionKind, _ state: inout State) -> Bool {
        let count = state.connections.values.count { $0.kind == kind && $0.phase != .closing }
        guard count >= limits.connections(of: kind) else { return true }
        guard let silent = connectionToClose(state.connections, of: [kind], at: .now) else { return false }
        counted.withLock { $0.refusedByLimit += 1 }
        close(silent, &state)
        return true
    }

    /// It has shown who it is, and no more takes a place of those that have not.
    private func makeKnown(_ connection: ServerConnection, _ state: inout State) {
        guard connection.kind == .other, makeRoom(for: .known, &state) else { return }
        connection.kind = .known
    }

    // MARK: The handshake of TLS

    private func shakeHands(_ id: UInt64, _ connection: ServerConnection, _ state: inout State) {
        guard let acceptor = connection.acceptor else { bug("a handshake without a certificate") }
        guard !waitForFiles(id, connection, acceptor) else { return }
        do throws(TransportStop) {
            if case .plain = connection.transport {
                guard try beginTLS(id, connection, acceptor, &state) else { return }
            }
            if case .tls(let session) = connection.transport { try session.accept() }
            connection.phase = .reading
            if acceptor.requiresCertificate { makeKnown(connection, &state) }
        } catch {
            switch error {
            case .waitsToRead: break
            case .waitsToWrite:
                // The certificates fill the socket's buffer: what may be read has to wait, or it would wake us again.
                connection.stopReading()
                connection.writeWatch = worker.whenWritable(connection.socket.descriptor) { [weak self] state in
                    guard let self, let connection = state.connections[id] else { return }
                    connection.stopWaitingToWrite()
                    self.watchReading(id, connection)
                    self.shakeHands(id, connection, &state)
                }
            case .failed(let reason):
                counted.withLock { $0.handshakesFailed += 1 }
                acceptor.report(reason, from: connection.socket.remoteAddress)
                close(id, &state)
            }
        }
    }

    /// Whether the handshake has to wait: the files of the certificate are looked at, on another queue.
    private func waitForFiles(_ id: UInt64, _ connection: ServerConnection, _ acceptor: TLSAcceptor) -> Bool {
        if connection.waitsForFiles { return true }
        guard !connection.hasAskedForFiles else { return false }
        connection.hasAskedForFiles = true
        let goOn: @Sendable (inout State) -> Void = { [weak self] state in
            guard let self, let connection = state.connections[id], connection.waitsForFiles else { return }
            connection.waitsForFiles = false
            self.watchReading(id, connection)
            self.shakeHands(id, connection, &state)
        }
        guard acceptor.look(at: .now, then: { [worker] in worker.run(goOn) }) else { return false }
        connection.waitsForFiles = true
        // What may be read would wake us again and again.
        connection.stopReading()
        return true
    }

    /// Looks at the first byte, and makes a session when it is one of TLS; else the connection has ended or will.
    private func beginTLS(
        _ id: UInt64, _ connection: ServerConnection, _ acceptor: TLSAcceptor, _ state: inout State
    ) throws(TransportStop) -> Bool {
        var first: UInt8?
        do throws(Errno) { first = try connection.socket.peek() } catch {
            if error == .wouldBlock { throw .waitsToRead }
        }
        guard let first else {
            // Somebody has looked whether anybody listens: no failure of anything.
            close(id, &state)
            return false
        }
        guard first == RequestParser.tlsHandshake else {
            counted.withLock { $0.handshakesFailed += 1 }
            acceptor.report("it speaks no TLS", from: connection.socket.remoteAddress)
            connection.keepsAlive = false
            send(HTTPServerResponse(status: 400, text: speaksTLSText), on: id, &state)
            return false
        }
        connection.socket.sendAtOnce()
        do throws(TLSError) { connection.transport = .tls(try acceptor.makeSession(connection.socket)) } catch {
            throw .failed(error.reason)
        }
        return true
    }

    // MARK: Reading

    private func watchReading(_ id: UInt64, _ connection: ServerConnection) {
        connection.readWatch = worker.whenReadable(connection.socket.descriptor) { [weak self] state in
            self?.read(id, &state)
        }
    }

    private func read(_ id: UInt64, _ state: inout State) {
        guard let connection = state.connections[id] else { return }
        if connection.phase == .shakingHands { return shakeHands(id, connection, &state) }
        if state.readBuffer.isEmpty { state.readBuffer = [UInt8](repeating: 0, count: Self.readByteCount) }
        do throws(TransportStop) {
            let count = try connection.read(into: &state.readBuffer)
            if count == 0 {
                // The client sends no more. What it asked for it still gets: it may have closed only its half.
                connection.stopReading()
                connection.hasPeerFinished = true
                switch connection.phase {
                case .reading: takeRequest(id, connection, &state)
                case .handling, .writing, .shakingHands: break
                case .closing: close(id, &state)
                }
                return
            }
            if connection.phase == .closing { return }
            connection.parser.append(state.readBuffer[..<count])
        } catch {
            // TLS has to write before it reads on when a client wants new keys: one that does not take them is let go.
            if error != .waitsToRead { close(id, &state) }
            return
        }
        if connection.phase == .reading {
            takeRequest(id, connection, &state)
        } else if connection.parser.waitingByteCount >= RequestParser.waitingByteLimit {
            connection.stopReading()
        }
    }

    private func takeRequest(_ id: UInt64, _ connection: ServerConnection, _ state: inout State) {
        do throws(RequestRefusal) {
            let wasBetween = connection.isIdle
            guard var request = try connection.parser.next() else {
                connection.isIdle = connection.parser.isBetweenRequests && connection.requestCount > 0
                if connection.hasPeerFinished {
                    close(id, &state)
                } else if connection.isIdle {
                    set(deadline: limits.idleDeadline, of: connection, &state)
                } else if wasBetween {
                    set(deadline: limits.requestDeadline, of: connection, &state)
                }
                return
            }
            counted.withLock { $0.requests += 1 }
            connection.isIdle = false
            connection.phase = .handling
            connection.deadline = nil
            connection.requestCount += 1
            connection.keepsAlive = request.keepsAlive
            connection.isHead = request.method == "HEAD"
            request.origin = connection.origin
            let number = connection.requestCount
            handler(request) { [weak self] response in
                guard let self else { return }
                self.worker.run { [weak self] state in
                    // It may be gone, or the handler may have answered twice.
                    guard let connection = state.connections[id], connection.requestCount == number,
                        connection.phase == .handling
                    else { return }
                    self?.send(response, on: id, &state)
                }
            }
        } catch {
            counted.withLock { $0.refusedRequests += 1 }
            connection.keepsAlive = false
            connection.isHead = false
            send(HTTPServerResponse(status: error.status, text: error.reason), on: id, &state)
        }
    }

    // MARK: Writing

    private func send(_ response: HTTPServerResponse, on id: UInt64, _ state: inout State) {
        guard let connection = state.connections[id] else { return }
        if connection.hasPeerFinished && connection.parser.waitingByteCount == 0 { connection.keepsAlive = false }
        if response.isForKnownClient { makeKnown(connection, &state) }
        connection.phase = .writing
        connection.quietSince = .now
        connection.head = response.head(keepsAlive: connection.keepsAlive)
        connection.body = connection.isHead ? [] : response.body
        connection.written = 0
        set(deadline: limits.responseDeadline, of: connection, &state)
        write(id, &state)
    }

    private func write(_ id: UInt64, _ state: inout State) {
        guard let connection = state.connections[id], connection.phase == .writing else { return }
        let total = connection.head.count + connection.body.count
        do throws(TransportStop) {
            while connection.written < total { try connection.write() }
        } catch {
            guard error == .waitsToWrite else { return close(id, &state) }
            if connection.writeWatch == nil {
                connection.writeWatch = worker.whenWritable(connection.socket.descriptor) { [weak self] state in
                    self?.write(id, &state)
                }
            }
            return
        }
        connection.finishWriting()
        guard connection.keepsAlive else { return finish(id, connection, &state) }
        connection.phase = .reading
        connection.isIdle = true
        // On the next turn, so that a client with many requests in one packet does not hold up the others.
        worker.run { [weak self] state in
            guard let connection = state.connections[id], connection.phase == .reading else { return }
            let isBehind = connection.parser.waitingByteCount >= RequestParser.waitingByteLimit
            if connection.readWatch == nil, !connection.hasPeerFinished, !isBehind {
                self?.watchReading(id, connection)
            }
            self?.takeRequest(id, connection, &state)
        }
    }

    /// The end of the response must not be lost: the kernel throws away what it still has when a socket is closed that
    /// has unread bytes. So the client closes first, or has `closingDeadline` for it.
    private func finish(_ id: UInt64, _ connection: ServerConnection, _ state: inout State) {
        connection.beginClosing()
        state.closingCount += 1
        guard !connection.hasPeerFinished, state.closingCount <= Self.closingLimit else { return close(id, &state) }
        if connection.readWatch == nil { watchReading(id, connection) }
        set(deadline: limits.closingDeadline, of: connection, &state)
    }

    private func close(_ id: UInt64, _ state: inout State) {
        guard let connection = state.connections.removeValue(forKey: id) else { return }
        if connection.phase == .closing { state.closingCount -= 1 }
        connection.stopReading()
        connection.finishWriting()
    }

    // MARK: Deadlines

    private func set(deadline: Duration, of connection: ServerConnection, _ state: inout State) {
        let instant = Instant.now + deadline
        connection.deadline = instant
        planSweep(at: instant, &state)
    }

    /// One timer for all, and none when nobody is connected.
    private func planSweep(at instant: Instant, _ state: inout State) {
        if let planned = state.sweepAt, planned <= instant { return }
        state.sweepAt = instant
        worker.run(after: instant - .now) { [weak self] state in self?.sweep(planned: instant, &state) }
    }

    private func sweep(planned: Instant, _ state: inout State) {
        // An earlier one was planned after this: it has planned the next.
        guard state.sweepAt == planned else { return }
        state.sweepAt = nil
        let now = Instant.now
        var next: Instant?
        for (id, connection) in state.connections {
            guard let deadline = connection.deadline else { continue }
            if deadline <= now {
                expire(id, connection, &state)
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        if let next { planSweep(at: next, &state) }
    }

    private func expire(_ id: UInt64, _ connection: ServerConnection, _ state: inout State) {
        switch connection.phase {
        case .reading where connection.isIdle: close(id, &state)
        case .shakingHands:
            // What could be said would have to be said in TLS.
            counted.withLock { $0.requestsTooSlow += 1 }
            close(id, &state)
        case .reading:
            counted.withLock { $0.requestsTooSlow += 1 }
            connection.keepsAlive = false
            connection.isHead = false
            send(HTTPServerResponse(status: 408, text: "the request did not come in time"), on: id, &state)
        case .handling, .closing: close(id, &state)
        case .writing:
            counted.withLock { $0.responsesTooSlow += 1 }
            close(id, &state)
        }
    }
}
