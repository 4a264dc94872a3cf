// Who may ask: HTTP Basic authentication (RFC 7617) with passwords kept as bcrypt hashes.

package import Platform
internal import Synchronization

package struct AuthenticatorCounts: Sendable, Equatable {
    /// Requests with no login, or a wrong one.
    package var unauthorized: UInt64 = 0
    /// Requests whose password was not looked at, since too many were tried.
    package var tooManyTries: UInt64 = 0

    package init() {}
}

/// What a client is told that has no login, or a wrong one.
package let needsLoginText = "a user and a password are needed"

/// bcrypt is slow on purpose: it runs on a queue of its own, and once for each scraper.
package final class Authenticator: Sendable {
    /// How often files with hashes are read again, at most, and only when somebody asks; and how long a request waits
    /// for that, before it is decided by what they held before.
    private static let lookPause: Duration = .seconds(1)
    private static let lookPatience: Duration = .seconds(1)

    private struct Look {
        var lastAt: Instant?
        /// Who waits for the one that is under way; nil when none is.
        var waiting: [@Sendable () -> Void]?
        var isHangTold = false
    }

    private struct State {
        var logins: Logins
        /// Who waits for the check of a digest; nil is told to those whose check had to make room.
        var waiting: [[UInt8]: [@Sendable (Bool?) -> Void]] = [:]
        var counts = AuthenticatorCounts()
        var reports = Moderation()
        var look = Look()
    }

    private let state: Mutex<State>
    private let checks = Worker<Void>("login checks", ())
    /// Files may hang, on a dead network file system: then it does, and nobody else. Nil when nothing is in files.
    private let looks: Worker<Void>?
    private let readAgain: @Sendable () -> [String: BcryptHash]?
    private let log: AgentLog

    /// At least one user. libcrypt is not opened: `bcryptProblem` does, and must be nil before the first request.
    ///
    /// `readAgain` reads the files that hashes stand in, if there are any, and gives all users when one has changed.
    package init(
        _ users: [String: BcryptHash], readAgain: (@Sendable () -> [String: BcryptHash]?)? = nil, log: AgentLog
    ) {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        state = Mutex(State(logins: Logins(users, secret: secret)))
        looks = readAgain.map { _ in Worker("login files", ()) }
        self.readAgain = readAgain ?? { nil }
        self.log = log
    }

    package var counts: AuthenticatorCounts { state.withLock(\.counts) }

    /// Calls `answer` with nil when the request may be served, else with the refusal; from any queue, once.
    package func admit(
        _ request: HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse?) -> Void
    ) {
        guard let credentials = BasicCredentials(header: request.header("authorization")) else {
            state.withLock { $0.counts.unauthorized += 1 }
            return answer(Self.unauthorized)
        }
        let decide: @Sendable () -> Void = { self.decide(credentials, of: request, answer) }
        if !look(at: .now, then: decide) { decide() }
    }

    private func decide(
        _ credentials: BasicCredentials, of request: HTTPServerRequest,
        _ answer: @escaping @Sendable (HTTPServerResponse?) -> Void
    ) {
        let decided: @Sendable (Bool?) -> Void = { isRight in
            guard let isRight else { return answer(self.tooMany(retryAfterSeconds: 1)) }
            if isRight { return answer(nil) }
            self.noteWrong(request.origin)
            answer(Self.unauthorized)
        }
        let digest = state.withLock { $0.logins.digest(credentials) }
        let (step, turnedAway) = state.withLock { state in
            let step = state.logins.begin(credentials, digest: digest, from: request.origin.clientKey, at: .now)
            if step == .wait { state.waiting[digest, default: []].append(decided) }
            return (step, state.logins.takeTurnedAway().flatMap { state.waiting.removeValue(forKey: $0) ?? [] })
        }
        for decided in turnedAway { decided(nil) }
        switch step {
        case .right: decided(true)
        case .wrong: decided(false)
        case .wait: checks.run { _ in self.checkNext() }
        case .tooMany(let seconds): answer(tooMany(retryAfterSeconds: seconds))
        }
    }

    // MARK: Users in files

    /// Reads the files again when it is time to, on a queue of its own, and calls `done` from there. False when it is
    /// not, or when another look has not come back for a while: what they held before counts on.
    private func look(at now: Instant, then done: @escaping @Sendable () -> Void) -> Bool {
        guard let looks else { return false }
        let (isWaiting, isFirst, isHang) = state.withLock { state in
            let age = state.look.lastAt.map { now - $0 }
            if state.look.waiting != nil {
                if let age, age < Self.lookPatience {
                    state.look.waiting?.append(done)
                    return (true, false, false)
                }
                defer { state.look.isHangTold = true }
                return (false, false, !state.look.isHangTold)
            }
            if let age, age < Self.lookPause { return (false, false, false) }
            state.look.lastAt = now
            state.look.waiting = [done]
            return (true, true, false)
        }
        if isHang { log.error("reading the files of endpoint.users hangs; the passwords known before count on") }
        guard isFirst else { return isWaiting }
        looks.run { _ in
            let users = self.readAgain()
            self.releaseWaiting(users, isOver: true)
        }
        checks.run(after: Self.lookPatience) { _ in self.releaseWaiting(nil, isOver: false) }
        return true
    }

    private func releaseWaiting(_ users: [String: BcryptHash]?, isOver: Bool) {
        let waiting = state.withLock { state in
            if let users { state.logins.replace(users) }
            guard let waiting = state.look.waiting else { return [@Sendable () -> Void]() }
            state.look.waiting = isOver ? nil : []
            if isOver { state.look.isHangTold = false }
            return waiting
        }
        for decide in waiting { decide() }
    }

    // MARK: Checking

    /// Not the one that came first, but the one that is to be served first.
    private func checkNext() {
        guard let check = state.withLock({ $0.logins.next() }) else { return }
        let isMatch = check.hash.matches(check.password)
        if !isMatch { for hash in check.padding { _ = hash.matches(check.password) } }
        let (isRight, waiting) = state.withLock { state in
            let isRight = state.logins.finish(digest: check.digest, isMatch: isMatch, at: .now)
            return (isRight, state.waiting.removeValue(forKey: check.digest) ?? [])
        }
        for decided in waiting { decided(isRight) }
    }

    private func tooMany(retryAfterSeconds seconds: Int) -> HTTPServerResponse {
        state.withLock { $0.counts.tooManyTries += 1 }
        return HTTPServerResponse(
            status: 429, text: "too many passwords were tried", headers: [(name: "Retry-After", value: "\(seconds)")])
    }

    /// The name is not told: people type passwords there.
    private func noteWrong(_ origin: HTTPServerRequest.Origin) {
        let isTold = state.withLock { state in
            state.counts.unauthorized += 1
            return state.reports.allows(at: .now)
        }
        guard isTold, case .network(let client) = origin else { return }
        log.warning("a wrong user or password", ["client": client?.host ?? "unknown"])
    }

    private static let unauthorized = HTTPServerResponse(
        status: 401, text: needsLoginText,
        headers: [(name: "WWW-Authenticate", value: "Basic realm=\"vitals\"")])
}

extension HTTPServerRequest.Origin {
    /// The address whose tries are counted. A host has a whole /64 of IPv6 to itself.
    fileprivate var clientKey: [UInt8] {
        switch self {
        case .network(.ipv4(let address, _)): [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> $0) }
        case .network(.ipv6(let bytes, _)): Array(bytes.prefix(8))
        case .network, .unixSocket: []
        }
    }
}
