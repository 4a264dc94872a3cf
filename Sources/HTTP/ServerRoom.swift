// Who has a place at the server, and who gives his up when there is none left for one that comes.
//
// A connection that nobody uses costs its client nothing to lose (RFC 9110, section 9.2.2: a request that was not
// answered may be sent again, and clients do that by themselves), and to hold many costs an attacker nothing. So the
// one that has been silent for longest goes.

internal import Platform

/// Each has places of its own: those who may come at all have shown it in different ways.
enum ConnectionKind: Hashable, CaseIterable {
    /// At a unix socket, whose mode says who may come.
    case unix
    /// Has given a right password, or a certificate that was asked for.
    case known
    case other
}

extension HTTPServerLimits {
    /// People at a shell, `vitals status`, a proxy.
    private static let unixConnections = 16

    /// How many there may be of a kind at the same time.
    func connections(of kind: ConnectionKind) -> Int {
        switch kind {
        case .unix: max(Self.unixConnections, connections)
        case .known, .other: connections
        }
    }
}

extension ServerConnection {
    /// A client that takes nothing for so long is let go when another wants its place.
    private static let readerPatience: Duration = .seconds(1)

    /// Since when nothing has come of it: the start, its last answer, or the last bytes that it took. Nil while it is
    /// being served.
    func silentSince(at now: Instant) -> Instant? {
        switch phase {
        case .shakingHands, .reading: quietSince
        case .writing: now - quietSince >= Self.readerPatience ? quietSince : nil
        case .handling, .closing: nil
        }
    }
}

/// The connection that goes when one more comes of a kind that has `limit` places: none when there is room, or when all
/// are being served.
func connectionToClose(
    _ connections: [UInt64: ServerConnection], of kinds: Set<ConnectionKind>, at now: Instant
) -> UInt64? {
    var found: (id: UInt64, since: Instant)?
    for (id, connection) in connections where kinds.contains(connection.kind) {
        guard let since = connection.silentSince(at: now) else { continue }
        // Of two that came at the same moment the first.
        if found.map({ (since, id) < ($0.since, $0.id) }) ?? true { found = (id, since) }
    }
    return found?.id
}
