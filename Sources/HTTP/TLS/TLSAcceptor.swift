// The certificate of an endpoint, which is replaced on disk while the agent runs: certbot, cert-manager and their like
// write new files and expect to be heeded.

internal import Bytes
package import Platform
internal import Synchronization

/// Makes the TLS of each new connection, from the files as they are then.
package final class TLSAcceptor: Sendable {
    /// How often the files are looked at, at most, and only when somebody connects.
    private static let lookPause: Duration = .seconds(1)

    /// How long a handshake waits for that: a disk that hangs holds nobody up.
    private static let lookPatience: Duration = .milliseconds(250)

    private let settings: TLSSettings
    private let log: AgentLog
    private let failureReports = Mutex(Moderation())
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
        let names: KeyValuePairs = ["certificate": settings.certificate, "key": settings.key]
        files = FileLook(
            "certificate files", paths, stamps: stamps, content: context, pause: Self.lookPause,
            tellHang: { hangs in
                if hangs {
                    log.error("reading the TLS certificate hangs, the old one is served", names)
                } else {
                    log.info("the TLS certificate can be read again", names)
                }
            },
            read: { context, _ in Self.readAgain(settings, &context, log) })
    }

    /// Of the certificate that is served now.
    package var validity: TLSValidity { files.content.validity }

    /// Nobody gets through a handshake without a certificate of his own that was verified.
    var requiresCertificate: Bool { settings.clientCA != nil && settings.clientAuthentication == .require }

    func makeSession(_ socket: Socket) throws(TLSError) -> TLSSession { try files.content.makeSession(socket) }

    /// Looks at the files when it is time to, and calls `done` from another queue: when that is over, or has taken so
    /// long that the certificate known before will do. False when it is not time, or an earlier look hangs.
    func look(at now: Instant, then done: @escaping @Sendable () -> Void) -> Bool {
        if case .underWay = files.look(at: now, atMost: Self.lookPatience, then: done) { true } else { false }
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
        guard failureReports.withLock({ $0.allows(at: .now) }) else { return }
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
