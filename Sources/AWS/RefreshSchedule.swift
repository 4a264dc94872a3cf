// When credentials are renewed: a decision about numbers, made for each request.

internal import Platform

/// What is held, and when it must be another. Seconds since 1970 are the service's.
struct HeldCredentials: Sendable, Equatable {
    let credentials: Credentials
    /// From then on others are looked for, beside the requests.
    let refreshAt: Int64
    /// From then on a request waits for them first.
    let mustRefreshAt: Int64
    let areOfFile: Bool

    /// `jitter` is from 0 up to 1.
    init(_ fetched: FetchedCredentials, at now: Int64, jitter: Double) {
        credentials = fetched.credentials
        areOfFile = fetched.areOfFile
        let early = Int64(jitter * 60)
        if let expiresAt = credentials.expiresAt {
            // Those that live for a quarter of an hour are not renewed without end.
            let life = max(0, expiresAt - now)
            refreshAt = max(expiresAt - 900 - early, now + life / 2)
            mustRefreshAt = max(expiresAt - 300, now + life * 3 / 4)
        } else if let after = fetched.lookAgainAfter {
            refreshAt = now + Int64(after.inSeconds) + early
            mustRefreshAt = .max
        } else {
            (refreshAt, mustRefreshAt) = (.max, .max)
        }
    }

    func isExpired(at now: Int64) -> Bool { credentials.expiresAt.map { $0 <= now } ?? false }
}

enum RefreshDecision: Sendable, Equatable {
    case use(Credentials)
    /// And look for others meanwhile.
    case useAndRefresh(Credentials)
    /// For others, or for why there are none.
    case wait
    case fail(AWSError)
}

/// What is known at one moment.
struct RefreshState: Sendable {
    /// After a failure the source is left alone for this long.
    static let pause: Duration = .seconds(30)
    /// With nothing to go on with, it is asked again sooner.
    static let shortPause: Duration = .seconds(5)

    var held: HeldCredentials?
    /// The service did not take what is held.
    var isRefused = false
    /// Somebody is looking already, beside the requests.
    var isRefreshing = false
    private(set) var failure: (error: AWSError, at: Instant)?
    private var fetchedAt: Instant?

    func decision(at now: Moment, _ unixSeconds: Int64) -> RefreshDecision {
        let isPausing = failure.map { now.monotonic - $0.at < (held == nil ? Self.shortPause : Self.pause) } ?? false
        guard let held, !held.isExpired(at: unixSeconds) else {
            // Those that have expired are not sent: the service would only refuse them.
            if let failure, isPausing { return .fail(failure.error) }
            return .wait
        }
        if isPausing { return .use(held.credentials) }
        if isRefused || unixSeconds >= held.mustRefreshAt { return .wait }
        if unixSeconds >= held.refreshAt, !isRefreshing { return .useAndRefresh(held.credentials) }
        return .use(held.credentials)
    }

    mutating func succeed(_ held: HeldCredentials, at now: Moment) {
        self.held = held
        fetchedAt = now.monotonic
        (isRefused, isRefreshing, failure) = (false, false, nil)
    }

    mutating func fail(_ error: AWSError, at now: Moment) {
        (isRefreshing, failure) = (false, (error, now.monotonic))
    }

    /// Once for each refresh, and not at once after one: what has just come is all there is. With `onlyIfOfFile` the
    /// service knows them, and does not let them: only a file may hold others that it does.
    mutating func refuse(_ credentials: Credentials, onlyIfOfFile: Bool, at now: Moment) {
        guard let held, held.credentials == credentials, held.areOfFile || !onlyIfOfFile else { return }
        if let fetchedAt, now.monotonic - fetchedAt < Self.shortPause { return }
        isRefused = true
    }
}
