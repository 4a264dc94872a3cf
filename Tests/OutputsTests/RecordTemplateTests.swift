import AWS
import Logs
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordTemplateTests {
    private func filled(_ text: String, _ batch: LogBatch, fields: [(name: String, value: String)] = []) throws
        -> String
    {
        let template = try RecordTemplate(text, TemplateValues(context(fields: fields)))
        var bytes: [UInt8] = []
        template.append(batch.records[0], of: batch, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// One record with these fields.
    private func record(_ fields: [(StaticString, String)], at time: Int64 = someTime) -> LogBatch {
        var batch = LogBatch()
        let first = batch.nextField
        for (name, value) in fields { _ = batch.addField(name, Array(value.utf8)) }
        batch.append(
            Array("x".utf8), 0..<1, fields: first..<batch.nextField, at: time, next: Position(source: 1, offset: 1))
        return batch
    }

    @Test(arguments: [
        ("/vitals/{hostname}/{input}", "/vitals/web1/syslog"),
        ("{file}|{file_name}", "/var/log/app/a.log|a.log"),
        ("{field.app}", "shop"), ("{field.team}", "ops"), ("{field.none}", "unknown"), ("{field.none:-web}", "web"),
        ("{date}", "2026-11-21"), ("{date:%Y/%m/%d %H:%M:%S %%}", "2026/11/21 02:38:30 %"),
        ("{instance_id}", "web1"), ("{instance_id:-none}", "none"),
    ])
    func isFilledIn(text: String, wanted: String) throws {
        let batch = record([("file", "/var/log/app/a.log"), ("app", "shop")])
        #expect(try filled(text, batch, fields: [("team", "ops"), ("app", "not asked")]) == wanted)
    }

    @Test func aRecordWithoutAFileHasOneThatIsUnknown() throws {
        #expect(try filled("{file} {file_name} {file_name:-none}", record([])) == "unknown unknown none")
        #expect(try filled("{file_name}", record([("file", "plain")])) == "plain")
    }

    /// Names of files may have any bytes, and so may fields; receivers take text.
    @Test func whatIsNoTextIsRepaired() throws {
        var batch = LogBatch()
        let first = batch.nextField
        _ = batch.addField(
            "file", Array("/var/d".utf8) + [0xE9] + Array("/caf".utf8) + [0xFF, 0xC3] + Array(".log".utf8))
        _ = batch.addField("app", [0xC3, 0xA9, 0xED, 0xA0, 0x80])
        batch.append(
            Array("x".utf8), 0..<1, fields: first..<batch.nextField, at: someTime,
            next: Position(source: 1, offset: 1))
        let template = try RecordTemplate("{file} {file_name} {field.app}", TemplateValues(context()))
        var bytes: [UInt8] = []
        template.append(batch.records[0], of: batch, to: &bytes)
        let bad = "\u{FFFD}"
        let text = "/var/d\(bad)/caf\(bad)\(bad).log caf\(bad)\(bad).log é\(bad)\(bad)\(bad)"
        #expect(String(validating: bytes, as: UTF8.self) == text)
    }

    @Test func timesBefore1970() throws {
        #expect(try filled("{date:%Y-%m-%d %H:%M:%S}", record([], at: -1)) == "1969-12-31 23:59:59")
    }

    @Test func anInstanceThatIsKnown() throws {
        let values = TemplateValues(context(), instanceID: "i-0123")
        let template = try RecordTemplate("a/{instance_id:-none}", values)
        let batch = record([])
        var bytes: [UInt8] = []
        template.append(batch.records[0], of: batch, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "a/i-0123")
    }

    /// Nothing is waited for: until the instance has answered, something else stands there.
    @Test func whatTheInstanceSaysOfItself() throws {
        let known = Mutex<[String: String]>([:])
        let values = TemplateValues(context(), metadata: { name in known.withLock { $0[name] } })
        let template = try RecordTemplate("{instance_id} {region} {account_id:-none}", values)
        let batch = record([])
        func filled() -> String {
            var bytes: [UInt8] = []
            template.append(batch.records[0], of: batch, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(filled() == "web1 unknown none")
        known.withLock { $0 = ["instance_id": "i-1", "region": "eu-west-1", "account_id": "123"] }
        #expect(filled() == "i-1 eu-west-1 123")
    }

    /// The names are the module AWS's.
    @Test func theInstanceIsAskedBeforeTheFirstRecord() throws {
        let asked = Mutex<[String]>([])
        let values = TemplateValues(
            context(),
            metadata: { name in
                asked.withLock { $0.append(name) }
                return nil
            })
        let template = try RecordTemplate("/{region}/{file}/{instance_type}", values)
        #expect(asked.withLock { $0 } == [], "not for settings that are only checked")
        template.lookAhead()
        #expect(asked.withLock { $0 } == ["region", "instance_type"])
    }

    @Test func namesOfMetadata() {
        #expect(Set(HostValues.metadata + ["instance_id"]) == Set(InstanceMetadata.Item.allCases.map(\.rawValue)))
    }

    @Test func theShortestPeriodCounts() throws {
        func period(_ text: String) throws -> Int64? { try RecordTemplate(text, TemplateValues(context())).period }
        #expect(try period("{hostname}") == nil)
        #expect(try period("{date}") == 86_400)
        #expect(try period("{date:%H}{date}") == 3_600)
        #expect(try period("{date:%M}") == 60)
        #expect(try period("{date:%H:%S}") == 1)
    }

    /// At the line and column of the text, with the nearest name.
    @Test(arguments: [
        ("{hostnme}", "unknown variable {hostnme}, did you mean {hostname}?"),
        ("{date:%Q}", "{date:%Q}: of strftime, %Y %m %d %H %M %S and %% are known"),
        ("{file:x}", "{file:x}: only {date:…} takes a format"),
        ("{date:}", "{date:}: nothing of it is of the date"),
        ("{date:day %%}", "{date:day %%}: nothing of it is of the date"),
        ("{date:-x}", "{date:-x}: there is always a date, nothing stands for it"),
    ])
    func faultsStandWhereTheTextStands(text: String, reason: String) throws {
        var section = try section("{\n  \"log_group\": \"\(text)\" }", path: "outputs.aws")
        #expect { try section.template("log_group", TemplateValues(context())) } throws: {
            "\($0)" == "agent.json:2:16: outputs.aws.log_group: \(reason)"
        }
    }
}
