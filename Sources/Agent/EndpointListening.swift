// Has each of the endpoint's addresses, and tries again where it could not: an address may come after the agent, with
// the network, or be another program's for a while. Everything else goes on meanwhile. The file of a unix socket may be
// removed while the agent listens, with its directory or by a program that cleans up: it is made again.

internal import Bytes
internal import HTTP
internal import Platform
internal import Settings
internal import Synchronization

/// Each address for itself, on a worker of its own: to read a certificate from a dead disk may take for ever.
final class EndpointListening: Sendable {
    /// Before the first new try; twice as long before each more, up to the longest.
    private static let firstPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(30)
    /// How long the start waits for the first round.
    private static let startPatience: Duration = .seconds(2)
    /// How often the paths of unix sockets are looked at.
    private static let pathInterval: Duration = .seconds(5)

    private struct Place {
        let place: ListenPlace
        var problem: EndpointError?
        /// Empty while it does not listen.
        var listeners: [Listener] = []
        var isListening: Bool { !listeners.isEmpty }
        var pause = EndpointListening.firstPause
        var nextTry: Instant = .now
        /// When it first failed since it was last had.
        var failedAt: Instant?
    }

    /// It is the server's, which closes it.
    private struct Listener {
        weak var socket: Socket?
        let address: SocketAddress
    }

    private struct State {
        var places: [Place]
        /// For the next try of those that failed.
        var retry: WorkerTimer?
        var pathWatch: Watch?
        /// What systemd passed and nobody has taken; nil before it was looked at.
        var passed: [PassedSocket]?
        var tls: TLSAcceptor?
    }

    private struct Known {
        /// By place, in the order of the settings.
        var addresses: [[SocketAddress]]
        var problems: [EndpointError?]
        var isFirstRoundOver = false
        var isStopped = false
    }

    private let settings: EndpointSettings
    private let server: HTTPServer
    private let log: AgentLog
    private let worker: Worker<State>
    private let known: Mutex<Known>
    private let firstRound = Latch<Void>()
    /// Called when the certificate has been read, and when an address was had or lost.
    private let onCertificate: @Sendable (TLSAcceptor) -> Void
    private let onChange = Mutex<(@Sendable () -> Void)?>(nil)

    init(
        _ settings: EndpointSettings, server: HTTPServer, log: AgentLog,
        onCertificate: @escaping @Sendable (TLSAcceptor) -> Void
    ) {
        self.settings = settings
        self.server = server
        self.log = log
        self.onCertificate = onCertificate
        worker = Worker("listen", State(places: settings.listen.map { Place(place: $0) }))
        let count = settings.listen.count
        known = Mutex(
            Known(
                addresses: Array(repeating: [], count: count), problems: Array(repeating: nil, count: count)))
    }

    /// Where it listens, with the ports that the kernel chose.
    var addresses: [SocketAddress] { known.withLock { $0.addresses.flatMap(\.self) } }

    /// Where it does not listen, and why.
    var problems: [String] {
        known.withLock { known in
            guard known.isFirstRoundOver else {
                return settings.tls == nil ? [] : ["reading the certificate hangs: \(settings.tlsFiles)"]
            }
            return known.problems.compactMap { $0.map { "\($0)\(Self.remedy(for: $0))" } }
        }
    }

    /// By address as it stands in the settings.
    var states: [(place: String, isListening: Bool)] {
        known.withLock { known in
            settings.listen.indices.map { ("\(settings.listen[$0])", !known.addresses[$0].isEmpty) }
        }
    }

    /// Tries each address once, and goes on with those that fail. `isAlone`: the agent has nothing else to do, so it
    /// ends when no address can be had, or when it is the settings that are wrong.
    ///
    /// - Throws: the first problem, when the agent is alone.
    func start(isAlone: Bool, onChange: @escaping @Sendable () -> Void) throws(EndpointError) {
        worker.run { state in
            self.tryAll(&state)
            self.known.withLock { $0.isFirstRoundOver = true }
            self.firstRound.open(())
        }
        let isOver = firstRound.wait(atMost: Self.startPatience) != nil
        if isAlone, isOver {
            let (found, isAnywhere) = known.withLock { known in
                (known.problems.compactMap(\.self), known.addresses.contains { !$0.isEmpty })
            }
            if let error = found.first(where: \.isOfSettings) ?? (isAnywhere ? nil : found.first) { throw error }
        }
        if !isOver {
            log.error(
                "reading the TLS certificate takes long; the addresses that need it are opened when it has come",
                ["files": settings.tlsFiles])
        }
        self.onChange.withLock { $0 = onChange }
        // After the first round, also where that hangs.
        worker.run { state in
            for index in state.places.indices { self.tell(index, state) }
            self.onChange.withLock(\.self)?()
            self.planNext(&state)
            guard self.settings.listen.contains(where: \.mayHavePath) else { return }
            state.pathWatch = self.worker.every(Self.pathInterval) { [weak self] state in self?.lookAtPaths(&state) }
        }
    }

    /// Nothing is opened any more. Returns at once, whatever hangs.
    func stop() {
        known.withLock { $0.isStopped = true }
        onChange.withLock { $0 = nil }
    }

    // MARK: Trying

    /// Those that need no certificate first: its files may hang.
    private func tryAll(_ state: inout State) {
        let now = Instant.now
        let indices = state.places.indices
        for index in indices.filter({ !needsTLS($0) }) + indices.filter(needsTLS) {
            guard !known.withLock({ $0.isStopped }) else { return }
            guard !state.places[index].isListening, state.places[index].nextTry <= now else { continue }
            attempt(index, &state)
        }
    }

    private func needsTLS(_ index: Int) -> Bool {
        guard settings.tls != nil || !settings.users.isEmpty else { return false }
        if case .address(.unix) = settings.listen[index] { return false }
        return true
    }

    private func attempt(_ index: Int, _ state: inout State) {
        do throws(EndpointError) {
            let found = try open(index, &state)
            // Not after the stop, which nobody would close.
            guard !known.withLock({ $0.isStopped }) else { return }
            for (socket, address) in found {
                // At a unix socket its mode says who may come, and nobody listens in.
                let isTLS = state.tls != nil && !socket.isUnix
                server.serve(socket, tls: isTLS ? state.tls : nil)
                let (place, spoken) = (address.description, isTLS ? "https" : "http")
                if let failedAt = state.places[index].failedAt {
                    let seconds = "\(Int((Instant.now - failedAt).inSeconds))"
                    log.info("listening", ["address": place, "protocol": spoken, "after_seconds": seconds])
                } else {
                    log.info("listening", ["address": place, "protocol": spoken])
                }
            }
            // The next time is news.
            log.endFolding(["setting": Self.setting(index)])
            state.places[index].listeners = found.map { Listener(socket: $0.socket, address: $0.address) }
            state.places[index].problem = nil
            state.places[index].failedAt = nil
            state.places[index].pause = Self.firstPause
            known.withLock { known in
                known.addresses[index] = found.map(\.address)
                known.problems[index] = nil
            }
            onChange.withLock(\.self)?()
        } catch {
            let isNew = state.places[index].problem != error
            state.places[index].problem = error
            if state.places[index].failedAt == nil { state.places[index].failedAt = .now }
            state.places[index].nextTry = .now + state.places[index].pause
            state.places[index].pause = min(state.places[index].pause * 2, Self.longestPause)
            known.withLock { $0.problems[index] = error }
            guard isNew, known.withLock({ $0.isFirstRoundOver }) else { return }
            tell(index, state)
            onChange.withLock(\.self)?()
        }
    }

    /// Once for each problem of an address: that it goes on is not news.
    private func tell(_ index: Int, _ state: State) {
        guard let problem = state.places[index].problem else { return }
        log.error("\(problem)\(Self.remedy(for: problem))", ["setting": Self.setting(index)])
    }

    private static func setting(_ index: Int) -> String { "endpoint.listen[\(index)]" }

    private static func remedy(for problem: EndpointError) -> String {
        problem.mayPass ? "; trying again, at least every \(durationText(longestPause))" : ""
    }

    private func planNext(_ state: inout State) {
        let left = state.places.filter { !$0.isListening && $0.problem?.mayPass ?? false }
        guard let next = left.map(\.nextTry).min() else { return }
        if state.retry == nil {
            state.retry = worker.timer { [weak self] state in
                guard let self, !self.known.withLock({ $0.isStopped }) else { return }
                self.tryAll(&state)
                self.planNext(&state)
            }
        }
        state.retry?.set(max(.zero, next - .now))
    }

    // MARK: Paths that go

    private func lookAtPaths(_ state: inout State) {
        guard !known.withLock({ $0.isStopped }) else { return }
        for index in state.places.indices {
            let lost = state.places[index].listeners.first {
                // What cannot be looked at is not known to be gone.
                $0.socket.map { [.gone, .replaced].contains($0.pathFinding) } ?? false
            }
            switch settings.listen[index] {
            case .systemd: note(lost: lost?.address, ofPassed: index, &state)
            case .address: if let lost { listenAgain(index, instead: lost, &state) }
            }
        }
        planNext(&state)
    }

    /// Nobody can come by that path any more. Who is connected stays so.
    private func listenAgain(_ index: Int, instead lost: Listener, _ state: inout State) {
        guard let socket = lost.socket else { return }
        let what = socket.pathFinding == .replaced ? "replaced" : "removed"
        log.warning(
            "the file of a unix socket was \(what), and nobody can connect there; making it again",
            ["setting": Self.setting(index), "address": lost.address.description])
        server.retire(socket)
        state.places[index].listeners = []
        state.places[index].failedAt = .now
        state.places[index].nextTry = .now
        known.withLock { $0.addresses[index] = [] }
        attempt(index, &state)
    }

    /// It was systemd that made it, and only systemd can make it again.
    private func note(lost address: SocketAddress?, ofPassed index: Int, _ state: inout State) {
        guard state.places[index].isListening else { return }
        let problem = address.map { EndpointError.pathLost($0) }
        guard problem != state.places[index].problem else { return }
        state.places[index].problem = problem
        known.withLock { $0.problems[index] = problem }
        tell(index, state)
        onChange.withLock(\.self)?()
    }

    // MARK: Opening

    private func open(
        _ index: Int, _ state: inout State
    ) throws(EndpointError) -> [(socket: Socket, address: SocketAddress)] {
        switch settings.listen[index] {
        case .address(let address):
            var access = SocketAccess()
            if case .unix = address { access = try socketAccess(settings) } else { try prepareNetwork(&state) }
            do throws(Errno) {
                let listener = try Socket.listening(at: address, access: access)
                return [(listener, listener.address(asked: address))]
            } catch {
                throw EndpointError(address, error)
            }
        case .systemd(let name):
            if state.passed == nil {
                do throws(PassedSocketError) { state.passed = try takePassedSockets() } catch {
                    state.passed = []
                    throw .unusable(error)
                }
                warnOfUnused(state.passed ?? [])
            }
            let meant = (state.passed ?? []).filter { name == nil || $0.name == name }
            guard !meant.isEmpty else { throw .notPassed(settings.listen[index]) }
            if meant.contains(where: { !$0.socket.isUnix }) { try prepareNetwork(&state) }
            state.passed?.removeAll { name == nil || $0.name == name }
            return meant.map { ($0.socket, $0.address) }
        }
    }

    private func warnOfUnused(_ passed: [PassedSocket]) {
        for socket in passed where !settings.listen.contains(where: { $0.takes(socket) }) {
            log.warning("a socket that systemd passed is not used", ["name": socket.name])
        }
    }

    /// What clients that come over the network need of libraries and files.
    private func prepareNetwork(_ state: inout State) throws(EndpointError) {
        if !settings.users.isEmpty, let problem = bcryptProblem { throw .cannotCheckPasswords(problem) }
        guard let tls = settings.tls, state.tls == nil else { return }
        do throws(TLSError) {
            let acceptor = try TLSAcceptor(tls, log: log)
            state.tls = acceptor
            onCertificate(acceptor)
            guard !acceptor.validity.contains(Moment.now.unixNanoseconds / 1_000_000_000) else { return }
            log.error(
                "the TLS certificate is not valid now: clients will refuse it",
                ["from": dateText(acceptor.validity.from), "until": dateText(acceptor.validity.until)])
        } catch { throw .cannotServeTLS(error) }
    }
}

func socketAccess(_ settings: EndpointSettings) throws(EndpointError) -> SocketAccess {
    guard let name = settings.socketGroup else { return SocketAccess(mode: settings.socketMode) }
    guard let group = groupID(named: name) else { throw .unknownGroup(name) }
    return SocketAccess(mode: settings.socketMode, groupID: group)
}

extension ListenPlace {
    /// It is, or may turn out to be, a socket at a path.
    fileprivate var mayHavePath: Bool {
        switch self {
        case .address(.unix), .systemd: true
        case .address: false
        }
    }

    fileprivate func takes(_ socket: PassedSocket) -> Bool {
        guard case .systemd(let name) = self else { return false }
        return name == nil || name == socket.name
    }
}

extension EndpointSettings {
    /// For messages.
    fileprivate var tlsFiles: String {
        [tls?.certificate, tls?.key, tls?.clientCA].compactMap(\.self).joined(separator: ", ")
    }
}

extension EndpointError {
    /// It is not the world that may be another one in a minute: `vitals check` says it, and somebody has to change it.
    fileprivate var isOfSettings: Bool {
        switch self {
        case .addressInUse, .cannotListen, .pathLost: false
        case .unknownGroup, .notPassed, .unusable, .cannotServeTLS, .cannotCheckPasswords: true
        }
    }

    /// It may be over without a new start.
    fileprivate var mayPass: Bool {
        switch self {
        case .addressInUse, .cannotListen, .unknownGroup, .cannotServeTLS: true
        case .notPassed, .unusable, .cannotCheckPasswords, .pathLost: false
        }
    }
}
