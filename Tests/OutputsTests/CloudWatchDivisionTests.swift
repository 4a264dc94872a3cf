import Logs
import TestSupport
import Testing

@testable import Outputs

@Suite struct CloudWatchDivisionTests {
    @Test func oneStreamInOrderIsOneRequest() throws {
        var batch = batch(of: (0..<100).map { Line("line \($0)", at: Int64($0 / 10)) })
        var encoder = try encoder()
        let requests = try requests(&encoder, &batch)
        #expect(requests.count == 1)
        #expect(requests[0].logGroupName == "/vitals/web1" && requests[0].logStreamName == "a.log")
        #expect(requests[0].logEvents.map(\.message) == (0..<100).map { "line \($0)" })
        #expect(requests[0].logEvents[99].timestamp == someTime / 1_000_000 + 9)
    }

    @Test func eachStreamHasItsOwnInTheOrderOfTimes() throws {
        var batch = batch(of: [
            Line("b2", file: "b.log", at: 2), Line("a3", at: 3), Line("a1", at: 1), Line("b1", file: "b.log", at: 1),
            Line("a1 again", at: 1), Line("b0", file: "b.log", at: 0),
        ])
        var encoder = try encoder()
        let requests = try requests(&encoder, &batch)
        #expect(requests.map(\.logStreamName) == ["b.log", "a.log"])
        #expect(requests[0].logEvents.map(\.message) == ["b0", "b1", "b2"])
        #expect(requests[1].logEvents.map(\.message) == ["a1", "a1 again", "a3"])
    }

    /// The service counts the UTF-8 of what it gets, and 26 for each event.
    @Test(arguments: [RecordFormat.text, .json]) func aRequestHasAtMostTheBytesThatTheServiceTakes(
        format: RecordFormat
    ) throws {
        var batch = batch(of: (0..<3_000).map { Line(String(repeating: "grüße\u{1}", count: 100 + $0 % 7)) })
        var encoder = try encoder(format)
        let requests = try requests(&encoder, &batch)
        let sizes = requests.map { $0.logEvents.reduce(0) { $0 + $1.message.utf8.count + 26 } }
        #expect(sizes.allSatisfy { $0 <= 1_048_576 })
        // And nearly as many.
        #expect(sizes.dropLast().allSatisfy { $0 > 1_040_000 })
        #expect(requests.reduce(0) { $0 + $1.logEvents.count } == 3_000)
    }

    /// Names of files have any bytes, also the one that stands between the names in a key.
    @Test func namesThatAreNoTextAndNamesThatLookAlike() throws {
        let names: [[UInt8]] = [
            [0x63, 0x61, 0x66, 0xFF], [0x63, 0x61, 0x66, 0xC3, 0xA9], [0x63, 0x61, 0x66, 0x65, 0xCC, 0x81],
        ]
        var batch = LogBatch()
        for (index, name) in names.enumerated() {
            let first = batch.nextField
            _ = batch.addField("file", Array("/".utf8) + name)
            if index == 2 { _ = batch.addField("log_stream", name) }
            batch.append(
                name, 0..<name.count, fields: first..<batch.nextField, at: someTime,
                next: Position(source: UInt32(index), offset: 1), isDocument: index == 2)
        }
        var places = CloudWatchPlaces(
            group: try RecordTemplate("{file_name}", TemplateValues(context())),
            stream: try RecordTemplate("{file_name}", TemplateValues(context()))
        ) { _, _ in }
        let found = batch.records.map { places.place(of: $0, in: batch) }
        #expect(found == [0, 1, 2])
        let streams = places.destinations.map { Array($0.names[1].utf8) }
        #expect(streams == [Array("caf\u{FFFD}".utf8)] + names[1...])
        #expect(Set(places.destinations).count == 3)
        #expect(Destination(["g", "\u{E9}"]) != Destination(["g", "e\u{301}"]))
    }

    @Test func aColonWithAnAccentIsAColon() {
        #expect(CloudWatchName.stream.mended("a:\u{301}b*\u{20DD}") == "a_b_")
    }

    /// A batch of documents and lines, each with a place in its fields.
    private func named(_ records: [(text: String, fields: [(StaticString, String)], isDocument: Bool)]) -> LogBatch {
        var batch = LogBatch()
        for (index, record) in records.enumerated() {
            let first = batch.nextField
            for (name, value) in record.fields { _ = batch.addField(name, Array(value.utf8)) }
            let text = Array(record.text.utf8)
            batch.append(
                text, 0..<text.count, fields: first..<batch.nextField, at: someTime,
                next: Position(source: 1, offset: UInt64(index + 1)), isDocument: record.isDocument)
        }
        return batch
    }

    @Test func aDocumentGoesWhereItSays() throws {
        var batch = named([
            ("both", [("file", "/a.log"), ("log_group", "/shop"), ("log_stream", "till")], true),
            ("group", [("file", "/a.log"), ("log_group", "/shop")], true),
            ("stream", [("file", "/a.log"), ("log_stream", "till")], true),
            ("none", [("file", "/a.log")], true),
            ("a line", [("file", "/a.log"), ("log_group", "/shop"), ("log_stream", "till")], false),
            ("its own, which comes last", [("log_group", "/other"), ("log_group", "/shop")], true),
        ])
        var encoder = try encoder()
        let found = try requests(&encoder, &batch).map { request in
            "\(request.logGroupName) \(request.logStreamName): "
                + request.logEvents.map(\.message).joined(separator: ", ")
        }
        #expect(
            found == [
                "/shop till: both", "/shop a.log: group", "/vitals/web1 till: stream",
                "/vitals/web1 a.log: none, a line", "/shop unknown: its own, which comes last",
            ])
        // Served from the start, so that whoever watches them sees the first.
        #expect(encoder.counts.map(\.reason) == ["group_name_mended", "stream_name_mended", "time_corrected"])
        #expect(encoder.counts.allSatisfy { $0.count == 0 })
    }

    /// By each its own: what the templates make of one that names a group need not be what they make of the next.
    @Test func aPlaceThatADocumentNamesHasAnotherBesideIt() throws {
        var batch = named([
            ("1", [("file", "/a.log"), ("log_group", "/shop"), ("log_stream", "till")], true),
            ("2", [("file", "/a.log"), ("log_group", "/shop")], true),
            ("3", [("file", "/b.log"), ("log_group", "/shop"), ("log_stream", "till")], true),
            ("4", [("file", "/a.log"), ("log_stream", "till")], true),
            ("5", [("file", "/a.log"), ("log_group", "/vitals/web1")], true),
            ("6", [("file", "/a.log")], true),
        ])
        var encoder = try encoder()
        let shipments = encoder.divide(&batch)
        #expect(
            shipments.map(\.destination) == [
                Destination(["/shop", "till"], or: ["/vitals/web1", "a.log"]),
                Destination(["/shop", "a.log"], or: ["/vitals/web1", "a.log"]),
                Destination(["/shop", "till"], or: ["/vitals/web1", "b.log"]),
                Destination(["/vitals/web1", "till"], or: ["/vitals/web1", "a.log"]),
                Destination(["/vitals/web1", "a.log"]), Destination(["/vitals/web1", "a.log"]),
            ])
        var body: [UInt8] = []
        let other = try #require(shipments[2].destination.other)
        #expect(other == Destination(["/vitals/web1", "b.log"]) && other.other == nil)
        _ = encoder.encode(batch, shipments[2].records, for: other, into: &body)
        let request = try PutLogEvents(body)
        #expect(request.logGroupName == "/vitals/web1" && request.logStreamName == "b.log")
        #expect(request.logEvents.map(\.message) == ["3"])
    }

    /// The same fields, but only one of them is a document.
    @Test func aLineAfterADocumentOfTheSameFields() throws {
        var batch = LogBatch()
        let field = batch.addField("log_group", Array("/shop".utf8))
        for (index, isDocument) in [true, false, true].enumerated() {
            batch.append(
                [0x78], 0..<1, fields: field..<field + 1, at: someTime,
                next: Position(source: 1, offset: UInt64(index + 1)), isDocument: isDocument)
        }
        var encoder = try encoder(stream: "s")
        #expect(
            try requests(&encoder, &batch).map { "\($0.logGroupName) \($0.logEvents.count)" } == [
                "/shop 2", "/vitals/web1 1",
            ])
    }

    @Test func recordsWhoseNamesWereMendedAreCounted() throws {
        var batch = named([
            ("1", [("log_group", "a shop"), ("log_stream", "s:1")], true),
            ("2", [("log_group", "a shop"), ("log_stream", "s")], true),
            ("3", [("log_group", "aws/x"), ("log_stream", "*")], true),
            ("4", [("log_group", "good"), ("log_stream", "good stream")], true),
        ])
        var encoder = try encoder()
        let shipments = encoder.divide(&batch)
        #expect(
            shipments.map(\.destination.names) == [
                ["a_shop", "s_1"], ["a_shop", "s"], ["_aws/x", "_"], ["good", "good stream"],
            ])
        func counts() -> [String] { encoder.counts.filter { $0.count > 0 }.map { "\($0.reason) \($0.count)" } }
        #expect(counts() == ["group_name_mended 3", "stream_name_mended 2"])
        _ = encoder.divide(&batch)
        #expect(counts() == ["group_name_mended 6", "stream_name_mended 4"])
    }

    @Test func aRequestHasAtMostTenThousandEvents() throws {
        var batch = batch(of: (0..<20_001).map { Line("\($0)") })
        var encoder = try encoder()
        #expect(try requests(&encoder, &batch).map(\.logEvents.count) == [10_000, 10_000, 1])
    }

    @Test func aRequestSpansAtMostADay() throws {
        let day: Int64 = 86_400_000
        var batch = batch(of: [
            Line("0"), Line("1", at: day), Line("2", at: day + 1), Line("3", at: 2 * day + 1), Line("4", at: 3 * day),
        ])
        var encoder = try encoder()
        #expect(
            try requests(&encoder, &batch).map { $0.logEvents.map(\.message) } == [["0", "1"], ["2", "3"], ["4"]])
    }

    @Test func aDateInTheNameGoesByTheTimeOfTheRecord() throws {
        let hour: Int64 = 3_600_000
        var batch = batch(of: [Line("0"), Line("1", at: hour), Line("2", at: 30 * hour), Line("3", at: 1)])
        var encoder = try encoder(stream: "{date}-{file_name}")
        let requests = try requests(&encoder, &batch)
        #expect(requests.map(\.logStreamName) == ["2026-11-21-a.log", "2026-11-22-a.log"])
        #expect(requests.map { $0.logEvents.map(\.message) } == [["0", "3", "1"], ["2"]])
    }

    @Test func namesAreMendedAndItIsSaidOnce() throws {
        let mended = Mended()
        var divider = CloudWatchDivider(try places("/app {field.none}", "{file}", mended))
        for _ in 0..<3 {
            var batch = batch(of: [Line("x", file: "a:b*.log"), Line("y", file: "c.log")])
            let shipments = divider.divide(&batch, messageBytes: [1, 1])
            #expect(
                shipments.map(\.destination.names) == [
                    ["/app_unknown", "/var/log/a_b_.log"], ["/app_unknown", "/var/log/c.log"],
                ])
        }
        #expect(mended.names == ["/app unknown -> /app_unknown", "/var/log/a:b*.log -> /var/log/a_b_.log"])
    }

    @Test(arguments: [
        ("", "unknown"), ("aws/x", "_aws/x"), ("grüße", "gr__e"), ("a.b-c_d/e#f9", "a.b-c_d/e#f9"),
        (String(repeating: "a", count: 600), String(repeating: "a", count: 512)),
    ])
    func namesOfGroups(name: String, wanted: String) { #expect(CloudWatchName.group.mended(name) == wanted) }

    @Test(arguments: [
        ("", "unknown"), ("a:b*c d", "a_b_c d"), ("grüße/1", "grüße/1"),
        (String(repeating: "ü", count: 600), String(repeating: "ü", count: 512)),
    ])
    func namesOfStreams(name: String, wanted: String) { #expect(CloudWatchName.stream.mended(name) == wanted) }

    /// What is idle is forgotten, and comes again where it was.
    @Test func placesAreBounded() throws {
        var divider = CloudWatchDivider(try places())
        for round in 0..<3 {
            for start in stride(from: 0, to: 10_000, by: 1_000) {
                var batch = batch(of: (start..<start + 1_000).map { Line("x", file: "\($0).log") })
                let shipments = divider.divide(&batch, messageBytes: [Int32](repeating: 1, count: 1_000))
                #expect(
                    shipments.map(\.destination.names[1]) == (start..<start + 1_000).map { "\($0).log" }, "\(round)")
                #expect(divider.places.destinations.count <= CloudWatchPlaces.limit + 1_000)
            }
        }
    }

    /// A field may be as long as a record. What is behind 512 characters is cut anyway, and kept nowhere.
    @Test func placesAreBoundedInBytes() throws {
        var divider = CloudWatchDivider(try places("/{field.app}", "{field.app}"))
        for round in 0..<20 {
            var batch = LogBatch(byteLimit: 16 << 20)
            for number in 0..<30 {
                let name = Array("\(round)-\(number)-\(String(repeating: "ü", count: 5_000))".utf8)
                let field = batch.addField("app", name)
                batch.append(
                    [0x78], 0..<1, fields: field..<field + 1, at: someTime,
                    next: Position(source: 1, offset: UInt64(number)))
            }
            let shipments = divider.divide(&batch, messageBytes: [Int32](repeating: 1, count: 30))
            #expect(shipments.count == 30)
            #expect(shipments.allSatisfy { $0.destination.names[1].unicodeScalars.count == 512 })
            #expect(divider.places.keptBytes <= CloudWatchPlaces.limitBytes + 30 * 2 * 2_049)
        }
        #expect(divider.places.mendedCounts.stream == 600)
    }

    /// The names of files are bytes: also those that no text has, alone or several.
    @Test func namesThatAreNoText() throws {
        for name in [[0xFF], [0xFF, 0xFF, 0xFF], [0x61, 0xFF, 0x62], [0xFE], [0x00]] as [[UInt8]] {
            var divider = CloudWatchDivider(try places("/{field.app}", "{field.app}"))
            for isDocument in [false, true] {
                var batch = LogBatch()
                let first = batch.addField("app", name)
                if isDocument { _ = batch.addField("log_group", name) }
                batch.append(
                    [0x78], 0..<1, fields: first..<batch.nextField, at: someTime,
                    next: Position(source: 1, offset: 1), isDocument: isDocument)
                let places = divider.divide(&batch, messageBytes: [1]).map(\.destination)
                let stream = String(decoding: name, as: UTF8.self)
                #expect(places.map { $0.names[1] } == [stream], "\(name)")
                #expect(places[0].otherNames.count == (isDocument ? 2 : 0))
            }
        }
    }

    /// Whatever comes: all of it once, each request as the service takes it.
    @Test func anyBatch() throws {
        var random = SeededRandom()
        for format in RecordFormat.allCases {
            var encoder = try encoder(format)
            for _ in 0..<20 {
                let longest = [10, 1_000, 40_000].randomElement(using: &random) ?? 10
                let lines = (0..<Int.random(in: 1...60, using: &random)).map { index in
                    var text = Array("#\(index) ".utf8)
                    text += random.bytes(0...longest)
                    return Line(
                        text, file: "\(Int.random(in: 0...3, using: &random)).log",
                        at: Int64.random(in: 0...200_000_000, using: &random))
                }
                var batch = batch(of: lines)
                let requests = try requests(&encoder, &batch)
                for request in requests {
                    let times = request.logEvents.map(\.timestamp)
                    #expect(times == times.sorted() && times.last! - times.first! <= 86_400_000)
                    #expect(request.logEvents.reduce(0) { $0 + $1.message.utf8.count + 26 } <= 1_048_576)
                    #expect(request.logEvents.allSatisfy { !$0.message.isEmpty })
                }
                #expect(requests.reduce(0) { $0 + $1.logEvents.count } == lines.count)
            }
        }
    }
}
