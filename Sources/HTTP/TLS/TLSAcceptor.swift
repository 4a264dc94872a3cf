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
        var isHangTold = false
        var failureReports = Moderation()
    }

    private let settings: TLSSettings
    private let log: AgentLog
    private let state: Mutex<State>
    private let files: FileLook<TLSContext>

    /// Opens OpenSSL and reads the files.
    ///
    /// - Throws: `TLSError` when the library is missing, or a file is not as it should be.
    package init(_ settings: TLSSettings, log: AgentLog) throws(TLSError) {
        let paths = [settings.certificate, settings.key, settings.clientCA].compactMap(\.self)
        let stamps = paths.map { FileStamp($0) }
        let context = try TLSContext(settings)
        self.settings = settings
        self.log = log
        state = Mutex(State(context: context))
        files = FileLook("certificate files", paths, stamps: stamps, content: context, pause: Self.lookPause) {
            context, _ in Self.readAgain(settings, &context, log)
        }
    }

    /// Of the certificate that is served now.
    package var validity: TLSValidity { state.withLock { $0.context.validity } }

    /// Nobody gets through a handshake without a certificate of his own that was verified.
    var requiresCertificate: Bool { settings.clientCA != nil && settings.clientAuthentication == .require }

    func makeSession(_ socket: Socket) throws(TLSError) -> TLSSession {
        try state.withLock { $0.context }.makeSession(socket)
    }

    /// Looks at the files when it is time to, and calls `done` from another queue. False when it is not, or when
    /// another look has not come back for a while: what is served meanwhile is the old certificate.
    func look(at now: Instant, then done: @escaping @Sendable () -> Void) -> Bool {
        let names: KeyValuePairs = ["certificate": settings.certificate, "key": settings.key]
        let answer = files.look(at: now) { context in
            let hasHung = self.state.withLock { state in
                state.context = context
                defer { state.isHangTold = false }
                return state.isHangTold
            }
            if hasHung { self.log.info("the TLS certificate can be read again", names) }
            done()
        }
        switch answer {
        case .underWay: return true
        case .notDue: return false
        case .hangs:
            let isNews = state.withLock { state in
                defer { state.isHangTold = true }
                return !state.isHangTold
            }
            if isNews { log.error("reading the TLS certificate hangs, the old one is served", names) }
            return false
        }
    }

    /// What cannot be used is told once for each change of the files, and changes nothing: a certificate and its key
    /// are written one after the other.
    private static func readAgain(_ settings: TLSSettings, _ context: inout TLSContext, _ log: AgentLog) {
        do throws(TLSError) {
            context = try TLSContext(settings)
            log.info("the TLS certificate was read again", ["valid_until": dateText(context.validity.until)])
        } catch {
            log.error("the new TLS certificate cannot be used, the old one stays", ["reason": error.reason])
        }
    }

    /// Clients that fail may come by the thousand: now and then one is told, all are counted by the server.
    func report(_ reason: String, from client: SocketAddress?) {
        guard state.withLock({ $0.failureReports.allows(at: .now) }) else { return }
        log.warning(
            "a client did not get through the TLS handshake",
            ["client": client?.host ?? "unknown", "reason": reason])
    }
}

/// As `2026-11-21T02:38:30Z`.
package func dateText(_ unixSeconds: Int64) -> String {
    var text: [UInt8] = []
    text.append(civil: CivilTime(unixSeconds: unixSeconds))
    return String(decoding: text, as: UTF8.self) + "Z"
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
