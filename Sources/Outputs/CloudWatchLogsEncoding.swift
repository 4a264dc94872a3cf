// A request of PutLogEvents as the bytes that are sent. See
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html:
//
//     {"logGroupName":"/web","logStreamName":"web1/access.log","logEvents":[
//      {"timestamp":1795228710123,"message":"…"},{"timestamp":1795228710124,"message":"…"}]}
//
// without the line breaks. A message is the text of the record, or all of it as one JSON object; a document is itself.

internal import Bytes
internal import Logs
internal import Synchronization

/// Of times that this host's clock has made. Shared by all encoders of a route.
final class TimeCorrections: Sendable {
    /// Nanoseconds to add to them, as far as it is known now.
    let correction: @Sendable () -> Int64
    private let corrected = Mutex<UInt64>(0)

    init(_ correction: @escaping @Sendable () -> Int64) { self.correction = correction }

    var count: UInt64 { corrected.withLock { $0 } }
    func note(_ count: Int) { corrected.withLock { $0 += UInt64(count) } }
}

/// One for each side of a route; what it divides it need not encode itself.
struct CloudWatchEncoder: RecordEncoder {
    /// Room for the mark in front of a piece.
    private static let markBytes = 64
    /// With fields that leave less than that for the text, it would be thousands of pieces.
    private static let smallestPieceBytes = 1_024
    /// The most that one byte becomes: `\u0000` in a JSON string, U+FFFD in a text.
    private static let escapedBytes = 6
    private static let mendedBytes = 3

    private let format: RecordFormat
    private var json: RecordJSON
    private var divider: CloudWatchDivider
    private let compressor: SharedCompressor?
    private let times: TimeCorrections

    // Kept for their capacity.
    private var plain: [UInt8] = []
    private var lines: [UInt8] = []
    private var messageBytes: [Int32] = []
    private var timestamp = MillisecondText()

    /// Without a level nothing is compressed.
    init(
        _ format: RecordFormat, _ json: RecordJSON, _ places: CloudWatchPlaces, compressionLevel: Int?,
        times: TimeCorrections = TimeCorrections { 0 }
    ) {
        self.times = times
        self.format = format
        self.json = json
        divider = CloudWatchDivider(places)
        compressor = compressionLevel.map(SharedCompressor.next(level:))
    }

    var heldByteCount: Int { plain.capacity + lines.capacity + messageBytes.capacity * MemoryLayout<Int32>.stride }

    /// The request and its body; of records as JSON the lines, which are escaped once more in the request.
    var copyCount: Int { format == .json ? 5 : 2 }

    mutating func letGo() { (plain, lines) = ([], []) }

    /// Lanes have encoders of their own, whose counts nobody reads: each record is counted once, where it is divided.
    /// What is corrected is counted together.
    var counts: [(reason: String, count: UInt64)] {
        let mended = divider.places.mendedCounts
        return [
            ("group_name_mended", mended.group), ("stream_name_mended", mended.stream),
            ("time_corrected", times.count),
        ]
    }

    mutating func divide(_ batch: inout LogBatch) -> [Shipment] {
        divider.places.waitOnce()
        correct(&batch, batch.records.indices, inOrder: false)
        measure(batch)
        if messageBytes.contains(where: { $0 > CloudWatchLimits.messageBytes }) {
            splitLongRecords(&batch)
            measure(batch)
        }
        return divider.divide(&batch, messageBytes: messageBytes)
    }

    /// Returns whether there was something to correct.
    @discardableResult
    private func correct(_ batch: inout LogBatch, _ range: Range<Int>, inOrder: Bool) -> Bool {
        let correction = times.correction()
        guard correction != 0 else { return false }
        let count = batch.correctTimes(by: correction, in: range, inOrder: inOrder)
        times.note(count)
        return count > 0
    }

    /// The bytes of each message, as the service counts them.
    private mutating func measure(_ batch: LogBatch) {
        messageBytes.removeAll(keepingCapacity: true)
        let bytes = batch.bytes
        switch format {
        case .text:
            // An empty one is sent as a space.
            for record in batch.records {
                messageBytes.append(Int32(max(1, bytes.textByteCount(of: record.text.range))))
            }
        case .json:
            lines.removeAll(keepingCapacity: true)
            _ = json.encode(batch, 0..<batch.records.count, into: &lines)
            forEachLine { messageBytes.append(Int32($0.count)) }
        }
    }

    /// Without its line break.
    private func forEachLine(_ body: (Range<Int>) -> Void) {
        var start = 0
        while let end = lines.firstIndex(of: UInt8(ascii: "\n"), in: start..<lines.count) {
            body(start..<end)
            start = end + 1
        }
    }

    // MARK: Records over the limit

    /// Documents stay whole: a piece of one is none. The service refuses them, and they are put aside.
    private func splitLongRecords(_ batch: inout LogBatch) {
        var records: [LogBatch.Record] = []
        for (index, record) in batch.records.enumerated() {
            let excess = Int(messageBytes[index]) - CloudWatchLimits.messageBytes
            guard excess > 0, !record.isDocument else {
                records.append(record)
                continue
            }
            records.append(contentsOf: pieces(of: record, in: &batch, messageBytes: Int(messageBytes[index])))
        }
        batch.exchangeRecords(with: &records)
    }

    /// `[part 1/3 of 7c0e12…] ` stands in front of each; what is the same in all parts of one text, its fingerprint,
    /// tells which belong together, and when they are put together it tells whether they are whole.
    private func pieces(
        of record: LogBatch.Record, in batch: inout LogBatch, messageBytes: Int
    ) -> [LogBatch.Record] {
        let text = record.text.range
        // All of this is rare: what is escaped or mended is taken at its worst.
        var room = CloudWatchLimits.messageBytes - Self.markBytes
        switch format {
        case .text where messageBytes == text.count: break
        case .text: room /= Self.mendedBytes
        case .json:
            var escaped: [UInt8] = []
            escaped.append(jsonString: text, of: batch.bytes)
            room = (room - (messageBytes - escaped.count)) / Self.escapedBytes
        }
        // Fields that leave no room: the service refuses the record, and it is put aside.
        guard room >= Self.smallestPieceBytes else { return [record] }
        let ends = pieceEnds(of: batch.bytes, text, pieceBytes: room)
        let hash = Self.hash(of: batch.bytes, text)
        var pieces: [LogBatch.Record] = []
        var start = text.lowerBound
        for (index, end) in ends.enumerated() {
            var mark: [UInt8] = []
            mark.append(text: "[part \(index + 1)/\(ends.count) of \(hash)] ")
            pieces.append(batch.makePiece(of: record, start..<end, prefix: mark))
            start = end
        }
        return pieces
    }

    /// 16 digits, of the text as it is sent: what is not UTF-8 is U+FFFD there. Whoever puts the parts together has
    /// that.
    private static func hash(of bytes: [UInt8], _ text: Range<Int>) -> String {
        var fingerprint = Fingerprint()
        var sent: [UInt8] = []
        sent.append(repairing: text, of: bytes)
        fingerprint.add(sent[...])
        let digits = String(fingerprint.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    // MARK: The request

    mutating func encode(_ batch: LogBatch, _ range: Range<Int>, into body: inout [UInt8]) -> Int {
        guard let first = batch.records[range].first else { return 0 }
        return encode(batch, range, for: divider.places.destination(of: first, in: batch), into: &body)
    }

    mutating func renew(
        _ batch: inout LogBatch, _ range: Range<Int>, for destination: Destination, isRetry: Bool
    ) -> Destination {
        // It may have been refused for where it goes.
        if isRetry { divider.places.hurry() }
        let corrected = correct(&batch, range, inOrder: true)
        guard divider.places.areAsking || corrected, let first = batch.records[range].first else { return destination }
        let found = divider.places.destination(of: first, in: batch)
        // The place that the document names took nothing: it stays with the other.
        if destination.other == nil, let other = found.other { return other }
        return found
    }

    mutating func encode(
        _ batch: LogBatch, _ range: Range<Int>, for destination: Destination, into body: inout [UInt8]
    ) -> Int {
        guard !range.isEmpty else { return 0 }
        let names = destination.names
        plain.removeAll(keepingCapacity: true)
        plain.append("{\"logGroupName\":")
        plain.append(jsonString: names[0])
        plain.append(",\"logStreamName\":")
        plain.append(jsonString: names[1])
        plain.append(",\"logEvents\":[")
        let replaced = appendEvents(batch, range)
        plain.append("]}")
        if let compressor {
            compressor.compress(plain, into: &body)
        } else {
            body.append(contentsOf: plain)
        }
        return replaced
    }

    private mutating func appendEvents(_ batch: LogBatch, _ range: Range<Int>) -> Int {
        var replaced = 0
        let bytes = batch.bytes
        if format == .json {
            lines.removeAll(keepingCapacity: true)
            replaced = json.encode(batch, range, into: &lines)
        }
        var line = 0
        for record in batch.records[range] {
            timestamp.render(record.unixMilliseconds)
            plain.append(contentsOf: timestamp.bytes)
            switch format {
            case .text where record.text.count == 0: plain.append("\" \"")
            case .text: replaced += plain.append(jsonString: record.text.range, of: bytes)
            case .json:
                let end = lines.firstIndex(of: UInt8(ascii: "\n"), in: line..<lines.count) ?? lines.count
                plain.append(jsonString: line..<end, of: lines)
                line = end + 1
            }
            plain.append("},")
        }
        plain.removeLast()  // the last comma
        return replaced
    }
}

/// Where pieces of at most so many bytes end, none of them within a character.
func pieceEnds(of bytes: [UInt8], _ text: Range<Int>, pieceBytes: Int) -> [Int] {
    var ends: [Int] = []
    var start = text.lowerBound
    while start < text.upperBound {
        var end = min(start + pieceBytes, text.upperBound)
        // A character has at most three bytes that continue it; more of them are none.
        let cut = end
        while end < text.upperBound, end > cut - 3, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        if end < text.upperBound, bytes[end] & 0xC0 == 0x80 { end = cut }
        ends.append(end)
        start = end
    }
    return ends
}

/// `{"timestamp":1795228710123,"message":` of the last time that was asked for.
private struct MillisecondText: Sendable {
    private(set) var bytes: [UInt8] = []
    private var milliseconds: Int64?

    mutating func render(_ milliseconds: Int64) {
        guard milliseconds != self.milliseconds else { return }
        self.milliseconds = milliseconds
        bytes.removeAll(keepingCapacity: true)
        bytes.append("{\"timestamp\":")
        bytes.append(decimal: milliseconds)
        bytes.append(",\"message\":")
    }
}
