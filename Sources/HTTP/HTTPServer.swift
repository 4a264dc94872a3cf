// An HTTP/1.1 server for a few clients: one queue, sockets that do not wait, and a deadline for everybody.
//
// RFC 9112, section 9 for how connections are kept and closed.

internal import Bytes
package import Platform
internal import Synchronization

package struct HTTPServerResponse: Sendable {
    package var status: Int
    package var contentType: String
    /// Besides those that the server writes: Content-Type, Content-Length, Connection.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        status: Int, contentType: String = "text/plain; charset=utf-8",
        headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    package init(status: Int, text: String, headers: [(name: String, value: String)] = []) {
        self.init(status: status, headers: headers, body: Array((text + "\n").utf8))
    }
}

/// How many, and how long.
package struct HTTPServerLimits: Sendable {
    /// Connections that are served at the same time; one more is answered with 503.
    package var connections: Int
    /// For a request to come whole, from its first byte, or from the start of the connection.
    package var requestDeadline: Duration
    /// For the client to take a response.
    package var responseDeadline: Duration
    /// Between requests. Longer than Prometheus' longest usual interval, so that a scrape finds its connection open.
    package var idleDeadline: Duration
    /// For the client to see the end of the last response before the connection is gone (RFC 9112, section 9.6).
    package var closingDeadline: Duration

    package init(
        connections: Int, requestDeadline: Duration = .seconds(10), responseDeadline: Duration = .seconds(30),
        idleDeadline: Duration = .seconds(75), closingDeadline: Duration = .seconds(2)
    ) {
        self.connections = connections
        self.requestDeadline = requestDeadline
        self.responseDeadline = responseDeadline
        self.idleDeadline = idleDeadline
        self.closingDeadline = closingDeadline
    }
}

/// What happened since the start.
package struct HTTPServerCounts: Sendable, Equatable {
    package var connectionsAccepted: UInt64 = 0
    package var requests: UInt64 = 0
    /// Connections beyond the limit.
    package var refusedByLimit: UInt64 = 0
    /// Requests that were malformed, too large, or in another way not served.
    package var refusedRequests: UInt64 = 0
    package var requestsTooSlow: UInt64 = 0
    /// Clients that did not take their response in time.
    package var responsesTooSlow: UInt64 = 0
    /// Connections that could not be accepted: no descriptors left.
    package var acceptsFailed: UInt64 = 0

    package init() {}
}

/// Called on the server's queue; the answer may come from any queue, once.
package typealias HTTPServerHandler =
    @Sendable (HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse) -> Void) -> Void

/// Serves until `stop`, which must be called before it goes: sockets may be closed only when nobody watches them any
/// more.
package final class HTTPServer: Sendable {
    /// Connections that are only waited for to close, besides those that are served.
    private static let closingLimit = 16
    /// What is read at once; a request has some 300 bytes.
    private static let readByteCount = 8 << 10
    /// When descriptors have run out, others must be closed first.
    private static let acceptPause: Duration = .seconds(1)

    private struct State {
        var listeners: [(socket: Socket, watch: Watch?)] = []
        var connections: [UInt64: Connection] = [:]
        var closingCount = 0
        var nextID: UInt64 = 0
        /// When the next sweep for connections whose deadline is over will be.
        var sweepAt: Instant?
        /// One for all: what is read goes on to the parser of its connection.
        var readBuffer: [UInt8] = []
        var isStopped = false
    }

    private let limits: HTTPServerLimits
    private let handler: HTTPServerHandler
    private let worker = Worker<State>("http server", State())
    private let counted = Mutex(HTTPServerCounts())

    package init(limits: HTTPServerLimits, handler: @escaping HTTPServerHandler) {
        self.limits = limits
        self.handler = handler
    }

    package var counts: HTTPServerCounts { counted.withLock(\.self) }

    /// How many connections there are, those that are closing among them.
    package var connectionCount: Int { worker.runAndWait { $0.connections.count } }

    /// Serves connections that arrive at `listener` from now on.
    package func serve(_ listener: Socket) {
        worker.runAndWait { state in
            state.listeners.append((listener, nil))
            self.watch(listener: state.listeners.count - 1, &state)
        }
    }

    /// Closes everything. What was not written by now is not written.
    package func stop() {
        worker.runAndWait { state in
            state.isStopped = true
            for id in state.connections.keys { self.close(id, &state) }
            for (socket, watch) in state.listeners {
                socket.removePath()
                watch?.cancel(then: { _ = socket })
            }
            state.listeners = []
        }
    }

    // MARK: Accepting

    private func watch(listener index: Int, _ state: inout State) {
        let descriptor = state.listeners[index].socket.descriptor
        state.listeners[index].watch = worker.whenReadable(descriptor) { [weak self] state in
            self?.accept(from: index, &state)
        }
    }

    private func accept(from index: Int, _ state: inout State) {
        guard state.listeners.indices.contains(index) else { return }
        let listener = state.listeners[index].socket
        do throws(Errno) {
            while let socket = try listener.accept() { open(socket, &state) }
        } catch {
            // The connection stays in the backlog, and would wake us again at once.
            counted.withLock { $0.acceptsFailed += 1 }
            state.listeners[index].watch?.cancel(then: { _ = listener })
            worker.run(after: Self.acceptPause) { [weak self] state in
                if !state.isStopped { self?.watch(listener: index, &state) }
            }
        }
    }

    private func open(_ socket: Socket, _ state: inout State) {
        counted.withLock { $0.connectionsAccepted += 1 }
        let isTooMany = state.connections.count - state.closingCount >= limits.connections
        if isTooMany {
            counted.withLock { $0.refusedByLimit += 1 }
            guard state.closingCount < Self.closingLimit else { return }
        }
        state.nextID += 1
        let id = state.nextID
        let connection = Connection(socket)
        state.connections[id] = connection
        watchReading(id, connection)
        if isTooMany {
            connection.keepsAlive = false
            let retry = [(name: "Retry-After", value: "5")]
            send(HTTPServerResponse(status: 503, text: "too many connections", headers: retry), on: id, &state)
        } else {
            set(deadline: limits.requestDeadline, of: connection, &state)
        }
    }

    // MARK: Reading

    private func watchReading(_ id: UInt64, _ connection: Connection) {
        connection.readWatch = worker.whenReadable(connection.socket.descriptor) { [weak self] state in
            self?.read(id, &state)
        }
    }

    private func read(_ id: UInt64, _ state: inout State) {
        guard let connection = state.connections[id] else { return }
        if state.readBuffer.isEmpty { state.readBuffer = [UInt8](repeating: 0, count: Self.readByteCount) }
        do throws(Errno) {
            let count = try connection.socket.read(into: &state.readBuffer)
            if count == 0 {
                // The client sends no more. What it asked for it still gets: it may have closed only its half.
                connection.stopReading()
                connection.hasPeerFinished = true
                switch connection.phase {
                case .reading: takeRequest(id, connection, &state)
                case .handling, .writing: break
                case .closing: close(id, &state)
                }
                return
            }
            if connection.phase == .closing { return }
            connection.parser.append(state.readBuffer[..<count])
        } catch {
            if error != .wouldBlock { close(id, &state) }
            return
        }
        if connection.phase == .reading {
            takeRequest(id, connection, &state)
        } else if connection.parser.waitingByteCount >= RequestParser.waitingByteLimit {
            connection.stopReading()
        }
    }

    private func takeRequest(_ id: UInt64, _ connection: Connection, _ state: inout State) {
        do throws(RequestRefusal) {
            let wasBetween = connection.isIdle
            guard let request = try connection.parser.next() else {
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
        connection.phase = .writing
        connection.head = response.head(keepsAlive: connection.keepsAlive)
        connection.body = connection.isHead ? [] : response.body
        connection.written = 0
        set(deadline: limits.responseDeadline, of: connection, &state)
        write(id, &state)
    }

    private func write(_ id: UInt64, _ state: inout State) {
        guard let connection = state.connections[id], connection.phase == .writing else { return }
        let total = connection.head.count + connection.body.count
        do throws(Errno) {
            while connection.written < total {
                connection.written += try connection.socket.write(
                    connection.head, connection.body, from: connection.written)
            }
        } catch {
            guard error == .wouldBlock else { return close(id, &state) }
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
    private func finish(_ id: UInt64, _ connection: Connection, _ state: inout State) {
        guard !connection.hasPeerFinished, state.closingCount < Self.closingLimit else { return close(id, &state) }
        connection.phase = .closing
        state.closingCount += 1
        connection.parser = RequestParser()
        connection.socket.finishWriting()
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

    private func set(deadline: Duration, of connection: Connection, _ state: inout State) {
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

    private func expire(_ id: UInt64, _ connection: Connection, _ state: inout State) {
        switch connection.phase {
        case .reading where connection.isIdle: close(id, &state)
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

/// One client. Touched on the server's queue only.
private final class Connection {
    enum Phase { case reading, handling, writing, closing }

    let socket: Socket
    var parser = RequestParser()
    var phase = Phase.reading
    /// Has had an answer, and has not begun to ask again.
    var isIdle = false
    var requestCount = 0
    var keepsAlive = true
    var isHead = false
    var hasPeerFinished = false
    /// nil while the handler works, which has a deadline of its own.
    var deadline: Instant?

    /// The response that is being written, and how much of it is.
    var head: [UInt8] = []
    var body: [UInt8] = []
    var written = 0

    var readWatch: Watch?
    var writeWatch: Watch?

    init(_ socket: Socket) { self.socket = socket }

    /// The descriptor is closed when the last of the watches has let go of it.
    func stopReading() {
        let socket = socket
        readWatch?.cancel(then: { _ = socket })
        readWatch = nil
    }

    func finishWriting() {
        let socket = socket
        writeWatch?.cancel(then: { _ = socket })
        writeWatch = nil
        head = []
        body = []
        written = 0
    }
}

extension HTTPServerResponse {
    /// Status line and headers, with the empty line that ends them.
    func head(keepsAlive: Bool) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(256)
        head.append("HTTP/1.1 ")
        head.append(decimal: status)
        head.append(UInt8(ascii: " "))
        head.append(Self.reason(of: status))
        head.append("\r\nContent-Type: ")
        head.append(text: contentType)
        head.append("\r\nContent-Length: ")
        head.append(decimal: body.count)
        for header in headers {
            head.append("\r\n")
            head.append(text: header.name)
            head.append(": ")
            head.append(text: header.value)
        }
        // Said both ways, since HTTP/1.0 needs the one and HTTP/1.1 the other.
        head.append(keepsAlive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        return head
    }

    private static func reason(of status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
