// The certificate of an endpoint, which is replaced on disk while the agent runs: certbot, cert-manager and their like
// write new files and expect to be heeded.

internal import Bytes
package import Platform
internal import Synchronization

/// Makes the TLS of each new connection, from the files as they are then.
package final class TLSAcceptor: Sendable {
    /// How often the files are looked at, at most, and only when somebody connects.
    private static let lookPause: Duration = .seconds(1)

    private struct State {
        var context: TLSContext
        var prints: [FilePrint?]
        var lookedAt: Instant
        /// Who waits for the look that is under way; nil when none is.
        var waiting: [@Sendable () -> Void]?
        var isHangTold = false
        var failureReports = Moderation()
    }

    private let settings: TLSSettings
    private let log: AgentLog
    private let state: Mutex<State>
    /// Files may hang, on a dead network file system: then it does, and nobody else.
    private let looks = Worker<Void>("certificate files", ())

    /// Opens OpenSSL and reads the files.
    ///
    /// - Throws: `TLSError` when the library is missing, or a file is not as it should be.
    package init(_ settings: TLSSettings, log: AgentLog) throws(TLSError) {
        // Before the files are read: what changes meanwhile is seen the next time.
        let prints = Self.prints(of: settings)
        let context = try TLSContext(settings)
        self.settings = settings
        self.log = log
        state = Mutex(State(context: context, prints: prints, lookedAt: .now))
    }

    /// Of the certificate that is served now.
    package var validity: TLSValidity { state.withLock { $0.context.validity } }

    /// Nobody gets through a handshake without a certificate of his own that was verified.
    var requiresCertificate: Bool { settings.clientCA != nil && settings.clientAuthentication == .require }

    func makeSession(_ socket: Socket) throws(TLSError) -> TLSSession {
        try state.withLock { $0.context }.makeSession(socket)
    }

    /// Looks at the files when it is time to, on a queue of its own, and calls `done` from there. False when it is not,
    /// or when another look has not come back for a while: what is served meanwhile is the old certificate.
    func look(at now: Instant, then done: @escaping @Sendable () -> Void) -> Bool {
        let fields: KeyValuePairs = ["certificate": settings.certificate, "key": settings.key]
        let isFirst: Bool? = state.withLock { state in
            guard now - state.lookedAt >= Self.lookPause else {
                if state.waiting == nil { return nil }
                state.waiting?.append(done)
                return false
            }
            // One that takes longer than this hangs.
            guard state.waiting == nil else {
                if !state.isHangTold { log.error("reading the TLS certificate hangs, the old one is served", fields) }
                state.isHangTold = true
                return nil
            }
            state.lookedAt = now
            state.waiting = [done]
            return true
        }
        guard let isFirst else { return false }
        if isFirst { looks.run { _ in self.readAgain() } }
        return true
    }

    /// What cannot be used is told once for each change of the files, and changes nothing: a certificate and its key
    /// are written one after the other.
    private func readAgain() {
        let prints = Self.prints(of: settings)
        if state.withLock({ $0.prints }) != prints {
            do throws(TLSError) {
                let context = try TLSContext(settings)
                state.withLock { state in
                    state.prints = prints
                    state.context = context
                }
                log.info("the TLS certificate was read again", ["valid_until": dateText(context.validity.until)])
            } catch {
                state.withLock { $0.prints = prints }
                log.error("the new TLS certificate cannot be used, the old one stays", ["reason": error.reason])
            }
        }
        let waiting = state.withLock { state in
            defer { (state.waiting, state.isHangTold) = (nil, false) }
            return state.waiting ?? []
        }
        for done in waiting { done() }
    }

    /// Clients that fail may come by the thousand: now and then one is told, all are counted by the server.
    func report(_ reason: String, from client: SocketAddress?) {
        guard state.withLock({ $0.failureReports.allows(at: .now) }) else { return }
        log.warning(
            "a client did not get through the TLS handshake",
            ["client": client?.host ?? "unknown", "reason": reason])
    }

    private static func prints(of settings: TLSSettings) -> [FilePrint?] {
        [settings.certificate, settings.key, settings.clientCA].map { path in path.flatMap(FilePrint.init) }
    }
}

/// As `2026-11-21T02:38:30Z`.
package func dateText(_ unixSeconds: Int64) -> String {
    var text: [UInt8] = []
    text.append(civil: CivilTime(unixSeconds: unixSeconds))
    return String(decoding: text, as: UTF8.self) + "Z"
}

/// What changes when a file is replaced or written.
private struct FilePrint: Equatable {
    let id: FileID
    let sizeBytes: UInt64
    let modifiedUnixNanoseconds: Int64

    /// Nil when it is not there.
    init?(_ path: String) {
        do throws(Errno) {
            let status = try FileStatus(of: path)
            (id, sizeBytes) = (status.id, status.sizeBytes)
            modifiedUnixNanoseconds = status.modifiedUnixNanoseconds
        } catch { return nil }
    }
}

/// Lets one of many messages through.
package struct Moderation: Sendable {
    private static let pause: Duration = .seconds(10)
    private var last: Instant?

    package init() {}

    package mutating func allows(at now: Instant) -> Bool {
        if let last, now - last < Self.pause { return false }
        last = now
        return true
    }
}
