import Foundation
import Outputs
import Settings
import TestSupport
import Testing

@Suite struct StdoutOutputTests {
    /// A pipe whose ends the test closes when it likes.
    private func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(Foundation.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func output(_ descriptor: Int32, patience: Duration = .seconds(30)) throws -> StdoutOutput {
        var section = try section("{}")
        return try StdoutOutput(&section, context(), descriptor: descriptor, patience: patience)
    }

    private func read(_ descriptor: Int32, _ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                Foundation.read(descriptor, $0.baseAddress.map { $0 + done }, count - done)
            }
            if got <= 0 { break }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    @Test func writesWhatIsMoreThanAPipeHolds() async throws {
        let (readEnd, writeEnd) = try pipe()
        var output = try output(writeEnd)
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let reader = Thread.detached { [self] in read(readEnd, body.count) }
        try output.deliver(body, recordCount: 1)
        #expect(reader.value == body)
        close(readEnd)
        close(writeEnd)
    }

    @Test func aReaderThatIsGoneIsNoDeath() throws {
        let (readEnd, writeEnd) = try pipe()
        var output = try output(writeEnd)
        close(readEnd)
        #expect(throws: DeliveryError.retry(after: nil, reason: "standard output: Broken pipe")) {
            try output.deliver([1, 2, 3], recordCount: 1)
        }
        close(writeEnd)
    }

    @Test func aDeliveryGoesOnWhereItBrokeOff() throws {
        let (readEnd, writeEnd) = try pipe()
        var output = try output(writeEnd, patience: .milliseconds(200))
        let body = Array(String(repeating: "0123456789\n", count: 10_000).utf8)
        // Nobody reads: the pipe fills up, and the patience ends.
        #expect(throws: DeliveryError.self) { try output.deliver(body, recordCount: 10_000) }
        let reader = Thread.detached { [self] in read(readEnd, body.count) }
        var failures = 0
        while true {
            do throws(DeliveryError) {
                try output.deliver(body, recordCount: 10_000)
                break
            } catch {
                // The reader's thread may be slow to start: as often as it takes, and never the same byte twice.
                failures += 1
                try #require(failures < 100)
            }
        }
        #expect(reader.value == body)

        // Another batch instead: the half line ends where it is.
        #expect(throws: DeliveryError.self) { try output.deliver(body, recordCount: 10_000) }
        let half = read(readEnd, 65_536)
        #expect(body.starts(with: half) && half.last != UInt8(ascii: "\n"))
        try output.deliver(Array("next\n".utf8), recordCount: 1)
        #expect(read(readEnd, 6) == Array("\nnext\n".utf8))
        close(readEnd)
        close(writeEnd)
    }

    @Test func checkSeesAClosedDescriptor() throws {
        var closed = try output(-1)
        #expect(closed.check().problems.count == 1)
        var open = try output(2)
        #expect(open.check().problems.isEmpty)
    }
}

/// A value that is computed on a thread of its own.
final class Computed<Value: Sendable>: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var result: [Value] = []

    fileprivate init(_ work: @escaping @Sendable () -> Value) {
        Thread.detachNewThread { [self] in
            result = [work()]
            done.signal()
        }
    }

    var value: Value {
        done.wait()
        return result[0]
    }
}

extension Thread {
    static func detached<Value: Sendable>(_ work: @escaping @Sendable () -> Value) -> Computed<Value> {
        Computed(work)
    }
}
