import Bytes
import Foundation
import Logs
import Settings
import Synchronization
import Testing

@testable import Outputs

@Suite struct CloudWatchEncodingTests {
    @Test func textIsTheMessageAlone() throws {
        var batch = batch(of: [Line("GET /\t\"x\""), Line([0x61, 0xFF, 0x62]), Line("")])
        var encoder = try encoder()
        _ = encoder.divide(&batch)
        var body: [UInt8] = []
        #expect(encoder.encode(batch, 0..<3, into: &body) == 1)
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"logGroupName":"/vitals/web1","logStreamName":"a.log","logEvents":["#
                + #"{"timestamp":1795228710123,"message":"GET /\t\"x\""},{"timestamp":1795228710123,"message":"a�b"},"#
                + #"{"timestamp":1795228710123,"message":" "}]}"#)
    }

    @Test func jsonIsTheWholeRecord() throws {
        var batch = batch(of: [Line("one"), Line(#"{"_aws":{}}"#, isDocument: true)])
        var encoder = try encoder(.json)
        let messages = try requests(&encoder, &batch)[0].logEvents.map(\.message)
        #expect(
            messages == [
                #"{"timestamp":"2026-11-21T02:38:30.123456789Z","message":"one","host":"web1","input":"syslog","#
                    + #""file":"/var/log/a.log"}"#,
                #"{"_aws":{}}"#,
            ])
    }

    @Test(arguments: RecordFormat.allCases) func aDocumentGoesAsItIs(format: RecordFormat) throws {
        let document = #"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"text":"grüße \"x\""}"#
        var batch = batch(of: [Line(document, isDocument: true)])
        var encoder = try encoder(format)
        #expect(try requests(&encoder, &batch)[0].logEvents.map(\.message) == [document])
    }

    @Test func gzip() throws {
        var batch = batch(of: (0..<1_000).map { Line("line \($0)") })
        var (plain, packed) = (try encoder(), try encoder(compressionLevel: 1))
        let range = plain.divide(&batch)[0].records
        var (body, sent): ([UInt8], [UInt8]) = ([], [])
        _ = plain.encode(batch, range, into: &body)
        _ = packed.encode(batch, range, into: &sent)
        #expect(sent.starts(with: [0x1F, 0x8B]) && sent.count < body.count / 4)
        var inflated = [UInt8](repeating: 0, count: body.count)
        let step = GzipInflater().inflate(sent, 0..<sent.count, into: &inflated, 0..<inflated.count)
        #expect(step.produced == body.count && inflated == body)
    }

    /// The text of the parts, in their order and without their marks.
    private func together(_ messages: [String]) throws -> (text: String, ids: Set<Substring>) {
        var text = ""
        var ids: Set<Substring> = []
        for (index, message) in messages.enumerated() {
            let end = try #require(message.range(of: "] "))
            let mark = message[..<end.lowerBound].split(separator: " ")
            #expect(
                mark.count == 4 && mark[0] == "[part" && mark[1] == "\(index + 1)/\(messages.count)" && mark[2] == "of")
            ids.insert(mark[3])
            text += message[end.upperBound...]
        }
        return (text, ids)
    }

    @Test(arguments: ["x", "ü", "€", "😀", "\u{1}", "a😀\"€"]) func aLongTextIsSplitAndCanBePutTogether(unit: String)
        throws
    {
        let text = String(repeating: unit, count: 2_500_000 / unit.utf8.count)
        for format in RecordFormat.allCases {
            var batch = batch(of: [Line("before"), Line(text), Line("after", at: 1)])
            var encoder = try encoder(format)
            let requests = try requests(&encoder, &batch)
            for request in requests {
                #expect(request.logEvents.reduce(0) { $0 + $1.message.utf8.count + 26 } <= 1_048_576)
            }
            var messages = requests.flatMap { $0.logEvents.map(\.message) }
            if format == .json {
                struct Record: Decodable { var message: String }
                messages = try messages.map { try JSONDecoder().decode(Record.self, from: Data($0.utf8)).message }
            } else if unit == "x" {
                #expect(messages.count == 2 + 3)
            }
            #expect(messages.first == "before" && messages.last == "after")
            let (whole, ids) = try together(Array(messages.dropFirst().dropLast()))
            #expect(whole == text && ids.count == 1)
        }
    }

    /// FNV-1a of what arrives, in 16 digits: whoever has the parts can compute it.
    @Test func theHashOfPartsIsOfTheTextAsSent() throws {
        let half = Array(repeating: UInt8(ascii: "x"), count: 600_000)
        var hashes: Set<String> = []
        // The last has one that begins with 0.
        for middle in [[0xFF, 0xC3, 0x28, 0xE2, 0x82], Array("grüße€😀".utf8), Array("10".utf8)] as [[UInt8]] {
            let text = half + middle + half
            var batch = batch(of: [Line(text)])
            var encoder = try encoder()
            let messages = try requests(&encoder, &batch).flatMap { $0.logEvents.map(\.message) }
            let (whole, ids) = try together(messages)
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in whole.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            let id = String(try #require(ids.first))
            #expect(ids.count == 1 && id.count == 16 && UInt64(id, radix: 16) == hash)
            hashes.insert(id)
        }
        #expect(hashes.contains("0dedbe388f989fa4"))
    }

    // MARK: What becomes known later

    /// What an instance says of itself, as a test knows it.
    private final class Instance: Sendable {
        let region = Mutex<String?>(nil)
        let waits = Mutex(0)

        var values: TemplateValues {
            var values = TemplateValues(context())
            values.host.lookUp = { [self] name in name == "region" ? region.withLock { $0 } : nil }
            values.host.wait = { [self] names, limit in
                #expect(limit == .seconds(2))
                waits.withLock { $0 += 1 }
            }
            return values
        }
    }

    @Test func theInstanceIsWaitedForOnceAndNamesAreRenewed() throws {
        let instance = Instance()
        let places = CloudWatchPlaces(
            group: try RecordTemplate("/{region}/{file_name}", instance.values),
            stream: try RecordTemplate("{region:-none}", instance.values)
        ) { _, _ in }
        var asking = CloudWatchEncoder(.text, RecordJSON(context()), places, compressionLevel: nil)
        var batch = batch(of: [Line("a"), Line("b", file: "b.log")])
        let shipments = asking.divide(&batch)
        #expect(shipments.map(\.destination.names) == [["/unknown/a.log", "none"], ["/unknown/b.log", "none"]])
        let (first, second) = (shipments[0].destination, shipments[1].destination)
        #expect(asking.renew(&batch, 0..<1, for: first, isRetry: false) == first)
        instance.region.withLock { $0 = "eu-west-1" }
        #expect(asking.renew(&batch, 1..<2, for: second, isRetry: false).names == ["/eu-west-1/b.log", "eu-west-1"])
        var body: [UInt8] = []
        let renewed = asking.renew(&batch, 0..<1, for: first, isRetry: false)
        _ = asking.encode(batch, 0..<1, for: renewed, into: &body)
        #expect(try PutLogEvents(body).logGroupName == "/eu-west-1/a.log")
        _ = asking.divide(&batch)
        #expect(instance.waits.withLock { $0 } == 1)
        // Where nothing is asked of it, nobody waits.
        var plain = try encoder()
        _ = plain.divide(&batch)
        #expect(plain.renew(&batch, 0..<1, for: first, isRetry: false) == first)
    }

    /// One that was refused stays with the group of the settings, under its new name.
    @Test func aRefusedDocumentIsRenewedToTheOtherPlace() throws {
        let instance = Instance()
        let places = CloudWatchPlaces(
            group: try RecordTemplate("/{region}", instance.values),
            stream: try RecordTemplate("s", instance.values)
        ) { _, _ in }
        var encoder = CloudWatchEncoder(.text, RecordJSON(context()), places, compressionLevel: nil)
        var batch = LogBatch()
        let field = batch.addField("log_group", Array("/named".utf8))
        batch.append(
            [0x7B, 0x7D], 0..<2, fields: field..<field + 1, at: 1, next: Position(source: 0, offset: 1),
            isDocument: true)
        let first = encoder.divide(&batch)[0].destination
        #expect(first == Destination(["/named", "s"], or: ["/unknown", "s"]))
        instance.region.withLock { $0 = "eu-west-1" }
        let renewed = encoder.renew(&batch, 0..<1, for: first, isRetry: false)
        #expect(renewed == Destination(["/named", "s"], or: ["/eu-west-1", "s"]))
        let own = Destination(["/unknown", "s"])
        #expect(encoder.renew(&batch, 0..<1, for: own, isRetry: false) == Destination(["/eu-west-1", "s"]))
    }

    private final class Clock: Sendable {
        let correction = Mutex<Int64>(0)
    }

    /// Three hours ahead, and AWS has said so.
    @Test func timesOfAClockThatIsOffAreCorrected() throws {
        let hour: Int64 = 3_600_000
        let clock = Clock()
        let times = TimeCorrections { clock.correction.withLock { $0 } }
        var encoder = CloudWatchEncoder(
            .text, RecordJSON(context()), try places("/{date:%H}", "s"), compressionLevel: nil, times: times)
        func lines() -> LogBatch {
            var batch = LogBatch()
            func add(_ text: String, _ at: Int64, own: Bool = false, isDocument: Bool = false) {
                let text = Array(text.utf8)
                batch.append(
                    text, 0..<text.count, fields: 0..<0, at: someTime + at * 1_000_000,
                    next: Position(source: 1, offset: UInt64(batch.records.count)), isDocument: isDocument,
                    hasOwnTime: own)
            }
            add("read", 0)
            add("own", -hour / 4, own: true)
            add(#"{"_aws":{"Timestamp":1795228710124,"CloudWatchMetrics":[]}}"#, 1, isDocument: true)
            // Of a program, which has another idea of the time: the event moves, and the text does not.
            add(#"{"_aws":{"Timestamp":1795228710999,"CloudWatchMetrics":[]}}"#, 2, isDocument: true)
            return batch
        }
        var batch = lines()
        #expect(try requests(&encoder, &batch).flatMap(\.logEvents).map(\.timestamp).contains(1_795_228_710_123))

        // Divided before it was known: renewed before it is sent, and in order.
        var late = lines()
        var other = CloudWatchEncoder(
            .text, RecordJSON(context()), try places("/g", "s"), compressionLevel: nil, times: times)
        let shipment = other.divide(&late)[0]
        clock.correction.withLock { $0 = -3 * hour * 1_000_000 }
        let destination = other.renew(&late, shipment.records, for: shipment.destination, isRetry: false)
        var body: [UInt8] = []
        _ = other.encode(late, shipment.records, for: destination, into: &body)
        let base: Int64 = 1_795_228_710_123
        let wanted = [
            PutLogEvents.Event(timestamp: base - 3 * hour, message: "read"),
            .init(
                timestamp: base + 1 - 3 * hour,
                message: #"{"_aws":{"Timestamp":\#(base + 1 - 3 * hour),"CloudWatchMetrics":[]}}"#),
            .init(
                timestamp: base + 2 - 3 * hour,
                message: #"{"_aws":{"Timestamp":1795228710999,"CloudWatchMetrics":[]}}"#),
            .init(timestamp: base - hour / 4, message: "own"),
        ]
        #expect(try PutLogEvents(body).logEvents == wanted)
        #expect(times.count == 3)
        // Once, however often they are sent.
        body = []
        let again = other.renew(&late, shipment.records, for: destination, isRetry: false)
        _ = other.encode(late, shipment.records, for: again, into: &body)
        #expect(try PutLogEvents(body).logEvents == wanted && times.count == 3)

        // Known when it is divided: order, requests and names go by the corrected times.
        var early = lines()
        let requests = try requests(&encoder, &early)
        // 02:38 less a quarter of an hour, and less three hours.
        #expect(requests.map(\.logGroupName) == ["/02", "/23"])
        #expect(requests.flatMap(\.logEvents) == [wanted[3]] + wanted[0..<3] && times.count == 6)
        #expect(encoder.counts.first { $0.reason == "time_corrected" }?.count == 6)
    }

    @Test func aTextAtTheLimitStaysWhole() throws {
        let limit = 1_048_576 - 26
        for count in [limit - 1, limit, limit + 1] {
            var batch = batch(of: [Line(String(repeating: "x", count: count))])
            var encoder = try encoder()
            #expect(try requests(&encoder, &batch).count == (count > limit ? 2 : 1))
        }
    }

    /// Nobody could read a piece of one: the service says that it is too large, and it is put aside.
    @Test func aLongDocumentStaysWhole() throws {
        let document = "{\"text\":\"" + String(repeating: "x", count: 1_100_000) + "\"}"
        var batch = batch(of: [Line("a"), Line(document, isDocument: true), Line("b")])
        var encoder = try encoder()
        #expect(try requests(&encoder, &batch).map(\.logEvents.count) == [1, 1, 1])
    }

    @Test func piecesEndBetweenCharacters() {
        let text = Array("aü€😀b".utf8)  // 1 2 3 4 1
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 4) == [3, 6, 10, 11])
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 11) == [11])
        #expect(pieceEnds(of: text, 0..<11, pieceBytes: 10) == [10, 11])
        #expect(pieceEnds(of: text, 1..<11, pieceBytes: 5) == [6, 11])
        #expect(pieceEnds(of: text, 0..<0, pieceBytes: 4) == [])
        // What is no text is cut where it must be.
        #expect(pieceEnds(of: [UInt8](repeating: 0x80, count: 9), 0..<9, pieceBytes: 4) == [4, 8, 9])
    }
}
