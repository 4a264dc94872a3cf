// Questions to the kernel by netlink, one after another, through a socket and into a buffer that are kept.

internal import Bytes
internal import Platform
internal import Procfs

/// Why there was no answer.
enum NetlinkFailure: Error, Equatable, CustomStringConvertible {
    /// The socket could not be opened or read: a sandbox may forbid it.
    case socket(Errno)
    case answer(NetlinkError)
    /// The kernel goes on and on: some drivers repeat a message for which there is no room, for ever.
    case endless

    var description: String {
        switch self {
        case .socket(let errno): "netlink socket: \(errno)"
        case .answer(let error): error.description
        case .endless: "netlink: the answer has no end"
        }
    }

    /// The kernel has no such table or family.
    var isAbsence: Bool {
        switch self {
        case .socket(let errno): errno == .protocolNotSupported || errno == .familyNotSupported
        case .answer(.refused(let errno)): errno == .notFound || errno == .notSupported
        case .answer(.malformed), .endless: false
        }
    }
}

extension CollectError {
    init(_ failure: NetlinkFailure) { self = .failed(failure.description) }
}

extension NetlinkFailure {
    /// For who has files with the same to read: a sandbox that forbids the socket is no news, another failure is noted.
    func note(of request: NetlinkRequest) {
        switch self {
        case .socket(.accessDenied), .socket(.notPermitted), .socket(.familyNotSupported),
            .socket(.protocolNotSupported):
            break
        case .socket, .answer, .endless: SkippedRows.note(of: request.source, description)
        }
    }
}

extension NetlinkRequest {
    /// For messages.
    fileprivate var source: String { "netlink \(name)" }
}

final class NetlinkClient {
    /// The kernel answers at once; a second is for a machine that is out of breath. For each datagram of an answer.
    private static let patience: Duration = .seconds(1)
    /// Answers asked for again when what they tell of changed meanwhile.
    private static let attempts = 3
    /// Enough for most hosts; the kernel writes as much into a datagram as the reader has room for, and more only
    /// when a single message is longer.
    private static let firstBufferBytes = 16 << 10

    private let part: NetlinkProtocol
    private let dumpLimit: Duration
    private var socket: NetlinkSocket?
    private var buffer: [UInt8] = []
    private var sequence: UInt32 = 0

    /// A dump of a million sockets takes two seconds, and a scrape gives up after five: longer than `dumpLimit` takes
    /// only one that has no end.
    init(_ part: NetlinkProtocol, dumpLimit: Duration = .seconds(4)) {
        self.part = part
        self.dumpLimit = dumpLimit
    }

    /// Sends the request and hands each datagram of the answer to `parse`. `begin` is called before each attempt, to
    /// forget what a broken one has said. Returns whether the answer is whole: false when the table was still changing
    /// in the last attempt. A message that could not be read costs itself: it is noted in `SkippedRows`.
    ///
    /// After a failure the socket is made anew.
    ///
    /// - Throws: `NetlinkFailure` when there was no answer, the kernel refused, or no message of it could be read.
    @discardableResult
    func ask(
        _ request: NetlinkRequest, begin: () -> Void,
        _ parse: (_ bytes: [UInt8], _ count: Int, _ sequence: UInt32) throws(NetlinkError) -> NetlinkPart
    ) throws(NetlinkFailure) -> Bool {
        var answer = NetlinkPart(isInterrupted: true)
        var attempts = 0
        while answer.isInterrupted, attempts < Self.attempts {
            begin()
            // Without room for a message there is more the next time, until the limit throws.
            guard let attempt = try ask(request, parse) else { continue }
            answer = attempt
            attempts += 1
        }
        if let problem = answer.firstProblem {
            guard answer.read > 0 else { throw .answer(problem) }
            SkippedRows.note(answer.skipped, of: request.source, problem.description)
        }
        return !answer.isInterrupted
    }

    /// nil when there was no room for a message; there is more now.
    private func ask(
        _ request: NetlinkRequest,
        _ parse: (_ bytes: [UInt8], _ count: Int, _ sequence: UInt32) throws(NetlinkError) -> NetlinkPart
    ) throws(NetlinkFailure) -> NetlinkPart? {
        let open = try opened()
        // Only an answer that was read to its end leaves a socket that can be used again.
        socket = nil
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.firstBufferBytes) }
        sequence &+= 1
        let end = Instant.now + dumpLimit
        var answer = NetlinkPart()
        do throws(Errno) { try open.send(request.bytes(sequence: sequence)) } catch { throw .socket(error) }
        while true {
            let count: Int
            let now = Instant.now
            if now >= end { throw .endless }
            do throws(Errno) { count = try open.receive(into: &buffer, until: now + Self.patience) } catch {
                if error == .tooLarge, buffer.count < NetlinkSocket.datagramByteLimit {
                    buffer = [UInt8](repeating: 0, count: buffer.count * 4)
                    return nil
                }
                throw .socket(error)
            }
            do throws(NetlinkError) { answer.add(try parse(buffer, count, sequence)) } catch { throw .answer(error) }
            if answer.isLast {
                socket = open
                return answer
            }
        }
    }

    /// The name of the interface with this number; nil when it is gone.
    func interfaceName(_ index: UInt32) throws(NetlinkFailure) -> String? {
        let open = try opened()
        socket = open
        do throws(Errno) { return try open.interfaceName(index) } catch { throw .socket(error) }
    }

    /// Asks the driver of an interface. False when it does not know the command, the interface is gone, or the answer
    /// is longer than `data`: a driver that tells more than it did a moment ago is asked again at the next reading.
    func ethtool(_ interface: Path, _ data: inout [UInt8]) throws(NetlinkFailure) -> Bool {
        let open = try opened()
        socket = open
        do throws(Errno) { try open.ethtool(interface, &data) } catch {
            if error == .notSupported || error == .noDevice || error == .badAddress { return false }
            throw .socket(error)
        }
        return true
    }

    /// The number of a generic family.
    func family(named name: String) throws(NetlinkFailure) -> UInt16 {
        var family: UInt16?
        try ask(GenericNetlink.request(familyNamed: name), begin: { family = nil }) {
            bytes, count, sequence throws(NetlinkError) in
            try GenericNetlink.parse(bytes, count: count, sequence: sequence, into: &family)
        }
        guard let family else { throw .answer(.refused(.notFound)) }
        return family
    }

    private func opened() throws(NetlinkFailure) -> NetlinkSocket {
        if let socket { return socket }
        do throws(Errno) { return try NetlinkSocket(part) } catch { throw .socket(error) }
    }
}
