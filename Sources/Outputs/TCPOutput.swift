// Records on a TCP connection, a line each: to another agent's EMF port, or to a collector that takes lines.
//
// Nobody acknowledges a line in TCP itself (RFC 9293). A batch counts as delivered when the other side's kernel has
// acknowledged its last byte: what that has taken and its program has not read is lost when the program ends just then.
// A batch that breaks off is sent again whole, on a new connection: lines of it that came through come twice.

internal import Bytes
internal import Glibc
internal import Platform
package import Settings

package struct TCPOutput: Output {
    package static var type: String { "tcp" }

    /// Pauses between two looks whether the last byte was acknowledged, the first and the longest.
    private static let pauses: (first: Duration, longest: Duration) = (.microseconds(50), .milliseconds(5))
    /// What a receiver says that should say nothing, read and dropped at once.
    private static let chatterBytes = 4_096
    private static let chatterReads = 16

    private let text: String
    private let host: String
    private let port: UInt16
    private let connectTimeout: Duration
    private let timeout: Duration
    private let format: RecordFormat
    private let json: RecordJSON
    private var socket: Socket?

    package init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        text = try section.string("address")
        guard let (host, port) = Self.split(text) else {
            throw section.error(at: "address", "expected host:port or [address]:port, not \"\(text)\"")
        }
        (self.host, self.port) = (host, port)
        connectTimeout = try section.duration(
            "connect_timeout", default: .seconds(5), in: .milliseconds(10) ... .seconds(600))
        timeout = try section.duration("timeout", default: .seconds(30), in: .milliseconds(10) ... .seconds(3_600))
        format = try section.choice("format", default: .json)
        json = RecordJSON(context)
    }

    private static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text[text.utf8.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }), let port = UInt16(digits),
            port > 0
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    package func makeEncoder() -> any RecordEncoder { RecordEncoding(format, json) }

    package mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        do throws(Fault) {
            let socket = try connected()
            try write(body, to: socket)
            try waitForAcknowledgement(socket)
        } catch {
            // Half a line may be on its way: whatever comes next goes by another connection.
            socket = nil
            throw .retry(after: nil, reason: "\(text): \(error.reason)")
        }
        return .accepted
    }

    private struct Fault: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
        init(_ error: Errno) { reason = error.description }
    }

    /// The connection there is, if the other side has not closed it meanwhile, or a new one.
    private mutating func connected() throws(Fault) -> Socket {
        if let socket, isAlive(socket) { return socket }
        socket = nil
        let addresses: [SocketAddress]
        do throws(HostLookupError) { addresses = try lookUp(host: host, port: port) } catch {
            throw Fault(error.reason)
        }
        var fault = Fault("has no address")
        for address in addresses {
            do throws(Errno) {
                let socket = try Socket.connecting(to: address, until: .now + connectTimeout)
                // The end of a batch does not wait for the acknowledgement of what went before.
                socket.sendAtOnce()
                self.socket = socket
                return socket
            } catch { fault = Fault(error) }
        }
        throw fault
    }

    /// What it says is of no interest; that it has ended is.
    private func isAlive(_ socket: Socket) -> Bool {
        var chatter = [UInt8](repeating: 0, count: Self.chatterBytes)
        do throws(Errno) {
            for _ in 0..<Self.chatterReads where try socket.read(into: &chatter) == 0 { return false }
            // It has more to say than it has any reason to.
            return false
        } catch { return error == .wouldBlock }
    }

    private func write(_ body: [UInt8], to socket: Socket) throws(Fault) {
        var written = 0
        // Of a receiver that stands still; one that is slow has time for every piece.
        var deadline = Instant.now + timeout
        while written < body.count {
            do throws(Errno) {
                written += try socket.write(body, from: written)
                deadline = .now + timeout
            } catch {
                guard error == .wouldBlock else { throw Fault(error) }
                guard isAlive(socket) else { throw Fault("the connection was closed") }
                do throws(Errno) { try socket.wait(for: .writing, until: deadline) } catch { throw Fault(error) }
            }
        }
    }

    private func waitForAcknowledgement(_ socket: Socket) throws(Fault) {
        var deadline = Instant.now + timeout
        var pause = Self.pauses.first
        var before = Int.max
        while true {
            let left: Int
            do throws(Errno) { left = try socket.unacknowledgedBytes() } catch { throw Fault(error) }
            // What was on its way when the other side broke off stays unacknowledged for ever.
            try refuseReset(socket)
            guard left > 0 else { return }
            if left < before { deadline = .now + timeout }
            before = left
            guard Instant.now < deadline else { throw Fault("the receiver acknowledges nothing") }
            usleep(UInt32(pause.nanoseconds / 1_000))
            pause = min(pause * 2, Self.pauses.longest)
        }
    }

    /// An end in order is not one: what was sent before may have been read. The next delivery finds it.
    private func refuseReset(_ socket: Socket) throws(Fault) {
        do throws(Errno) { _ = try socket.peek() } catch {
            guard error == .wouldBlock else { throw Fault(error) }
        }
    }

    package var address: String { text }

    package mutating func check() -> CheckReport {
        var report = CheckReport()
        do throws(Fault) {
            _ = try connected()
            report.notes.append("\(text) takes connections")
        } catch { report.problems.append("\(text): \(error.reason)") }
        socket = nil
        return report
    }
}
