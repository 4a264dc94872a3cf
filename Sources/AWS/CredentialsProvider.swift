// The credentials of a session, for all of its clients: fetched by one worker, one after another, and shared.
//
// A request takes what is there. Only where nothing valid is there, or it is about to expire, does it wait, and all
// that wait get what the first of them has fetched. No lock is held meanwhile.

internal import Platform
internal import Synchronization

final class CredentialsProvider: Sendable {
    private let state = Mutex(RefreshState())
    private let worker: Worker<CredentialFetcher>
    private let fetcher: CredentialFetcher
    private let log: AgentLog

    init(_ settings: AWSClientSettings, clock: ServiceClock, log: AgentLog, world: AWSWorld) {
        fetcher = CredentialFetcher(settings: settings, clock: clock, world: world)
        worker = Worker("aws credentials", fetcher)
        self.log = log
    }

    private var now: (moment: Moment, unixSeconds: Int64) {
        let moment = fetcher.world.now()
        return (moment, fetcher.clock.unixSeconds(at: moment))
    }

    /// May wait for the network.
    func current() throws(AWSError) -> Credentials {
        switch decide() {
        case .use(let credentials): return credentials
        case .useAndRefresh(let credentials):
            worker.run { [self] _ in refresh() }
            return credentials
        case .fail(let error): throw error
        case .wait: break
        }
        return try worker.runAndWait { [self] _ -> Result<Credentials, AWSError> in
            // Whoever waited in front of us may have fetched them.
            if case .wait = decide() { refresh() }
            return state.withLock { state in
                let unixSeconds = now.unixSeconds
                guard let held = state.held else {
                    return .failure(state.failure?.error ?? AWSError(.noCredentials, "no credentials"))
                }
                guard held.isExpired(at: unixSeconds) else { return .success(held.credentials) }
                let expired = AWSError(.noCredentials, "the \(held.credentials) have expired")
                return .failure(state.failure?.error ?? expired)
            }
        }.get()
    }

    func refuse(_ credentials: Credentials, onlyIfOfFile: Bool) {
        let moment = now.moment
        state.withLock { $0.refuse(credentials, onlyIfOfFile: onlyIfOfFile, at: moment) }
    }

    /// On the worker, so that nobody else asks at the same time.
    func region() throws(AWSError) -> String {
        try worker.runAndWait { fetcher -> Result<String, AWSError> in
            do throws(AWSError) { return .success(try fetcher.region()) } catch { return .failure(error) }
        }.get()
    }

    private func decide() -> RefreshDecision {
        let (moment, unixSeconds) = now
        return state.withLock { state in
            let decision = state.decision(at: moment, unixSeconds)
            if case .useAndRefresh = decision { state.isRefreshing = true }
            return decision
        }
    }

    /// On the worker.
    private func refresh() {
        do throws(AWSError) {
            let fetched = try fetcher.fetch()
            let (moment, unixSeconds) = now
            let held = HeldCredentials(fetched, at: unixSeconds, jitter: fetcher.world.jitter())
            let before = state.withLock { state in
                let before = state.held?.credentials.origin
                state.succeed(held, at: moment)
                return before
            }
            if before != fetched.credentials.origin {
                log.info("AWS credentials found", ["from": fetched.credentials.origin])
            }
        } catch {
            let (moment, unixSeconds) = now
            let isUsable = state.withLock { state in
                state.fail(error, at: moment)
                return state.held.map { !$0.isExpired(at: unixSeconds) } ?? false
            }
            log.warning(
                isUsable ? "AWS credentials cannot be renewed, the old ones are used on" : "no AWS credentials",
                ["reason": error.description])
        }
    }
}
