import Bytes
import Logs
import Platform
import Testing

@Suite struct JSONMessageTests {
    @Test func aUsualLine() {
        let parsed = parse(
            .json,
            #"{"time":"2026-11-21T02:38:30.123Z","level":"WARN","msg":"disk is \"full\"","path":"/var","free":0.25,"#
                + #""tries":3,"final":false,"cause":null,"http":{"status":503,"peer":{"ip":"192.0.2.1"}},"#
                + #""tags":["a",1]}"#
        )
        #expect(parsed.message == #"disk is "full""#)
        #expect(parsed.timeText == "2026-11-21T02:38:30.123000000Z")
        #expect(
            parsed.fields == [
                #"severity="warning""#, #"path="/var""#, "free=0.25", "tries=3", "final=false", "http.status=503",
                #"http.peer.ip="192.0.2.1""#, #"tags="["a",1]""#,
            ])
        #expect(parsed.events == [])
    }

    /// Of pino, bunyan, zap, zerolog, Docker's log drivers, ECS, Lambda, Python.
    @Test(arguments: [
        (
            #"{"level":30,"time":1795228710123,"pid":7,"hostname":"web1","msg":"hi"}"#, "hi", "info",
            "2026-11-21T02:38:30.123000000Z", [#"pid=7"#, #"hostname="web1""#]
        ),
        (
            #"{"level":"error","ts":1795228710.5,"caller":"a.go:1","msg":"hi"}"#, "hi", "error",
            "2026-11-21T02:38:30.500000000Z", [#"caller="a.go:1""#]
        ),
        (
            #"{"ts":1.7952287105E9,"lvl":"eror","message":"hi"}"#, "hi", "error",
            "2026-11-21T02:38:30.500000000Z", []
        ),
        (
            #"{"log":"hi\n","stream":"stderr","time":"2026-11-21T02:38:30.123456789Z"}"#, "hi\n", nil,
            "2026-11-21T02:38:30.123456789Z", [#"stream="stderr""#]
        ),
        (
            #"{"@timestamp":"2026-11-21T02:38:30Z","log.level":"INFO","message":"hi","ecs":{"version":"8.1"}}"#, "hi",
            "info", "2026-11-21T02:38:30Z", [#"ecs.version="8.1""#]
        ),
        (
            #"{"@timestamp":"2026-11-21T02:38:30Z","log":{"level":"INFO"},"message":"hi"}"#, "hi",
            "info", "2026-11-21T02:38:30Z", []
        ),
        (
            #"{"timestamp":"2026-11-21T03:38:30+01:00","levelname":"CRITICAL","message":"hi"}"#, "hi", "critical",
            "2026-11-21T02:38:30Z", []
        ),
        (
            #"{"severity":4,"timestamp":"1795228710123456","msg":"hi"}"#, "hi", "warning",
            "2026-11-21T02:38:30.123456000Z", []
        ),
        (
            #" { "msg" : "hi" , "a" : { } , "b" : [ ] } "#, "hi", nil, "2026-11-21T12:00:00Z",
            [#"a="{ }""#, #"b="[ ]""#]
        ),
    ])
    func lines(line: String, message: String, severity: String?, time: String, rest: [String]) {
        let parsed = parse(.json, line)
        #expect(parsed.message == message)
        #expect(parsed.timeText == time)
        #expect(parsed.fields == (severity.map { ["severity=\"\($0)\""] } ?? []) + rest)
        #expect(parsed.events == [])
    }

    /// What is not one object passes whole.
    @Test(arguments: [
        "", "plain text", "[1]", "12", #"{"a":1"#, #"{"a":1}x"#, #"{"a":1}{"b":2}"#, #"{"a":01}"#, #"{"a":}"#,
        #"{"a":1,}"#, #"{,"a":1}"#, #"{a:1}"#, #"{"a" 1}"#, #"{"a":"x}"#, #"{"a":"x\"}"#, #"{"a":[1}"#, #"{"a":[1}]"#,
        #"{"a":{"b":1}"#, #"{"a":1}}"#, #"{"a":tru}"#, #"{"a":1.}"#, #"{"a":1e}"#, #"{"a":-}"#, #"{"a":+1}"#, "{",
        "{\"",
    ])
    func whatIsNoObject(line: String) {
        let parsed = parse(.json, line)
        #expect(parsed.message == line)
        #expect(parsed.fields == [])
        #expect(parsed.time == readingTime)
        #expect(parsed.events == ["parse_failed"])
    }

    @Test func anEmptyObjectIsItsOwnMessage() {
        let parsed = parse(.json, "{}")
        #expect(parsed == Parsed(message: "{}", fields: [], time: readingTime, events: []))
    }

    @Test(arguments: [
        (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{C}\n\r\tz"),
        (#""\u00e9\u20AC\ud83d\ude00""#, "é€😀"),
        (#""\ud83d x \ude00""#, "\u{FFFD} x \u{FFFD}"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"),
        (#""\u0000""#, "\0"),
        // No escapes that there are.
        (#""\q \u12 \u12G4 C:\dir""#, #"\q \u12 \u12G4 C:\dir"#),
        (#""tab\#there""#, "tab\there"),
        (#""""#, ""),
    ])
    func escapes(text: String, value: String) {
        let parsed = parse(.json, #"{"a":\#(text),"msg":"hi"}"#)
        #expect(parsed.fields == ["a=\"\(value)\""])
        #expect(parse(.json, #"{"msg":\#(text)}"#).message == value)
    }

    @Test func namesWithEscapes() {
        #expect(parse(.json, #"{"a\u0062\n":1,"x\"":{"\u0079":2}}"#).fields == ["ab\n=1", "x\".y=2"])
        #expect(parse(.json, #"{"\u006dsg":"hi","\u006c\u0076\u006c":"info"}"#).message == "hi")
    }

    /// No name twice, neither one of the log's own nor one that records have.
    @Test func namesThatAreTaken() {
        #expect(parse(.json, #"{"a":1,"a":2,"a_":3,"a":4}"#).fields == ["a=1", "a_=2", "a__=3", "a___=4"])
        #expect(parse(.json, #"{"a.b":1,"a":{"b":2}}"#).fields == ["a.b=1", "a.b_=2"])
        #expect(
            parse(.json, #"{"host":"x","file":"y","input":"z","truncated":1,"unit":2,"message":{"a":1},"msg":"hi"}"#)
                == Parsed(
                    message: "hi",
                    fields: [#"host_="x""#, #"file_="y""#, #"input_="z""#, "truncated_=1", "unit=2", "message.a=1"],
                    time: readingTime, events: []))
        // The one that counts is taken out; the other is a field.
        #expect(parse(.json, #"{"msg":"one","message":"two"}"#).fields == [#"msg="one""#])
        #expect(parse(.json, #"{"message":["a"],"msg":"hi"}"#).fields == [#"message_="["a"]""#])
        // Words that mean something are never what they do not mean.
        #expect(
            parse(.json, #"{"severity":"high","trace_id":"7","original":1}"#).fields
                == [#"severity_="high""#, #"trace_id_="7""#, "original_=1"])
        let reserving = RecordParsing(.json, reserving: ["app"])
        #expect(parse(reserving, #"{"app":"x"}"#).fields == [#"app_="x""#])
    }

    /// An input that gives all that it knows, as the journal does.
    @Test func namesThatTheInputGave() {
        var input = LogBatch()
        let name = Array("severity_codes".utf8)
        let field = input.addField(named: 0..<8, 8..<14, isNumber: false, of: name)
        let line = Array(#"{"severity":"info","sever":1}"#.utf8)
        input.append(
            line, 0..<line.count, fields: field..<field + 1, at: 0, next: Position(source: 1, offset: 1))
        let other = input.addField(named: 0..<5, 5..<8, isNumber: false, of: name)
        input.append(
            line, 0..<line.count, fields: other..<other + 1, at: 0, next: Position(source: 1, offset: 2))
        var pipeline = RecordPipeline()
        pipeline.parsing = RecordParsing(.json)
        var batch = LogBatch()
        var next = 0
        pipeline.process(
            input, from: &next, into: &batch, at: Moment(monotonic: Instant(nanoseconds: 0), unixNanoseconds: 0))
        let names = batch.records.map { record in
            batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map {
                String(decoding: batch.bytes[$0.name.range], as: UTF8.self)
            }
        }
        // What the input says is kept; what the log says of the same is beside it.
        #expect(names == [["severity", "severity_", "sever"], ["sever", "severity", "sever_"]])
    }

    /// Two names of broken UTF-8 would be the same when they are written.
    @Test func namesThatAreNoText() {
        let line =
            Array(#"{"a"#.utf8) + [0xFF] + Array(#"":1,"a"#.utf8) + [0xFE] + Array(#"":2,"é":3,"msg":"hi"}"#.utf8)
        let parsed = parse(RecordParsing(.json), [line])[0]
        #expect(parsed.message == "hi")
        #expect(parsed.fields == ["é=3", "original=\"\(String(decoding: line, as: UTF8.self))\""])
        #expect(parsed.events == ["fields_cut"])
    }

    @Test func limits() {
        // Depth: the fifth level is text.
        #expect(
            parse(.json, #"{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}"#).fields == [#"a.b.c.d.e="{"f":1}""#])
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(parse(.json, #"{"a":\#(deep)}"#).events == [])
        #expect(parse(.json, #"{"a":[\#(deep)]}"#).events == ["parse_failed"])
        let abyss = String(repeating: #"{"a":"#, count: 100_000)
        #expect(parse(.json, abyss).events == ["parse_failed"])

        // Number of fields.
        let many = #"{"msg":"hi",\#((0..<500).map { #""f\#($0)":\#($0)"# }.joined(separator: ","))}"#
        let parsed = parse(.json, many)
        #expect(parsed.message == "hi")
        #expect(parsed.fields.count == 128)
        #expect(parsed["original"] == "\"\(many)\"")
        #expect(parsed.events == ["fields_cut"])

        // Names: each level repeats those above.
        let long = String(repeating: "n", count: 250)
        #expect(parse(.json, #"{"\#(long)":{"a":1}}"#).fields == ["\(long).a=1"])
        let tooLong = parse(.json, #"{"\#(long)":{"abcdef":1,"b":2},"msg":"hi"}"#)
        #expect(tooLong.fields.first == "\(long).b=2")
        #expect(tooLong.fields.count == 2 && tooLong.events == ["fields_cut"])
        // The same name again and again.
        let same = #"{\#((0..<9).map { #""a":\#($0)"# }.joined(separator: ","))}"#
        #expect(parse(.json, same).fields == ["a=0", "a_=1", "a__=2", "a___=3", "a____=4"])
    }

    @Test func theOriginalIsKeptWhenAskedFor() {
        let parsing = RecordParsing(.json, keepsOriginal: true)
        #expect(parse(parsing, #"{"msg":"hi","a":1}"#).fields == ["a=1", #"original="{"msg":"hi","a":1}""#])
        // The message is the whole line already.
        #expect(parse(parsing, #"{"a":1}"#).fields == ["a=1"])
    }

    @Test(arguments: [
        (#"{"time":"soon","msg":"hi"}"#, [#"time="soon""#]),
        (#"{"timestamp":"2026-13-01T00:00:00Z","msg":"hi"}"#, [#"timestamp_="2026-13-01T00:00:00Z""#]),
        (#"{"ts":"9999-01-01T00:00:00Z","msg":"hi"}"#, [#"ts="9999-01-01T00:00:00Z""#]),
        (#"{"ts":1e99,"msg":"hi"}"#, ["ts=1e99"]),
    ])
    func aTimeThatCannotBeRead(line: String, fields: [String]) {
        let parsed = parse(.json, line)
        #expect(parsed.time == readingTime)
        #expect(parsed.fields == fields)
        #expect(parsed.events == ["time_unreadable"])
    }

    /// Never that of the record before.
    @Test func timesAreOfTheirOwnRecord() {
        let lines = [#"{"ts":1795228710}"#, #"{"ts":"x"}"#, "plain", #"{"ts":1795228711}"#, "{}"]
        let times = parse(RecordParsing(.json), lines.map { Array($0.utf8) }).map(\.time)
        #expect(
            times == [1_795_228_710_000_000_000, readingTime, readingTime, 1_795_228_711_000_000_000, readingTime])
    }

    @Test func aFieldOfTheSettings() {
        let parsing = RecordParsing(.json, timeField: "meta.at", time: .epoch(nanoseconds: 1_000_000))
        let parsed = parse(parsing, #"{"time":"2026-11-21T02:38:30Z","meta":{"at":1795228710123},"msg":"hi"}"#)
        #expect(parsed.timeText == "2026-11-21T02:38:30.123000000Z")
        #expect(parsed.fields == [#"time="2026-11-21T02:38:30Z""#])
        // It is to be there.
        #expect(parse(parsing, #"{"time":"2026-11-21T02:38:30Z"}"#).events == ["time_unreadable"])
    }
}
