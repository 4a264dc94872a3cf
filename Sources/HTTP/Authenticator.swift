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
    /// How often files with hashes are read again, at most, and only when somebody asks.
    private static let lookPause: Duration = .seconds(1)

    private struct State {
        var logins: Logins
        /// Who waits for the check of a digest; nil is told to those whose check had to make room.
        var waiting: [[UInt8]: [@Sendable (Bool?) -> Void]] = [:]
        var counts = AuthenticatorCounts()
        var reports = Moderation()
    }

    /// Shared with the look at the files, which puts what it finds here itself: it counts as soon as it is read, whoever
    /// waits, and nothing older comes after it.
    private final class Shared: Sendable {
        let state: Mutex<State>
        init(_ logins: Logins) { state = Mutex(State(logins: logins)) }
    }

    private let shared: Shared
    private let checks = Worker<Void>("login checks", ())
    /// Nil when no hash stands in a file.
    private let files: FileLook<Void>?
    private let log: AgentLog

    /// At least one user. libcrypt is not opened: `bcryptProblem` does, and must be nil before the first request.
    ///
    /// `readAgain` reads the files that hashes stand in, if there are any, and gives all users when one has changed.
    package init(
        _ users: [String: BcryptHash], readAgain: (@Sendable () -> [String: BcryptHash]?)? = nil, log: AgentLog
    ) {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        let shared = Shared(Logins(users, secret: secret))
        self.shared = shared
        self.log = log
        files = readAgain.map { readAgain in
            FileLook(
                "login files", [], content: (), pause: Self.lookPause,
                tellHang: { hangs in
                    if hangs {
                        log.error("reading the files of endpoint.users hangs; the passwords known before count on")
                    } else {
                        log.info("the files of endpoint.users can be read again")
                    }
                },
                read: { _, _ in
                    if let users = readAgain() { shared.state.withLock { $0.logins.replace(users) } }
                })
        }
    }

    package var counts: AuthenticatorCounts { shared.state.withLock(\.counts) }

    /// Calls `answer` with nil when the request may be served, else with the refusal; from any queue, once.
    package func admit(
        _ request: HTTPServerRequest, _ answer: @escaping @Sendable (HTTPServerResponse?) -> Void
    ) {
        guard let credentials = BasicCredentials(header: request.header("authorization")) else {
            shared.state.withLock { $0.counts.unauthorized += 1 }
            return answer(Self.unauthorized)
        }
        // A look that hangs holds nobody up: then it is decided by what the files held before.
        let decide: @Sendable () -> Void = { self.decide(credentials, of: request, answer) }
        if case .underWay? = files?.look(at: .now, then: decide) {} else { decide() }
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
        let digest = shared.state.withLock { $0.logins.digest(credentials) }
        let (step, turnedAway) = shared.state.withLock { state in
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

    // MARK: Checking

    /// Not the one that came first, but the one that is to be served first.
    private func checkNext() {
        guard let check = shared.state.withLock({ $0.logins.next() }) else { return }
        let isMatch = check.hash.matches(check.password)
        if !isMatch { for hash in check.padding { _ = hash.matches(check.password) } }
        let (isRight, waiting) = shared.state.withLock { state in
            let isRight = state.logins.finish(digest: check.digest, isMatch: isMatch, at: .now)
            return (isRight, state.waiting.removeValue(forKey: check.digest) ?? [])
        }
        for decided in waiting { decided(isRight) }
    }

    private func tooMany(retryAfterSeconds seconds: Int) -> HTTPServerResponse {
        shared.state.withLock { $0.counts.tooManyTries += 1 }
        return HTTPServerResponse(
            status: 429, text: "too many passwords were tried", headers: [(name: "Retry-After", value: "\(seconds)")])
    }

    /// The name is not told: people type passwords there.
    private func noteWrong(_ origin: HTTPServerRequest.Origin) {
        let isTold = shared.state.withLock { state in
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
