// EMF documents that no receiver has acknowledged: measured once, they cannot be read again.

internal import Bytes
internal import Logs
internal import Platform
internal import Synchronization

/// Shared by the queue that measures and the queue of the route. A document is known by its number; a `Position` holds
/// the number after it.
final class HostMetricsOutbox: Sendable {
    /// What is kept during an outage, and written into the cursor: several hours of a host of ordinary size at 60 s.
    static let byteLimit = 4 << 20

    struct Document: Sendable, Equatable {
        var number: UInt64
        var unixNanoseconds: Int64
        var text: [UInt8]
    }

    private struct State {
        var documents: [Document] = []
        var byteCount = 0
        var nextNumber: UInt64 = 0
        /// The first document that no batch has had yet.
        var nextToRead: UInt64 = 0
        var version: UInt64 = 0
        var droppedCount: UInt64 = 0
        var problems: [String] = []
        var isOpen = true
    }

    private let state = Mutex(State())
    let wake: WakeSignal?

    init(wake: WakeSignal?) { self.wake = wake }

    var isOpen: Bool { state.withLock { $0.isOpen } }
    var version: UInt64 { state.withLock { $0.version } }
    var byteCount: Int { state.withLock { $0.byteCount } }
    /// Documents that were given up because `byteLimit` was reached.
    var droppedCount: UInt64 { state.withLock { $0.droppedCount } }
    /// What the last measuring could not read.
    var problems: [String] { state.withLock { $0.problems } }

    func close() { state.withLock { $0.isOpen = false } }

    /// Adds what was measured at one time. Over the limit, the oldest that no batch has had goes first: those in
    /// batches are being sent.
    func put(_ texts: [[UInt8]], at unixNanoseconds: Int64, problems: [String] = []) {
        state.withLock { state in
            state.problems = problems
            for text in texts {
                state.documents.append(
                    Document(number: state.nextNumber, unixNanoseconds: unixNanoseconds, text: text))
                state.nextNumber += 1
                state.byteCount += text.count
            }
            while state.byteCount > Self.byteLimit, !state.documents.isEmpty {
                let oldest = state.documents.firstIndex { $0.number >= state.nextToRead } ?? 0
                state.byteCount -= state.documents.remove(at: oldest).text.count
                state.droppedCount += 1
            }
            if !texts.isEmpty { state.version += 1 }
        }
        wake?.signal()
    }

    /// Moves documents into the batch, which it keeps until they are acknowledged. False when some did not fit.
    func read(into batch: inout LogBatch) -> Bool {
        wake?.clear()
        return state.withLock { state in
            for document in state.documents where document.number >= state.nextToRead {
                if batch.isFull { return false }
                batch.append(
                    document.text, 0..<document.text.count, fields: batch.nextField..<batch.nextField,
                    at: document.unixNanoseconds, next: Position(source: 0, offset: document.number + 1),
                    isDocument: true)
                state.nextToRead = document.number + 1
            }
            return true
        }
    }

    /// Forgets the documents before number `next`.
    func acknowledge(before next: UInt64) {
        state.withLock { state in
            let count = state.documents.prefix { $0.number < next }.count
            guard count > 0 else { return }
            for document in state.documents.prefix(count) { state.byteCount -= document.text.count }
            state.documents.removeFirst(count)
            state.version += 1
        }
    }

    // MARK: Cursor

    /// `{"documents":[{"time":1795230523015000000,"text":"{…}"}]}`
    func writeCursor(into json: inout JSONWriter) {
        let documents = state.withLock { $0.documents }
        json.object { json in
            json.key("documents")
            json.array { json in
                for document in documents {
                    json.object { json in
                        json.key("time")
                        json.number(Int(document.unixNanoseconds))
                        json.key("text")
                        json.string(String(decoding: document.text, as: UTF8.self))
                    }
                }
            }
        }
    }

    /// Takes up what an earlier run had not sent. A cursor of another form gives nothing.
    func resume(from cursor: JSONValue) {
        for document in cursor["documents"]?.array ?? [] {
            guard let time = document["time"]?.unsigned, let text = document["text"]?.string else { continue }
            put([Array(text.utf8)], at: Int64(clamping: time))
        }
    }
}
