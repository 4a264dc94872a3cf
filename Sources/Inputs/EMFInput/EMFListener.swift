// The sockets of an emf input: one queue for all of them, and none of them waits. See tcp(7), udp(7).
//
// A client may send nothing for as long as it likes: it costs a place. When all places are taken, the one that has been
// silent for longest gives up its own.

internal import Bytes
internal import Durable
internal import Metrics
internal import Platform
internal import Settings
internal import Synchronization

final class EMFListener: Sendable {
    struct Settings: Sendable {
        let tcp: SocketAddress?
        let udp: SocketAddress?
        let connections: Int
        let documentLimit: Int
    }

    /// What is read at once. A datagram has at most 64 KiB.
    private static let readBytes = 64 << 10
    /// Reads of one socket before others have their turn.
    private static let readsInTurn = 16
    /// Of a burst, as long as the kernel allows (net.core.rmem_max).
    private static let datagramBufferBytes = 4 << 20
    /// Lines that have not ended, of all connections together.
    private static let unfinishedLimitBytes = 16 << 20
    /// A port that somebody else has is asked for again.
    private static let retryInterval: Duration = .seconds(5)
    /// Descriptors have run out: others must be closed first.
    private static let acceptPause: Duration = .seconds(1)

    private struct Connection {
        let socket: Socket
        var lines: DocumentLines
        var watch: Watch?
        var heardAt: Instant
    }

    private struct State {
        var spools: [Spool] = []
        var listener: Socket?
        var datagrams: Socket?
        var watches: [Watch] = []
        var connections: [UInt64: Connection] = [:]
        var nextID: UInt64 = 0
        var unfinishedBytes = 0
        var buffer: [UInt8] = []
        var isOpen = false
    }

    /// What anybody may ask for at any time.
    private struct Known {
        var counts: [(reason: String, count: UInt64)] = [
            ("document_received", 0), ("connection_refused", 0), ("connection_closed_silent", 0),
            ("connection_closed_memory", 0), ("datagram_lost", 0),
        ]
        var problems: [String: String] = [:]
        var connectionCount = 0

        mutating func count(_ reason: String, _ more: UInt64 = 1) {
            if let index = counts.firstIndex(where: { $0.reason == reason }) {
                counts[index].count += more
            } else {
                counts.append((reason, more))
            }
        }

        mutating func set(_ reason: String, _ value: UInt64) {
            if let index = counts.firstIndex(where: { $0.reason == reason }) { counts[index].count = value }
        }
    }

    private let name: String
    let settings: Settings
    private let log: AgentLog
    private let worker: Worker<State>
    private let known = Mutex(Known())

    init(name: String, _ settings: Settings, log: AgentLog) {
        self.name = name
        self.settings = settings
        self.log = log
        worker = Worker("emf \(name)", State())
    }

    /// Counts that only grow, what is wrong now, and how many connections there are.
    var status: (counts: [(reason: String, count: UInt64)], problems: [String], connectionCount: Int) {
        known.withLock { known in
            (known.counts, known.problems.sorted { $0.key < $1.key }.map(\.value), known.connectionCount)
        }
    }

    /// The addresses that it has, with the ports that the kernel chose; for tests.
    var addresses: (tcp: SocketAddress?, udp: SocketAddress?) {
        worker.runAndWait { ($0.listener?.localAddress, $0.datagrams?.localAddress) }
    }

    /// What comes from here on goes into `spool` as well. The first opens the sockets.
    func add(_ spool: Spool) {
        worker.run { state in
            state.spools.append(spool)
            guard !state.isOpen else { return }
            state.isOpen = true
            self.open(&state)
        }
    }

    /// Nothing is put into `spool` when this returns. The last takes what the kernel still has, and closes the sockets.
    func remove(_ spool: Spool) {
        worker.runAndWait { state in
            guard state.spools.contains(where: { $0 === spool }) else { return }
            if state.spools.count == 1 { self.close(&state) }
            state.spools.removeAll { $0 === spool }
        }
    }

    /// Listens there for a moment.
    func check(_ report: inout CheckReport) {
        func trial(_ address: SocketAddress?, _ kind: String, _ open: (SocketAddress) throws(Errno) -> Socket) {
            guard let address else { return }
            do throws(Errno) {
                _ = try open(address)
                report.notes.append("receives at \(address) (\(kind))")
            } catch {
                // The agent that runs with these settings may have it.
                report.notes.append("\(address) (\(kind)) cannot be had now: \(error)")
            }
        }
        trial(settings.tcp, "TCP") { address throws(Errno) in try Socket.listening(at: address) }
        trial(settings.udp, "UDP") { address throws(Errno) in
            try Socket.receivingDatagrams(at: address, bufferBytes: Self.datagramBufferBytes)
        }
    }

    // MARK: Opening and closing

    private func open(_ state: inout State) {
        guard state.isOpen else { return }
        var isComplete = true
        if let address = settings.tcp, state.listener == nil {
            do throws(Errno) {
                let socket = try Socket.listening(at: address)
                state.listener = socket
                watchListener(socket, &state)
                note(nil, "tcp")
            } catch {
                isComplete = false
                note("\(address) (TCP): \(error)", "tcp")
            }
        }
        if let address = settings.udp, state.datagrams == nil {
            do throws(Errno) {
                let socket = try Socket.receivingDatagrams(at: address, bufferBytes: Self.datagramBufferBytes)
                state.datagrams = socket
                state.watches.append(
                    worker.whenReadable(socket.descriptor) { [weak self] state in self?.receive(socket, &state) })
                note(nil, "udp")
            } catch {
                isComplete = false
                note("\(address) (UDP): \(error)", "udp")
            }
        }
        guard !isComplete else { return }
        worker.run(after: Self.retryInterval) { [weak self] state in self?.open(&state) }
    }

    private func note(_ problem: String?, _ kind: String) {
        let isNew = known.withLock { known in
            defer { known.problems[kind] = problem }
            return known.problems[kind] != problem
        }
        if isNew, let problem { log.error("cannot receive documents", ["input": name, "reason": problem]) }
    }

    private func watchListener(_ socket: Socket, _ state: inout State) {
        state.watches.append(
            worker.whenReadable(socket.descriptor) { [weak self] state in self?.accept(socket, &state) })
    }

    private func close(_ state: inout State) {
        state.isOpen = false
        // What was sent before now may be with the kernel still.
        if let socket = state.datagrams { receive(socket, &state) }
        for id in state.connections.keys.sorted() {
            read(id, &state)
            end(id, &state)
        }
        // A descriptor is closed when it is no longer watched.
        let sockets = [state.listener, state.datagrams]
        for watch in state.watches { watch.cancel(then: { withExtendedLifetime(sockets) {} }) }
        state.watches = []
        state.listener = nil
        state.datagrams = nil
    }

    // MARK: UDP

    private func receive(_ socket: Socket, _ state: inout State) {
        makeBuffer(&state)
        var lines: [[UInt8]] = []
        for _ in 0..<Self.readsInTurn * 16 {
            let count: Int
            do throws(Errno) { count = try socket.read(into: &state.buffer) } catch { break }
            var datagram = DocumentLines(limit: settings.documentLimit)
            countTooLarge(datagram.take(state.buffer, count: count, into: &lines))
            datagram.end(into: &lines)
        }
        if let lost = socket.lostDatagrams { known.withLock { $0.set("datagram_lost", lost) } }
        put(lines, state)
    }

    private func makeBuffer(_ state: inout State) {
        if state.buffer.isEmpty { state.buffer = [UInt8](repeating: 0, count: Self.readBytes) }
    }

    // MARK: TCP

    private func accept(_ listener: Socket, _ state: inout State) {
        do throws(Errno) {
            while let socket = try listener.accept() {
                if state.connections.count >= settings.connections { closeSilent(&state) }
                state.nextID += 1
                let id = state.nextID
                let watch = worker.whenReadable(socket.descriptor) { [weak self] state in self?.read(id, &state) }
                state.connections[id] = Connection(
                    socket: socket, lines: DocumentLines(limit: settings.documentLimit), watch: watch, heardAt: .now)
            }
        } catch {
            // The connection stays in the backlog, and would wake us again at once.
            known.withLock { $0.count("connection_refused") }
            log.warning("a connection cannot be taken", ["input": name, "reason": error.description])
            for watch in state.watches { watch.cancel(then: { withExtendedLifetime(listener) {} }) }
            state.watches = []
            worker.run(after: Self.acceptPause) { [weak self] state in
                guard let self, state.isOpen else { return }
                self.watchListener(listener, &state)
                guard let socket = state.datagrams else { return }
                state.watches.append(
                    self.worker.whenReadable(socket.descriptor) { [weak self] state in self?.receive(socket, &state) })
            }
        }
        noteConnections(state)
    }

    private func closeSilent(_ state: inout State) {
        guard let (id, _) = state.connections.min(by: { $0.value.heardAt < $1.value.heardAt }) else { return }
        known.withLock { $0.count("connection_closed_silent") }
        end(id, &state)
    }

    private func read(_ id: UInt64, _ state: inout State) {
        makeBuffer(&state)
        var lines: [[UInt8]] = []
        var isOver = false
        for _ in 0..<Self.readsInTurn {
            guard let socket = state.connections[id]?.socket else { return }
            var count = 0
            do throws(Errno) { count = try socket.read(into: &state.buffer) } catch {
                isOver = error != .wouldBlock
                break
            }
            guard count > 0 else {
                isOver = true
                break
            }
            let before = state.connections[id]?.lines.rest.count ?? 0
            countTooLarge(state.connections[id]?.lines.take(state.buffer, count: count, into: &lines) ?? 0)
            state.connections[id]?.heardAt = .now
            state.unfinishedBytes += (state.connections[id]?.lines.rest.count ?? 0) - before
        }
        put(lines, state)
        if isOver {
            end(id, &state)
        } else if state.unfinishedBytes > Self.unfinishedLimitBytes {
            known.withLock { $0.count("connection_closed_memory") }
            log.warning("too many lines that do not end: a connection is closed", ["input": name])
            state.unfinishedBytes -= state.connections[id]?.lines.rest.count ?? 0
            state.connections[id]?.lines = DocumentLines(limit: settings.documentLimit)
            end(id, &state)
        }
    }

    /// Closes a connection; what it sent last is a document if it is whole.
    private func end(_ id: UInt64, _ state: inout State) {
        guard var connection = state.connections.removeValue(forKey: id) else { return }
        state.unfinishedBytes -= connection.lines.rest.count
        var lines: [[UInt8]] = []
        connection.lines.end(into: &lines)
        put(lines, state)
        let socket = connection.socket
        connection.watch?.cancel(then: { withExtendedLifetime(socket) {} })
        noteConnections(state)
    }

    private func noteConnections(_ state: borrowing State) {
        let count = state.connections.count
        known.withLock { $0.connectionCount = count }
    }

    // MARK: Documents

    private func put(_ lines: [[UInt8]], _ state: borrowing State) {
        guard !lines.isEmpty else { return }
        let now = Moment.now.unixNanoseconds
        var good: [[UInt8]] = []
        good.reserveCapacity(lines.count)
        for line in lines {
            if let fault = emfFault(in: line, at: now / 1_000_000) { drop(fault) } else { good.append(line) }
        }
        known.withLock { $0.count("document_received", UInt64(good.count)) }
        for spool in state.spools { spool.put(good, at: now) }
    }

    private func countTooLarge(_ count: Int) { for _ in 0..<count { drop(.tooLarge) } }

    /// The log folds what is said again within a minute.
    private func drop(_ fault: EMFFault) {
        known.withLock { $0.count("bad_document_\(fault.rawValue)") }
        log.warning("a document with metrics is dropped", ["input": name, "reason": fault.explanation])
    }
}
