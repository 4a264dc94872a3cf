import Synchronization
import Testing

@testable import Settings

@Suite struct HostTemplateTests {
    @Test(arguments: [
        ("plain", "plain"), ("{hostname}.{input}", "web1.host"), ("{instance_id}", "web1"),
        ("{instance_id:-none}", "none"), ("{region}", "unknown"), ("{region:-}", ""), ("{{region}}", "{region}"),
    ]) func whatIsNotKnownHasASubstitute(text: String, wanted: String) throws {
        #expect(try HostTemplate(text, HostValues(hostName: "web1", inputName: "host")).text == wanted)
    }

    @Test func aHostWithoutAName() throws {
        let values = HostValues(hostName: "", inputName: "host")
        #expect(try HostTemplate("{hostname} {hostname:-x}", values).text == "unknown x")
    }

    @Test func whatTheInstanceSaysIsAskedEachTime() throws {
        let known = Mutex<[String: String]>([:])
        var values = HostValues(hostName: "web1", inputName: "host") { name in known.withLock { $0[name] } }
        let template = try HostTemplate("{instance_id}/{image_id:-none}", values)
        #expect(template.isAsking)
        #expect(template.text == "web1/none")
        known.withLock { $0 = ["instance_id": "i-1", "image_id": "ami-1"] }
        #expect(template.text == "i-1/ami-1")
        values.instanceID = "i-2"
        let fixed = try HostTemplate("{instance_id}", values)
        #expect(fixed.text == "i-2" && !fixed.isAsking)
    }

    @Test(arguments: [
        ("{date}", TemplateError.unknown("date")), ("{field.a}", .unknown("field.a")),
        ("{region:%Y}", .malformed("{region:%Y}: takes no format")),
    ]) func whatBelongsToRecordsIsUnknown(text: String, error: TemplateError) {
        #expect(throws: error) { try HostTemplate(text, HostValues(hostName: "web1", inputName: "host")) }
    }
}
