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
        var failureReports = Moderation()
    }

    private let settings: TLSSettings
    private let log: AgentLog
    private let state: Mutex<State>

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

    func makeSession(_ socket: Socket, at now: Instant = .now) throws(TLSError) -> TLSSession {
        let context = state.withLock { state in
            if now - state.lookedAt >= Self.lookPause {
                state.lookedAt = now
                readAgain(&state)
            }
            return state.context
        }
        return try context.makeSession(socket)
    }

    /// What cannot be used is told once for each change of the files, and changes nothing: a certificate and its key
    /// are written one after the other.
    private func readAgain(_ state: inout State) {
        let prints = Self.prints(of: settings)
        guard prints != state.prints else { return }
        state.prints = prints
        do throws(TLSError) {
            state.context = try TLSContext(settings)
            log.info("the TLS certificate was read again", ["valid_until": dateText(state.context.validity.until)])
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
struct Moderation {
    private static let pause: Duration = .seconds(10)
    private var last: Instant?

    mutating func allows(at now: Instant) -> Bool {
        if let last, now - last < Self.pause { return false }
        last = now
        return true
    }
}
