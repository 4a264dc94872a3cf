// Records on standard output, a line each: for trying things out, and for containers whose runtime collects it.

internal import Bytes
internal import Glibc
internal import Platform
package import Settings

/// A batch counts as delivered when the last byte of it was taken by whatever standard output is: nobody acknowledges
/// more.
package struct StdoutOutput: Output {
    package static var type: String { "stdout" }

    /// A pipe takes this much at once, or says that it is full; see PIPE_BUF in pipe(7).
    private static let pieceBytes = 4_096
    /// How long a reader that stands still may hold up a delivery before it counts as failed.
    private let patience: Duration

    private let format: RecordFormat
    private let json: RecordJSON
    private let descriptor: Int32
    /// A delivery that broke off, and how much of it went out: the same batch goes on from there.
    private var broken: (body: [UInt8], written: Int)?

    package init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        try self.init(&section, context, descriptor: STDOUT_FILENO)
    }

    /// With a descriptor and a patience of the test's own.
    package init(
        _ section: inout SettingsSection, _ context: OutputContext, descriptor: Int32, patience: Duration = .seconds(5)
    ) throws(SettingsError) {
        self.patience = patience
        format = try section.choice("format", default: .json)
        json = RecordJSON(context)
        self.descriptor = descriptor
        // A reader that goes away shall be an error of write(2), not the end of the agent.
        _ = signal(SIGPIPE, SIG_IGN)
    }

    package func makeEncoder() -> any RecordEncoder { RecordEncoding(format, json) }

    package mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        var written = 0
        if let broken {
            if broken.body == body {
                written = broken.written
            } else if broken.written > 0, broken.body[broken.written - 1] != UInt8(ascii: "\n") {
                // Another batch comes, and the half line stays one that nobody can parse; it must not spoil a second.
                var end = 0
                try write([UInt8(ascii: "\n")], from: &end)
            }
        }
        broken = nil
        do throws(DeliveryError) { try write(body, from: &written) } catch {
            broken = (body, written)
            throw error
        }
        return .accepted
    }

    /// Writes `body[written...]`, and counts in `written` what went out.
    private func write(_ body: [UInt8], from written: inout Int) throws(DeliveryError) {
        while written < body.count {
            try waitUntilWritable()
            let start = written
            let descriptor = descriptor
            do throws(Errno) {
                written += try retryingOnInterrupt {
                    unsafe body.withUnsafeBytes { bytes in
                        let piece = unsafe bytes[start...].prefix(Self.pieceBytes)
                        return unsafe Glibc.write(
                            descriptor, UnsafeRawBufferPointer(rebasing: piece).baseAddress, piece.count)
                    }
                }
            } catch  where error != .wouldBlock {
                throw .retry(after: nil, reason: "standard output: \(error)")
            } catch {}
        }
    }

    /// Also where writing would block for ever: a pipe that nobody reads.
    private func waitUntilWritable() throws(DeliveryError) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let count: Int
        do throws(Errno) {
            count = try retryingOnInterrupt {
                unsafe Int(poll(&entry, 1, Int32(patience.nanoseconds / 1_000_000)))
            }
        } catch { throw .retry(after: nil, reason: "standard output: \(error)") }
        guard count > 0 else {
            throw .retry(
                after: nil, reason: "standard output takes nothing for \(durationText(patience)): nobody reads it")
        }
    }

    package mutating func check() -> CheckReport {
        var report = CheckReport()
        if fcntl(descriptor, F_GETFD) < 0 { report.problems.append("standard output is closed") }
        return report
    }
}
