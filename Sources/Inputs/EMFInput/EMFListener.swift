// The sockets of an emf input: one queue for all of them, and none of them waits. See tcp(7), udp(7).
//
// A client may send nothing for as long as it likes: it costs a place. When all places are taken, the one that has been
// silent for longest gives up its own.

internal import Bytes
internal import Durable
internal import Metrics
internal import Platform
internal import Synchronization

final class EMFListener: Sendable {
    struct Settings: Sendable {
        let tcp: SocketAddress?
        let udp: SocketAddress?
        let connections: Int
        let documentLimit: Int

        var addresses: [ListenAddress] {
            let tcp = tcp.map { ListenAddress($0, .tcp, key: "tcp") }
            return [tcp, udp.map { ListenAddress($0, .udp, key: "udp") }].compactMap(\.self)
        }
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
    /// At the stop: a client that says nothing for so long has nothing more under way. Above what a round trip takes,
    /// since it may have filled our buffer, and hears only now that there is room.
    private static let quietTime: Duration = .milliseconds(100)
    /// A client that never ends does not hold the stop up for longer.
    private static let stopLimit: Duration = .seconds(2)

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

    private static func name(of fault: EMFFault) -> String { "bad_document_\(fault.rawValue)" }

    /// What anybody may ask for at any time.
    private struct Known {
        var counts: [(reason: String, count: UInt64)] =
            [
                ("document_received", 0), ("connection_refused", 0), ("connection_closed_silent", 0),
                ("connection_closed_memory", 0), ("datagram_lost", 0),
            ] + EMFFault.allCases.map { (name(of: $0), 0) }
        /// Kinds of faults of documents that went on, of which each is said once.
        var saidFaults: Set<EMFFault> = []
        var problems: [String: String] = [:]
        var connectionCount = 0
        /// One for each route of the input.
        var expectedSpools = 0

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

    /// One more is to be added before anything is received.
    func expectSpool() { known.withLock { $0.expectedSpools += 1 } }

    /// What comes from here on goes into `spool` as well. The last that is expected opens the sockets: what came before
    /// it would not be in all of them.
    func add(_ spool: Spool) {
        worker.runAndWait { state in
            state.spools.append(spool)
            guard !state.isOpen, state.spools.count >= self.known.withLock(\.expectedSpools) else { return }
            state.isOpen = true
            self.open(&state)
        }
    }

    /// Puts what was sent before now into all spools, and closes the sockets: see `close`.
    func stop(until deadline: Instant) {
        worker.runAndWait { state in
            if state.isOpen { self.close(&state, until: min(deadline, .now + Self.stopLimit)) }
        }
    }

    /// Nothing is put into `spool` when this returns.
    func remove(_ spool: Spool) {
        worker.runAndWait { state in
            guard state.spools.contains(where: { $0 === spool }) else { return }
            if state.isOpen, state.spools.count == 1 { self.close(&state, until: .now) }
            state.spools.removeAll { $0 === spool }
        }
    }

    // MARK: Opening and closing

    private func open(_ state: inout State) {
        guard state.isOpen else { return }
        for place in settings.addresses {
            do throws(Errno) {
                switch place.transport {
                case .tcp where state.listener == nil:
                    let socket = try Socket.listening(at: place.address)
                    state.listener = socket
                    watchListener(socket, &state)
                case .udp where state.datagrams == nil:
                    let socket = try Socket.receivingDatagrams(
                        at: place.address, bufferBytes: Self.datagramBufferBytes)
                    state.datagrams = socket
                    watchDatagrams(socket, &state)
                case .tcp, .udp: continue
                }
                note(nil, place)
            } catch { note(place.explanation(of: error), place) }
        }
        guard !status.problems.isEmpty else { return }
        worker.run(after: Self.retryInterval) { [weak self] state in self?.open(&state) }
    }

    private func note(_ problem: String?, _ place: ListenAddress) {
        let before = known.withLock { known in
            defer { known.problems[place.key] = problem }
            return known.problems[place.key]
        }
        guard problem != before else { return }
        if let problem {
            log.error("cannot receive documents", ["input": name, "reason": problem])
        } else {
            log.info("receives documents", ["input": name, "address": place.description])
        }
    }

    private func watchListener(_ socket: Socket, _ state: inout State) {
        state.watches.append(
            worker.whenReadable(socket.descriptor) { [weak self] state in self?.accept(socket, &state) })
    }

    private func watchDatagrams(_ socket: Socket, _ state: inout State) {
        state.watches.append(
            worker.whenReadable(socket.descriptor) { [weak self] state in self?.receive(socket, &state) })
    }

    /// First nobody can connect any more; then what is with the kernel is read, also of clients that nobody has
    /// accepted yet, until it has nothing more or until `deadline`.
    private func close(_ state: inout State, until deadline: Instant) {
        state.isOpen = false
        if let listener = state.listener {
            accept(listener, &state)
            listener.stopListening()
        }
        drain(&state, until: deadline)
        for id in state.connections.keys.sorted() { end(id, &state) }
        // A descriptor is closed when it is no longer watched.
        let sockets = [state.listener, state.datagrams]
        for watch in state.watches { watch.cancel(then: { withExtendedLifetime(sockets) {} }) }
        state.watches = []
        state.listener = nil
        state.datagrams = nil
    }

    private func drain(_ state: inout State, until deadline: Instant) {
        var heardAt = Instant.now
        while true {
            var hasRead = false
            if let socket = state.datagrams, receive(socket, &state) { hasRead = true }
            for id in state.connections.keys.sorted() where read(id, &state) { hasRead = true }
            let now = Instant.now
            if now >= deadline {
                if hasRead { log.warning("a client still sends at the stop, and is cut off", ["input": name]) }
                return
            }
            if hasRead {
                heardAt = now
            } else if state.connections.isEmpty || now - heardAt >= Self.quietTime {
                return
            } else {
                sleep(until: now + .milliseconds(5))
            }
        }
    }

    // MARK: UDP

    /// Returns whether there was something.
    @discardableResult
    private func receive(_ socket: Socket, _ state: inout State) -> Bool {
        makeBuffer(&state)
        var lines: [[UInt8]] = []
        var hasRead = false
        for _ in 0..<Self.readsInTurn * 16 {
            let count: Int
            do throws(Errno) { count = try socket.read(into: &state.buffer) } catch { break }
            hasRead = true
            var datagram = DocumentLines(limit: settings.documentLimit)
            countTooLarge(datagram.take(state.buffer, count: count, into: &lines))
            datagram.end(into: &lines)
        }
        if let lost = socket.lostDatagrams { known.withLock { $0.set("datagram_lost", lost) } }
        put(lines, state)
        return hasRead
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
                if let socket = state.datagrams { self.watchDatagrams(socket, &state) }
            }
        }
        noteConnections(state)
    }

    private func closeSilent(_ state: inout State) {
        guard let (id, _) = state.connections.min(by: { $0.value.heardAt < $1.value.heardAt }) else { return }
        known.withLock { $0.count("connection_closed_silent") }
        // It may have said something just now.
        read(id, &state)
        end(id, &state)
    }

    /// Returns whether there was something.
    @discardableResult
    private func read(_ id: UInt64, _ state: inout State) -> Bool {
        makeBuffer(&state)
        var lines: [[UInt8]] = []
        var isOver = false
        var hasRead = false
        for _ in 0..<Self.readsInTurn {
            guard let socket = state.connections[id]?.socket else { return false }
            var count = 0
            do throws(Errno) { count = try socket.read(into: &state.buffer) } catch {
                isOver = error != .wouldBlock
                break
            }
            guard count > 0 else {
                isOver = true
                break
            }
            hasRead = true
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
        return hasRead
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
        for var line in lines {
            // A byte order mark is no part of JSON (RFC 8259, section 8.1), and CloudWatch would see no document.
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
            if let fault = emfFault(in: line, at: now / 1_000_000) {
                if fault.isOfNoDocument {
                    drop(fault)
                    continue
                }
                note(fault)
            }
            if line.replaceLoneSurrogates() > 0 { note(.halfCharacter) }
            good.append(line)
        }
        known.withLock { $0.count("document_received", UInt64(good.count)) }
        for spool in state.spools { spool.put(good, at: now) }
    }

    private func countTooLarge(_ count: Int) { for _ in 0..<count { drop(.tooLarge) } }

    /// The log folds what is said again within a minute.
    private func drop(_ fault: EMFFault) {
        known.withLock { $0.count(Self.name(of: fault)) }
        log.warning("a document with metrics is dropped", ["input": name, "reason": fault.explanation])
    }

    /// What is wrong by the specification goes on all the same: CloudWatch takes more than that says, and keeps the
    /// text of what it takes no metrics of.
    private func note(_ fault: EMFFault) {
        let isFirst = known.withLock { known in
            known.count(Self.name(of: fault))
            return known.saidFaults.insert(fault).inserted
        }
        guard isFirst else { return }
        log.warning(
            "a document with metrics has a fault, and is sent on; CloudWatch may take no metrics of it. Others with "
                + "this fault are counted, and not said again",
            ["input": name, "reason": fault.explanation])
    }
}
