// Documents with metrics (EMF) that programs send to this host's port, as to Amazon's own agent: one JSON object a line
// on TCP, one or more in a datagram on UDP. The page "Using the CloudWatch agent to send embedded metric format logs"
// of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ says what clients expect.
//
// What came on a socket cannot be read again, so documents go through a spool. The sender is told nothing in this
// protocol; a document counts as received when it is in the spool's memory, and outlasts a kill a moment later. One
// port serves all routes of the input, each of which has a spool of its own.

package import Bytes
internal import Durable
package import Logs
package import Platform
package import Settings

/// `type: emf`. A class, since its sockets must be closed when nobody has it any more.
package final class EMFInput: OneEntryInput {
    package static let type = "emf"
    package static let givesDocuments = true

    /// Where the libraries send documents when nothing is set.
    private static let defaultListen = "127.0.0.1:25888"

    private var documents: SpooledDocuments
    private let log: AgentLog
    private let name: String
    let listener: EMFListener
    private var isStarted = false

    /// Settings: `tcp` and `udp` ("127.0.0.1:25888", "" for none), `connections` (100), `document_limit` ("1MiB"),
    /// `log_groups` (all), `spool_bytes` ("64MiB").
    package init(_ section: inout SettingsSection, _ context: InputContext) throws(SettingsError) {
        let settings = EMFListener.Settings(
            tcp: try Self.address("tcp", &section), udp: try Self.address("udp", &section),
            connections: try section.integer("connections", default: 100, in: 1...10_000),
            documentLimit: try section.size("document_limit", default: 1 << 20, in: (1 << 10)...(1 << 20)))
        guard settings.tcp != nil || settings.udp != nil else {
            throw section.error(at: "udp", "neither \"tcp\" nor \"udp\" has an address")
        }
        documents = try SpooledDocuments(
            &section, context, DocumentRules(logGroups: try section.globs("log_groups")))
        log = context.log
        name = context.name
        listener = context.shares.emfListener(of: context.name) {
            EMFListener(name: context.name, settings, log: context.log)
        }
    }

    deinit { close() }

    private static func address(
        _ key: String, _ section: inout SettingsSection
    ) throws(SettingsError) -> SocketAddress? {
        let text = try section.string(key, default: defaultListen)
        guard !text.isEmpty else { return nil }
        do throws(SocketAddressError) {
            let address = try SocketAddress(text)
            guard case .unix = address else { return address }
        } catch { throw section.error(at: key, error.reason) }
        throw section.error(at: key, "expected host:port, [address]:port or :port")
    }

    package var wakeDescriptor: Int32? { documents.wakeDescriptor }

    package var addresses: [ListenAddress] { listener.settings.addresses }

    package func open() {
        guard !isStarted else { return }
        isStarted = true
        documents.spool.open()
        listener.add(documents.spool)
    }

    package func read(into batch: inout LogBatch, at now: Moment) -> Wait {
        open()
        let before = documents.rules.groupsRefused
        let tooLongBefore = documents.rules.namesTooLong
        let wait = documents.read(into: &batch, at: now)
        if documents.rules.groupsRefused > before, let group = documents.rules.lastRefusedGroup {
            log.warning(
                "a document names a group that is not in \"log_groups\": it goes where the output says",
                ["input": name, "group": group])
        }
        if documents.rules.namesTooLong > tooLongBefore {
            log.warning(
                "a document names a group or stream of more than \(DocumentRules.nameLength) characters: the name is "
                    + "ignored, and the document goes where the output says",
                ["input": name])
        }
        return wait
    }

    package func acknowledge(_ position: Position) { documents.acknowledge(position) }

    package func writeCursor(into json: inout JSONWriter) { documents.writeCursor(into: &json) }

    package var cursorVersion: UInt64 { documents.spool.cursorVersion }

    package func stopReceiving(until deadline: Instant) { listener.stop(until: deadline) }

    package func close() {
        if isStarted { listener.remove(documents.spool) }
        isStarted = false
        documents.spool.close()
    }

    package func status(at now: Moment) -> InputStatus {
        var status = documents.status
        let (counts, problems, connectionCount) = listener.status
        status.counts += counts
        status.counts.append(("log_group_not_allowed", documents.rules.groupsRefused))
        status.counts.append(("log_name_too_long", documents.rules.namesTooLong))
        status.problems += problems
        status.sourceCount = connectionCount
        return status
    }

    package func check() -> CheckReport { CheckReport() }
}
